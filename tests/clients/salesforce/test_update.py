"""Changing records by Id, one row alone, reading what was deleted, and rows refused for their company's sake."""

from __future__ import annotations

from typing import Any

import pytest

from clients.scripted import DROP, Asked, Reply
from connector.clients.salesforce import Match, Verdict
from connector.errors import Unavailable

from .rig import API, SESSION_REFUSED, Rig, fault, one_by_one, written

KEY = "Billing_Key__c"
IDS = [f"001{n:012d}AAA" for n in range(401)]
OK = {"id": IDS[0], "success": True, "errors": []}


def row(id_: str, **more: Any) -> dict[str, Any]:
    return {"Id": id_, KEY: f"key {id_}", **more}


def failed(code: str, message: str = "because", *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


def test_an_update_is_one_call_with_the_headers_of_an_upsert(salesforce: Rig) -> None:
    client = salesforce(written)
    client.upsert("Account", KEY, [{KEY: "a"}])
    done = client.update("Account", [row(IDS[0], Name="A"), row(IDS[1], Name=None)])
    assert [(result.key, result.error) for result in done] == [(IDS[0], None), (IDS[1], None)]
    upsert, update = salesforce.asked
    assert (update.method, update.path) == ("PATCH", f"{API}/composite/sobjects")
    assert update.json() == {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Account"}, "id": IDS[0], KEY: f"key {IDS[0]}", "Name": "A"},
            {"attributes": {"type": "Account"}, "id": IDS[1], KEY: f"key {IDS[1]}", "Name": None},
        ],
    }
    for name in ("sforce-auto-assign", "sforce-duplicate-rule-header", "sforce-mru"):
        assert update.headers[name] == upsert.headers[name]


def test_an_update_creates_nothing(salesforce: Rig) -> None:
    (result,) = salesforce(lambda asked: Reply([OK])).update("Account", [row(IDS[0])])
    assert (result.id, result.created) == (IDS[0], False)


def test_more_rows_than_a_call_may_hold_go_in_several(salesforce: Rig) -> None:
    done = salesforce(written).update("Account", [row(id_) for id_ in IDS])
    assert [result.key for result in done] == IDS
    assert [len(asked.json()["records"]) for asked in salesforce.asked] == [200, 200, 1]


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"])
def test_a_record_that_is_gone_is_the_error_of_its_row(salesforce: Rig, code: str) -> None:
    client = salesforce(lambda asked: Reply([OK, failed(code), OK]))
    first, gone, third = client.update("Account", [row(id_) for id_ in IDS[:3]])
    assert (first.error, third.error) == (None, None)
    assert gone.error is not None
    assert (gone.key, gone.error.code, gone.error.verdict) == (IDS[1], code, Verdict.DEAD)


def test_an_id_salesforce_cannot_read_does_not_hold_back_the_others(salesforce: Rig) -> None:
    def script(asked: Asked) -> Reply:
        if any(record["id"] == "soup" for record in asked.json()["records"]):
            position = [record["id"] for record in asked.json()["records"]].index("soup")
            return fault(
                400, "MALFORMED_ID", f"malformed id soup at {position} of {len(asked.json()['records'])}"
            )
        return written(asked)

    ids = [*IDS[:77], "soup", *IDS[78:200]]
    done = salesforce(script).update("Account", [row(id_) for id_ in ids])
    assert [(result.key, result.error.code) for result in done if result.error] == [("soup", "MALFORMED_ID")]
    assert len(done) == 200


def test_a_connection_dropped_after_the_commit_is_repeated(salesforce: Rig) -> None:
    client = salesforce(one_by_one(DROP, Reply([OK])))
    assert client.update("Account", [row(IDS[0])])[0].error is None
    first, second = salesforce.asked
    assert (first.body, first.headers) == (second.body, second.headers)


def test_an_expired_session_is_renewed_and_an_update_keeps_its_headers(salesforce: Rig) -> None:
    client = salesforce(one_by_one(SESSION_REFUSED, Reply([OK])))
    assert client.update("Account", [row(IDS[0])])[0].error is None
    first, second = salesforce.asked
    assert {**first.headers, "authorization": ""} == {**second.headers, "authorization": ""}


def test_the_same_id_twice_is_a_fault_of_the_caller(salesforce: Rig) -> None:
    with pytest.raises(ValueError, match="same key twice"):
        salesforce(written).update("Account", [row(IDS[0]), row(IDS[0])])


# --- refused for the company's sake --------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"])
def test_rows_rolled_back_because_of_one_are_sent_again_without_it(salesforce: Rig, code: str) -> None:
    culprit = failed("STRING_TOO_LONG")
    client = salesforce(one_by_one(Reply([failed(code), culprit, failed(code)]), Reply([OK, OK])))
    done = client.upsert("Account", KEY, [{KEY: "a"}, {KEY: "b"}, {KEY: "c"}])
    assert [result.error and result.error.code for result in done] == [None, "STRING_TOO_LONG", None]
    assert [record[KEY] for record in salesforce.asked[1].json()["records"]] == ["a", "c"]
    assert len(salesforce.asked) == 2


def test_rows_rolled_back_without_a_culprit_are_left_for_later(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply([failed("PROCESSING_HALTED")]))
    error = client.upsert("Account", KEY, [{KEY: "a"}])[0].error
    assert error is not None
    assert error.verdict is Verdict.RETRY
    assert len(salesforce.asked) == 1


def test_keys_the_org_takes_for_the_same_are_sent_in_calls_of_their_own(salesforce: Rig) -> None:
    twice = failed("DUPLICATE_VALUE", "Duplicate external id specified: ab")
    client = salesforce(one_by_one(Reply([twice, OK, twice]), Reply([OK])))
    done = client.upsert("Account", KEY, [{KEY: "ab"}, {KEY: "c"}, {KEY: "AB"}])
    assert [result.error for result in done] == [None, None, None]
    sent = [[record[KEY] for record in asked.json()["records"]] for asked in salesforce.asked]
    assert sent == [["ab", "c", "AB"], ["ab"], ["AB"]]


def test_a_whole_org_that_is_out_is_no_ones_fault(salesforce: Rig) -> None:
    with pytest.raises(Unavailable):
        salesforce(lambda asked: fault(503, "SERVER_UNAVAILABLE")).update(
            "Account", [row(IDS[0]), row(IDS[1])]
        )
    assert len(salesforce.asked) == 1


# --- one row alone -------------------------------------------------------------------------------------------


def test_one_row_alone_is_told_which_records_it_would_double(salesforce: Rig) -> None:
    record = {"attributes": {"type": "Account"}, "Id": IDS[7]}
    more = {"duplicateResut": {"matchResults": [{"matchRecords": [{"record": record}]}]}}
    client = salesforce(lambda asked: fault(400, "DUPLICATES_DETECTED", "Use one of these?", **more))
    result = client.upsert_alone("Account", KEY, {KEY: "recurly:a/b@c.inc", "Name": "A"})
    assert result.error is not None
    assert result.error.matched == (Match("Account", IDS[7]),)
    (asked,) = salesforce.asked
    assert asked.target == f"{API}/sobjects/Account/{KEY}/recurly%3Aa%2Fb%40c.inc"
    assert asked.json() == {"Name": "A"}
    assert asked.headers["sforce-auto-assign"] == "FALSE"


def test_one_row_alone_is_written_like_any_other(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply({**OK, "created": True}, 201))
    result = client.upsert_alone("Account", KEY, {KEY: "a"})
    assert (result.key, result.id, result.created, result.error) == ("a", IDS[0], True, None)


def test_a_key_on_two_records_names_both(salesforce: Rig) -> None:
    found = [f"{API}/sobjects/Account/{id_}" for id_ in IDS[:2]]
    error = salesforce(lambda asked: Reply(found, 300)).upsert_alone("Account", KEY, {KEY: "a"}).error
    assert error is not None
    assert (error.code, error.matches) == ("DUPLICATE_EXTERNAL_ID", tuple(IDS[:2]))
    assert salesforce.logins.count == 1


# --- what was deleted ----------------------------------------------------------------------------------------


def test_deleted_and_merged_rows_are_read_page_after_page(salesforce: Rig) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path.endswith("/queryAll/"):
            more = f"{API}/query/01gxx-2000"
            return Reply({"totalSize": 2, "done": False, "nextRecordsUrl": more, "records": [{"Id": "1"}]})
        return Reply({"totalSize": 2, "done": True, "records": [{"Id": "2"}]})

    soql = "SELECT Id, IsDeleted, MasterRecordId FROM Account"
    assert salesforce(script).query_all(soql) == [{"Id": "1"}, {"Id": "2"}]
    assert [asked.path for asked in salesforce.asked] == [f"{API}/queryAll/", f"{API}/query/01gxx-2000"]
    assert salesforce.asked[0].query == {"q": soql}
