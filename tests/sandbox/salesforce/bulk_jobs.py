"""A bulk job step by step, as a client takes it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from werkzeug.test import TestResponse

if TYPE_CHECKING:
    from conftest import Api

JOBS = "jobs/ingest"
UPSERT = {"operation": "upsert", "externalIdFieldName": "Billing_Key__c"}


def create(api: Api, object: str = "Account", operation: str = "insert", **more: Any) -> str:
    answer = api("POST", JOBS, {"object": object, "operation": operation, **more})
    assert answer.status_code == 200, answer.get_json()
    job: str = answer.get_json()["id"]
    return job


def upload(api: Api, job: str, text: str, **options: Any) -> TestResponse:
    return api("PUT", f"{JOBS}/{job}/batches", data=text.encode(), content_type="text/csv", **options)


def turn(api: Api, job: str, state: str) -> TestResponse:
    return api("PATCH", f"{JOBS}/{job}", {"state": state})


def info(api: Api, job: str) -> dict[str, Any]:
    told: dict[str, Any] = api("GET", f"{JOBS}/{job}").get_json()
    return told


def results(api: Api, job: str, which: str) -> list[dict[str, str]]:
    answer = api("GET", f"{JOBS}/{job}/{which}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def load(api: Api, text: str, object: str = "Account", operation: str = "insert", **more: Any) -> str:
    """A job taken to its end."""
    job = create(api, object, operation, **more)
    assert upload(api, job, text).status_code == 201
    assert turn(api, job, "UploadComplete").status_code == 200
    while info(api, job)["state"] in ("UploadComplete", "InProgress"):
        pass
    return job


def error(answer: TestResponse) -> tuple[int, str, str]:
    (told,) = answer.get_json()
    return answer.status_code, told["errorCode"], told["message"]


def table(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def accounts(number: int, header: str = "Billing_Key__c,Name") -> str:
    return table(header, *(f"k{place},N{place}" for place in range(number)))
