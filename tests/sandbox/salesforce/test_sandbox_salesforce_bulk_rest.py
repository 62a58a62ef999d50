"""What comes in many at once without a job: batches, graphs, trees; and what was changed or deleted since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce import Org

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Api


def _error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()[0]["errorCode"]


def _batch(*requests: tuple[str, str, Any], **more: Any) -> dict[str, Any]:
    listed = [{"method": method, "url": url, "richInput": body} for method, url, body in requests]
    return {"batchRequests": listed, **more}


def _part(name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    return {"referenceId": name, "method": method, "url": f"/services/data/v60.0/{path}", "body": body}


# -- composite/batch


def test_the_calls_of_a_batch_stand_alone_and_each_counts(api: Api) -> None:
    body = _batch(
        ("POST", "v60.0/sobjects/Account", {"Name": "A"}),
        ("POST", "v60.0/sobjects/Account", {}),
        ("GET", "/services/data/v60.0/query?q=SELECT+Name+FROM+Account", None),
    )
    answer = api("POST", "composite/batch", body)
    told = answer.get_json()
    assert (answer.status_code, told["hasErrors"]) == (200, True)
    assert [result["statusCode"] for result in told["results"]] == [201, 400, 200]
    assert told["results"][1]["result"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert told["results"][2]["result"]["records"][0]["Name"] == "A"
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=3/100000"


def test_a_batch_may_stop_at_the_first_error(api: Api) -> None:
    requests = [("POST", "v60.0/sobjects/Account", {}), ("POST", "v60.0/sobjects/Account", {"Name": "A"})]
    told = api("POST", "composite/batch", _batch(*requests, haltOnError=True)).get_json()
    assert [result["statusCode"] for result in told["results"]] == [400, 412]
    assert told["results"][1]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert api.rows("SELECT Id FROM Account") == []


@pytest.mark.parametrize("path", ["nowhere", "v60.0/jobs/ingest", "v60.0/composite", "v60.0/composite/batch"])
def test_jobs_and_calls_with_calls_in_them_cannot_be_in_another(api: Api, path: str) -> None:
    told = api("POST", "composite/batch", _batch(("GET", path, None))).get_json()
    assert told["results"][0]["statusCode"] == 404


def test_a_batch_is_no_larger_than_25(api: Api) -> None:
    too_many = [("GET", "v60.0/limits", None)] * 26
    assert _error(api("POST", "composite/batch", _batch(*too_many))) == (400, "LIMIT_EXCEEDED")
    assert _error(api("POST", "composite/batch", {"batchRequests": "x"})) == (400, "JSON_PARSER_ERROR")


# -- composite/graph


def test_each_graph_is_all_or_nothing_on_its_own(api: Api) -> None:
    good = [
        _part("a", "POST", "sobjects/Account", {"Name": "Good"}),
        _part("c", "POST", "sobjects/Contact", {"LastName": "L", "AccountId": "@{a.id}"}),
    ]
    bad = [
        _part("a", "POST", "sobjects/Account", {"Name": "Bad"}),
        _part("c", "POST", "sobjects/Contact", {"AccountId": "@{a.id}"}),
    ]
    graphs = [
        {"graphId": "1", "compositeRequest": good},
        {"graphId": "2", "compositeRequest": bad},
    ]
    answer = api("POST", "composite/graph", {"graphs": graphs})
    first, second = answer.get_json()["graphs"]
    assert (first["graphId"], first["isSuccessful"]) == ("1", True)
    assert [part["httpStatusCode"] for part in first["graphResponse"]["compositeResponse"]] == [201, 201]
    assert (second["graphId"], second["isSuccessful"]) == ("2", False)
    codes = [part["body"][0]["errorCode"] for part in second["graphResponse"]["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert api.rows("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "Good"
    assert api.rows("SELECT Name FROM Account") == [{"Name": "Good"}]
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"


@pytest.mark.parametrize(
    ("graphs", "code"),
    [
        ([{"graphId": str(place), "compositeRequest": []} for place in range(76)], "LIMIT_EXCEEDED"),
        (
            [{"graphId": "1", "compositeRequest": [_part(str(n), "GET", "limits") for n in range(501)]}],
            "LIMIT_EXCEEDED",
        ),
        ([{"graphId": "1", "compositeRequest": []}] * 2, "INVALID_INPUT"),
        ([{"compositeRequest": []}], "INVALID_INPUT"),
        ([{"graphId": "1", "compositeRequest": [_part("a", "GET", "limits")] * 2}], "INVALID_INPUT"),
        ([{"graphId": "1"}], "JSON_PARSER_ERROR"),
    ],
)
def test_graphs_that_are_too_many_or_nameless_are_refused(
    api: Api, graphs: list[dict[str, Any]], code: str
) -> None:
    assert _error(api("POST", "composite/graph", {"graphs": graphs})) == (400, code)


# -- composite/tree


def _record(kind: str, reference: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **values}


def test_a_tree_makes_records_with_their_children(api: Api) -> None:
    contacts = {"records": [_record("Contact", "c1", LastName="L1"), _record("Contact", "c2", LastName="L2")]}
    invoices = {"records": [_record("Invoice__c", "i1", Billing_Key__c="i")]}
    records = [
        _record("Account", "a1", Name="A", Contacts=contacts, Invoices__r=invoices),
        _record("Account", "a2", Name="B"),
    ]
    answer = api("POST", "composite/tree/Account", {"records": records})
    told = answer.get_json()
    assert (answer.status_code, told["hasErrors"]) == (201, False)
    ids = {result["referenceId"]: result["id"] for result in told["results"]}
    assert set(ids) == {"a1", "a2", "c1", "c2", "i1"}
    assert api.rows("SELECT AccountId FROM Contact") == [{"AccountId": ids["a1"]}] * 2
    assert api.rows("SELECT Id, Account__c FROM Invoice__c") == [{"Id": ids["i1"], "Account__c": ids["a1"]}]


def test_a_tree_with_one_wrong_leaf_makes_nothing(api: Api) -> None:
    contacts = {"records": [_record("Contact", "c1")]}
    records = [_record("Account", "a1", Name="A", Contacts=contacts), _record("Account", "a2", Name="B")]
    answer = api("POST", "composite/tree/Account", {"records": records})
    (failed,) = answer.get_json()["results"]
    assert (answer.status_code, failed["referenceId"]) == (400, "c1")
    assert failed["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert api.rows("SELECT Id FROM Account") == []


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([_record("Contact", "a", LastName="L")], "INVALID_INPUT"),
        ([{"attributes": {"type": "Account"}, "Name": "A"}], "INVALID_INPUT"),
        ([_record("Account", "a", Name="A")] * 2, "INVALID_INPUT"),
        ([_record("Account", str(place), Name="A") for place in range(201)], "LIMIT_EXCEEDED"),
        ("x", "JSON_PARSER_ERROR"),
    ],
)
def test_a_tree_that_makes_no_sense_is_refused(api: Api, records: Any, code: str) -> None:
    assert _error(api("POST", "composite/tree/Account", {"records": records})) == (400, code)


def test_a_tree_is_five_levels_deep_at_most(api: Api) -> None:
    def nested(levels: int) -> dict[str, Any]:
        below = {"ChildAccounts": nested(levels - 1)} if levels > 1 else {}
        return {"records": [_record("Account", f"level{levels}", Name="N", **below)]}

    assert api("POST", "composite/tree/Account", nested(5)).status_code == 201
    assert _error(api("POST", "composite/tree/Account", nested(6))) == (400, "LIMIT_EXCEEDED")


# -- updated, deleted


def _between(api: Api, which: str, start: str, end: str) -> Any:
    return api("GET", f"sobjects/Account/{which}", query_string={"start": start, "end": end})


def test_what_was_written_and_what_was_deleted_in_a_span_of_time(
    metadata: Path, connect: Callable[[Org], Api]
) -> None:
    now = datetime(2026, 5, 1, 8, 0, 20, tzinfo=UTC)
    api = connect(Org(metadata, clock=lambda: now))
    early, late, gone = (api.create("Account", Name=name) for name in "ABC")
    now += timedelta(minutes=10)
    api("PATCH", f"sobjects/Account/{late}", {"Name": "B2"})
    api("DELETE", f"sobjects/Account/{gone}")
    first = _between(api, "updated", "2026-05-01T08:00:59Z", "2026-05-01T08:05:00Z").get_json()
    assert first == {"ids": [early], "latestDateCovered": "2026-05-01T08:05:00.000+0000"}
    second = _between(api, "updated", "2026-05-01T08:10:00+00:00", "2026-05-01T08:11:00+00:00").get_json()
    assert second["ids"] == [late]
    assert (
        _between(api, "deleted", "2026-05-01T08:00:00Z", "2026-05-01T08:05:00Z").get_json()["deletedRecords"]
        == []
    )
    assert _between(api, "deleted", "2026-05-01T08:05:00Z", "2026-05-01T08:11:00Z").get_json() == {
        "deletedRecords": [{"deletedDate": "2026-05-01T08:10:20.000+0000", "id": gone}],
        "earliestDateAvailable": "2026-04-01T08:10:00.000+0000",
        "latestDateCovered": "2026-05-01T08:11:00.000+0000",
    }


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z", "INVALID_REPLICATION_DATE"),
        ("2026-05-01T00:00:10Z", "2026-05-01T00:00:50Z", "INVALID_REPLICATION_DATE"),
        ("yesterday", "2026-05-01T00:00:00Z", "INVALID_FIELD"),
    ],
)
def test_a_span_that_is_too_old_too_short_or_unreadable_is_refused(
    api: Api, start: str, end: str, code: str
) -> None:
    for which in ("updated", "deleted"):
        assert _error(_between(api, which, start, end)) == (400, code)
        assert _error(api("GET", f"sobjects/Account/{which}")) == (400, "MISSING_ARGUMENT")


# -- what clients ask about a query, and about their token


def _columns(api: Api, query: str) -> dict[str, Any]:
    told: dict[str, Any] = api("GET", "query", query_string={"q": query, "columns": "true"}).get_json()
    return told


def _shown(columns: list[dict[str, Any]]) -> list[Any]:
    """Names; of a column with columns in it, with theirs."""
    return [
        (column["columnName"], _shown(column["joinColumns"]))
        if column["joinColumns"]
        else column["columnName"]
        for column in columns
    ]


def test_the_columns_of_a_query_can_be_asked_for(api: Api) -> None:
    told = _columns(api, "SELECT id, Parent.Name, Parent.Owner.Name, Site FROM Account")
    assert (told["entityName"], told["keyPrefix"], told["idSelected"]) == ("Account", "001", True)
    assert _shown(told["columnMetadata"]) == ["Id", ("Parent", ["Name", ("Owner", ["Name"])]), "Site"]
    assert not any(column["aggregate"] for column in told["columnMetadata"])


def test_the_columns_of_a_query_with_children_or_sums_are_marked(api: Api) -> None:
    told = _columns(api, "SELECT Name, (SELECT LastName, Owner.Name FROM Contacts) FROM Account")
    assert _shown(told["columnMetadata"]) == ["Name", ("Contacts", ["LastName", ("Owner", ["Name"])])]
    assert [column["aggregate"] for column in told["columnMetadata"]] == [False, True]
    told = _columns(api, "SELECT Site, COUNT(Id), MAX(Name) top, MIN(Name) FROM Account GROUP BY Site")
    assert (told["groupBy"], told["idSelected"]) == (True, False)
    named = [(column["columnName"], column["displayName"]) for column in told["columnMetadata"][1:]]
    assert named == [("expr0", "count(Id)"), ("top", "max(Name)"), ("expr1", "min(Name)")]
    every = _columns(api, "SELECT FIELDS(CUSTOM) FROM Account LIMIT 1")["columnMetadata"]
    assert {"Billing_Key__c", "State__c"} <= set(_shown(every))


def test_a_token_can_be_looked_into(api: Api, org: Org) -> None:
    def asked(token: str) -> Any:
        return api("POST", "/services/oauth2/introspect", data={"token": token}).get_json()

    assert asked(api.token) == {"active": True, "sub": org.user_id}
    assert asked("no token") == {"active": False}
