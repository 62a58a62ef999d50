"""Writing by external id: exact values, row by row fates, nothing doubled, one bad row never holds back others."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.scripted import Asked, Reply
from connector.clients.salesforce import Verdict, parent
from connector.clients.salesforce.formats import timestamp, to_json
from connector.errors import Transient, Unavailable

from .rig import API, Rig, fault, one_by_one, written

KEY = "Billing_Key__c"


def row(key: str, **more: Any) -> dict[str, Any]:
    return {KEY: key, **more}


def failed(code: str, message: str = "because", *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


OK = {"id": "001000000000001AAA", "success": True, "errors": [], "created": False}


def test_an_upsert_is_one_collections_call_with_its_headers(salesforce: Rig) -> None:
    client = salesforce(written)
    done = client.upsert("Account", KEY, [row("a", Name="A"), row("b", Name=None)])
    assert [(result.key, result.created, result.error) for result in done] == [
        ("a", True, None),
        ("b", True, None),
    ]
    (asked,) = salesforce.asked
    assert (asked.method, asked.path) == ("PATCH", f"{API}/composite/sobjects/Account/{KEY}")
    assert asked.json() == {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Account"}, KEY: "a", "Name": "A"},
            {"attributes": {"type": "Account"}, KEY: "b", "Name": None},
        ],
    }
    assert asked.headers["sforce-auto-assign"] == "FALSE"
    assert asked.headers["sforce-duplicate-rule-header"] == "allowSave=true"
    assert asked.headers["sforce-mru"] == "updateMru=false"


def test_more_rows_than_a_call_may_hold_go_in_several(salesforce: Rig) -> None:
    client = salesforce(written)
    done = client.upsert("Account", KEY, [row(str(n)) for n in range(401)])
    assert [result.key for result in done] == [str(n) for n in range(401)]
    assert [len(asked.json()["records"]) for asked in salesforce.asked] == [200, 200, 1]


def test_no_rows_mean_no_call(salesforce: Rig) -> None:
    assert salesforce(written).upsert("Account", KEY, []) == []
    assert salesforce.asked == []


def test_the_same_key_twice_is_a_fault_of_the_caller(salesforce: Rig) -> None:
    with pytest.raises(ValueError, match="same key twice in one batch: a"):
        salesforce(written).upsert("Account", KEY, [row("a"), row("b"), row("a")])
    assert salesforce.asked == []


def test_attributes_come_first_in_a_row_and_in_its_parents(salesforce: Rig) -> None:
    salesforce(written).upsert("Case", KEY, [row("c", Account=parent("Account", KEY, "a"))])
    text = salesforce.asked[0].body.decode()
    assert '{"attributes":{"type":"Case"},' in text
    assert f'"Account":{{"attributes":{{"type":"Account"}},"{KEY}":"a"}}' in text


def test_one_refused_row_does_not_hold_back_the_others(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply([OK, failed("STRING_TOO_LONG", "too long", "Name"), OK]))
    first, second, third = client.upsert("Account", KEY, [row("a"), row("b"), row("c")])
    assert (first.error, third.error) == (None, None)
    assert second.error is not None
    assert (second.id, second.error.verdict, second.error.fields) == (None, Verdict.DEAD, ("Name",))
    assert (second.error.code, second.error.message) == ("STRING_TOO_LONG", "too long")
    assert "field Name of Account" in second.error.text


def test_a_locked_row_may_be_written_later(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply([failed("UNABLE_TO_LOCK_ROW")]))
    error = client.upsert("Case", KEY, [row("c")])[0].error
    assert error is not None
    assert (error.verdict, error.retry_after) == (Verdict.RETRY, 5.0)
    assert len(salesforce.asked) == 1


def test_of_several_errors_the_one_no_retry_mends_decides(salesforce: Rig) -> None:
    both = failed("UNABLE_TO_LOCK_ROW")
    both["errors"] += failed("STRING_TOO_LONG")["errors"]
    error = salesforce(lambda asked: Reply([both])).upsert("Case", KEY, [row("c")])[0].error
    assert error is not None
    assert error.verdict is Verdict.DEAD
    assert "Also: Somebody else" in error.text


def test_the_loser_of_a_race_for_a_new_key_is_sent_again_alone(salesforce: Rig) -> None:
    lost = failed("DUPLICATE_VALUE", f"duplicate value found: {KEY} duplicates value on record with id: 001x")
    client = salesforce(one_by_one(Reply([OK, lost, OK]), Reply([OK])))
    assert [result.error for result in client.upsert("Case", KEY, [row("a"), row("b"), row("c")])] == [
        None
    ] * 3
    assert [record[KEY] for record in salesforce.asked[1].json()["records"]] == ["b"]


def test_a_duplicate_that_stays_is_for_a_person(salesforce: Rig) -> None:
    lost = failed("DUPLICATE_VALUE", "duplicate value found: X__c duplicates value on record with id: 001x")
    error = salesforce(lambda asked: Reply([lost])).upsert("Case", KEY, [row("a")])[0].error
    assert error is not None
    assert error.verdict is Verdict.DEAD
    assert len(salesforce.asked) == 2


def refusing(*culprits: str, message: str = "Cannot deserialize at [line:1, column:{n}]") -> Any:
    """The envelope is refused if a culprit is in it; the message tells where."""

    def script(asked: Asked) -> Reply:
        keys = [record[KEY] for record in asked.json()["records"]]
        bad = [n for n, key in enumerate(keys) if key in culprits]
        if bad:
            return fault(400, "JSON_PARSER_ERROR", message.format(n=f"{bad[0]}/{len(keys)}"))
        return written(asked)

    return script


def test_a_row_salesforce_cannot_read_is_found_and_the_others_are_written(salesforce: Rig) -> None:
    client = salesforce(refusing("77"))
    done = client.upsert("Case", KEY, [row(str(n)) for n in range(200)])
    assert [result.key for result in done if result.error] == ["77"]
    assert len(salesforce.asked) < 20


def test_two_unreadable_rows_are_both_found(salesforce: Rig) -> None:
    done = salesforce(refusing("3", "150")).upsert("Case", KEY, [row(str(n)) for n in range(200)])
    assert [result.key for result in done if result.error] == ["3", "150"]


def test_what_is_wrong_with_every_row_is_not_asked_two_hundred_times(salesforce: Rig) -> None:
    missing = fault(400, "INVALID_FIELD", "No such column 'X__c' on sobject of type Case")
    done = salesforce(lambda asked: missing).upsert("Case", KEY, [row(str(n), X__c=1) for n in range(200)])
    assert len(salesforce.asked) == 3
    assert {result.error.code for result in done if result.error} == {"INVALID_FIELD"}
    assert len(done) == 200


def test_an_org_without_api_calls_left_pauses_everything(salesforce: Rig) -> None:
    limit = fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    with pytest.raises(Unavailable) as told:
        salesforce(lambda asked: limit).upsert("Case", KEY, [row("a"), row("b")])
    assert told.value.retry_after == 900
    assert len(salesforce.asked) == 1


@pytest.mark.parametrize("answer", [Reply([OK]), Reply({"hasErrors": False}), Reply(None, 204)])
def test_an_answer_that_does_not_fit_the_rows_is_transient(salesforce: Rig, answer: Reply) -> None:
    with pytest.raises(Transient, match="does not fit the 2 rows"):
        salesforce(lambda asked: answer).upsert("Case", KEY, [row("a"), row("b")])


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.1") + Decimal("0.2"), "0.3"),
        (Decimal("49.00"), "49.00"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000"), "0.000"),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        (Decimal("-5"), "-5"),
        (7, "7"),
        (True, "true"),
        (None, "null"),
        ('say "hé"\n', '"say \\"hé\\"\\n"'),
        (date(2026, 5, 1), '"2026-05-01"'),
        (datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC), '"2026-05-01T07:25:37.000Z"'),
        (
            datetime(2026, 5, 1, 7, 25, 37, 999999, tzinfo=timezone(timedelta(hours=2))),
            '"2026-05-01T05:25:37.999Z"',
        ),
    ],
)
def test_values_are_written_exactly(value: object, text: str) -> None:
    assert to_json(value) == text


@pytest.mark.parametrize("value", [0.1, Decimal("NaN"), Decimal("Infinity"), b"bytes", object()])
def test_what_cannot_be_exact_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_json(value)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        timestamp(datetime(2026, 5, 1))  # noqa: DTZ001


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_whatever_is_written_reads_back_the_same(value: object) -> None:
    assert json.loads(to_json(value), parse_float=Decimal, parse_int=Decimal) == value
