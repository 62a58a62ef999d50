"""What Bulk API 2.0 is told and tells, cell by cell and error by error."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.clients.salesforce import Verdict, parent
from connector.clients.salesforce.formats import csv_files
from connector.clients.salesforce.jobs import job_error, row_error

KEY = "Billing_Key__c"


def cells(*told: dict[str, Any]) -> list[list[str]]:
    ((_, data),) = csv_files(told, KEY)
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def text(*told: dict[str, Any]) -> str:
    ((_, data),) = csv_files(told, KEY)
    return data.decode()


def test_columns_do_not_depend_on_the_order_of_rows_or_fields() -> None:
    one, two = {KEY: "a", "Name": "A", "Phone": "1"}, {"Phone": "2", "Fax": "3", KEY: "b"}
    assert cells(one, two)[0] == cells(two, one)[0] == [KEY, "Fax", "Name", "Phone"]


def test_absent_is_left_alone_and_none_and_empty_text_clear() -> None:
    assert text({KEY: "a", "Name": None}, {KEY: "b"}, {KEY: "c", "Name": ""}) == (
        f'"{KEY}","Name"\n"a",#N/A\n"b",\n"c",#N/A\n'
    )


def test_parents_become_columns_and_their_rows_lie_together() -> None:
    def child(key: str, account: str) -> dict[str, Any]:
        return {KEY: key, "Account": parent("Account", KEY, account), "X__r": parent("X__c", KEY, "x")}

    table = cells(child("1", "b"), child("2", "a"), child("3", "b"), {KEY: "4"})
    assert table[0] == [KEY, f"Account.{KEY}", f"X__r.{KEY}"]
    assert [(row[0], row[1]) for row in table[1:]] == [("4", ""), ("2", "a"), ("1", "b"), ("3", "b")]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC), "2026-05-01T07:25:37.000Z"),
        ("=1+1", '"=1+1"'),
        (" leading", '" leading"'),
        ('say "hé",\n', '"say ""hé"",\n"'),
        ("true", '"true"'),
    ],
)
def test_values_are_written_as_salesforce_reads_them(value: object, cell: str) -> None:
    assert text({KEY: "a", "X__c": value}) == f'"{KEY}","X__c"\n"a",{cell}\n'


@pytest.mark.parametrize("value", [0.1, Decimal("NaN"), b"bytes"])
def test_what_cannot_be_exact_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        text({KEY: "a", "X__c": value})


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: "\0" not in t))
)
def test_any_text_reads_back_the_same(texts: list[str]) -> None:
    told = [{KEY: str(n), "X__c": each} for n, each in enumerate(texts)]
    for part, data in csv_files(told, KEY):
        read = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        assert [row["X__c"] for row in read] == [row["X__c"] for row in part]


# --- what Salesforce says ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "code", "message", "fields"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [Name]",
            ("Name",),
        ),
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [A__c, B__c]:A__c B__c --",
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [A__c, B__c]",
            ("A__c", "B__c"),
        ),
        (
            "DUPLICATE_VALUE:duplicate value found: K__c duplicates value on record with id: 001000000000001:--",
            "DUPLICATE_VALUE",
            "duplicate value found: K__c duplicates value on record with id: 001000000000001",
            (),
        ),
        (
            "DUPLICATE_VALUE:duplicate value found: K__c duplicates value on record with id: 001000000000001",
            "DUPLICATE_VALUE",
            "duplicate value found: K__c duplicates value on record with id: 001000000000001",
            (),
        ),
        (
            "FIELD_CUSTOM_VALIDATION_EXCEPTION:Say why:\nnow:--",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "Say why:\nnow",
            (),
        ),
        ("something went wrong", "", "something went wrong", ()),
        ("", "", "", ()),
    ],
)
def test_the_error_of_a_row_is_taken_apart(
    told: str, code: str, message: str, fields: tuple[str, ...]
) -> None:
    error = row_error(told, "Account")
    assert (error.code, error.message, error.fields) == (code, message, fields)


def test_of_several_errors_of_a_row_the_one_no_retry_mends_decides() -> None:
    told = "UNABLE_TO_LOCK_ROW:busy:--STRING_TOO_LONG:Name: too long:Name --"
    error = row_error(told, "Account")
    assert (error.code, error.fields) == ("STRING_TOO_LONG", ("Name",))
    assert "Also: Somebody else" in error.text


def test_a_duplicate_names_the_record_that_holds_the_value() -> None:
    told = (
        "DUPLICATE_VALUE:duplicate value found: K__c duplicates value on record with id: 001Vr00000m4eGC:--"
    )
    assert row_error(told, "Account").matches == ("001Vr00000m4eGC",)


def test_an_unknown_end_of_a_job_may_be_tried_again() -> None:
    assert job_error("Failed", "Teapot : short and stout", "Account").verdict is Verdict.RETRY
