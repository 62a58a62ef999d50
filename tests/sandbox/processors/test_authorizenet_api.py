"""Authorize.Net's one address, asked as its documentation says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from conftest import Town


def ask(town: Town, trans_id: str, key: str = "sandbox", what: str = "getTransactionDetailsRequest") -> Any:
    login = {"name": "sandbox", "transactionKey": key}
    body = {what: {"merchantAuthentication": login, "transId": trans_id}}
    answer = requests.post(f"{town.processors}/xml/v1/request.api", json=body, timeout=10)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return json.loads(answer.content.decode("utf-8-sig"))


def code(told: dict[str, Any]) -> tuple[str, str]:
    messages = told["messages"]
    return messages["resultCode"], messages["message"][0]["code"]


def test_the_details_carry_the_invoice_number(town: Town) -> None:
    town.play("fraud_held_then_approved")
    *_, row = town.records("charge")
    told = ask(town, row["id"])
    assert code(told) == ("Ok", "I00001")
    assert row["id"].isdigit()
    found = told["transaction"]
    assert found["order"]["invoiceNumber"] == str(row["invoice"])
    assert (found["transactionStatus"], found["authAmount"]) == ("settledSuccessfully", 131.0)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "E00040"),
        ({"key": "other"}, "E00007"),
        ({"what": "deleteEverythingRequest"}, "E00003"),
    ],
)
def test_errors_come_with_status_200(town: Town, more: dict[str, str], expected: str) -> None:
    assert code(ask(town, "1", **more)) == ("Error", expected)


def test_too_many_requests_are_429(town: Town) -> None:
    town.plane("POST", "faults", {"kind": "rate_limited", "times": 1})
    answer = requests.post(f"{town.processors}/xml/v1/request.api", json={}, timeout=10)
    assert answer.status_code == 429
