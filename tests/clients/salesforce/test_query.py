"""Reading: every page, safe quoting, and addresses that stay short."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote_plus

import pytest

from clients.scripted import Asked, Reply
from connector.clients.salesforce.formats import LONGEST_URI, key_queries
from connector.errors import Permanent

from .rig import API, URL, Rig, fault


def test_all_pages_are_read(salesforce: Rig) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path.endswith("/query/"):
            more = f"{API}/query/01gxx-2000"
            return Reply({"totalSize": 2, "done": False, "nextRecordsUrl": more, "records": [{"Id": "1"}]})
        return Reply({"totalSize": 2, "done": True, "records": [{"Id": "2"}]})

    assert salesforce(script).query("SELECT Id FROM Case") == [{"Id": "1"}, {"Id": "2"}]
    assert salesforce.asked[0].query == {"q": "SELECT Id FROM Case"}
    assert salesforce.asked[1].path == f"{API}/query/01gxx-2000"


def test_pages_are_asked_for_one_after_the_other(salesforce: Rig) -> None:
    def script(asked: Asked) -> Reply:
        place = int(asked.path.rpartition("-")[2]) if "-" in asked.path else 0
        more = {"nextRecordsUrl": f"{API}/query/01gxx-{place + 1}"} if place < 2 else {}
        return Reply({"totalSize": 3, "done": not more, "records": [{"Id": str(place)}], **more})

    rows = salesforce(script).query_iter("SELECT Id FROM Case")
    assert next(rows) == {"Id": "0"}
    assert len(salesforce.asked) == 1
    assert list(rows) == [{"Id": "1"}, {"Id": "2"}]


def test_amounts_are_read_exactly(salesforce: Rig) -> None:
    answer = Reply('{"totalSize":1,"done":true,"records":[{"Amount__c":0.1,"Count__c":3}]}')
    (row,) = salesforce(lambda asked: answer).query("SELECT Amount__c, Count__c FROM Case")
    assert row == {"Amount__c": Decimal("0.1"), "Count__c": 3}
    assert isinstance(row["Amount__c"], Decimal)


def test_no_rows_are_an_empty_list(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply({"totalSize": 0, "done": True, "records": []}))
    assert client.query_keys("SELECT Id FROM Case", "Billing_Key__c", []) == []
    assert client.query_keys("SELECT Id FROM Case", "Billing_Key__c", ["a"]) == []
    assert len(salesforce.asked) == 1


def test_two_hundred_keys_of_usual_length_are_one_query() -> None:
    keys = [f"recurly:acme:account:customer-{n:06d}" for n in range(200)]
    assert len(list(key_queries("SELECT Id, Billing_Key__c FROM Account", "Billing_Key__c", keys))) == 1


def test_long_keys_are_spread_over_queries_that_stay_short() -> None:
    keys = [f"recurly:acme:account:{'ü' * 40}:{n}" for n in range(300)]
    queries = list(key_queries("SELECT Id FROM Account", "Billing_Key__c", keys, "ORDER BY Id"))
    assert len(queries) > 1
    assert all(len(quote_plus(query)) <= LONGEST_URI for query in queries)
    assert all(query.endswith(") ORDER BY Id") for query in queries)
    assert sum(query.count(f"'{key}'") for query in queries for key in keys) == 300


def test_keys_are_quoted() -> None:
    keys = ["O'Hara", "back\\slash", "two\nlines"]
    assert list(key_queries("SELECT Id FROM A", "K", keys)) == [
        r"SELECT Id FROM A WHERE K IN ('O\'Hara','back\\slash','two\nlines')"
    ]


def test_a_key_is_asked_for_once() -> None:
    assert list(key_queries("SELECT Id FROM A", "K", ["a", "b", "a"])) == [
        "SELECT Id FROM A WHERE K IN ('a','b')"
    ]


def test_a_refused_query_tells_what_was_wrong(salesforce: Rig) -> None:
    client = salesforce(lambda asked: fault(400, "MALFORMED_QUERY", "unexpected token: FORM"))
    with pytest.raises(Permanent, match="unexpected token: FORM"):
        client.query("SELECT Id FORM Case")


def test_describe_and_limits_are_answered(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply({"asked": {"Max": len(asked.path)}}))
    assert client.describe("Case") == {"asked": {"Max": len(f"{API}/sobjects/Case/describe")}}
    assert client.limits() == {"asked": {"Max": len(f"{API}/limits/")}}


def test_where_we_are_logged_in_can_be_told(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply({}))
    assert client.org_id == "00Dxx0000001gPLEAY"
    assert client.instance_url == URL
