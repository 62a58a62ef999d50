"""SOQL: what it finds, how it answers, what it does not understand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce.soql.dates import days_of

if TYPE_CHECKING:
    from conftest import Api, Org

ACCOUNTS: list[dict[str, Any]] = [
    {
        "Name": "Alpha",
        "Balance__c": 10,
        "Overdue__c": True,
        "State__c": "active",
        "Seen_At__c": "2026-05-01T00:00:00Z",
    },
    {
        "Name": "beta",
        "Balance__c": 20,
        "Site": "HQ",
        "State__c": "active",
        "Seen_At__c": "2026-04-25T12:00:00Z",
    },
    {"Name": "Gamma's", "State__c": "closed", "Since__c": "2026-05-01"},
    {"Name": "Delta 100%", "Balance__c": 30, "Overdue__c": True, "Since__c": "2025-01-31"},
]


@pytest.fixture
def filled(api: Api) -> Api:
    api.upsert("Account", *({"Billing_Key__c": f"k{place}", **row} for place, row in enumerate(ACCOUNTS)))
    api.upsert(
        "Case",
        {"Billing_Key__c": "c0", "Account": {"Billing_Key__c": "k0"}, "Amount__c": 5, "Status": "New"},
        {"Billing_Key__c": "c1", "Account": {"Billing_Key__c": "k0"}, "Amount__c": 7, "Status": "Closed"},
        {"Billing_Key__c": "c2", "Account": {"Billing_Key__c": "k1"}, "Status": "Closed"},
    )
    return api


def _names(api: Api, rest: str) -> list[str]:
    answer = api.query(f"SELECT Name FROM Account {rest}")
    assert isinstance(answer, dict), answer
    return [row["Name"] for row in answer["records"]]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ALPHA'", "A"),
        ("Name != 'Alpha'", "bGD"),
        ("Name <> 'Alpha'", "bGD"),
        ("Name = 'Gamma\\'s'", "G"),
        ("Site = null", "AGD"),
        ("Site != null", "b"),
        ("Balance__c = null", "G"),
        ("Balance__c > 10", "bD"),
        ("Balance__c >= 10 AND Balance__c < 30", "Ab"),
        ("Balance__c <= 1e1", "A"),
        ("Overdue__c = true", "AD"),
        ("Overdue__c = FALSE", "bG"),
        ("NOT Overdue__c = true", "bG"),
        ("NOT (Overdue__c = true OR Site = 'HQ')", "G"),
        ("(Name = 'Alpha' OR Name = 'beta') AND State__c = 'active'", "Ab"),
        ("Name LIKE 'a%'", "A"),
        ("Name LIKE '%a'", "Ab"),
        ("Name LIKE '_eta'", "b"),
        ("Name LIKE '%100\\%'", "D"),
        ("(NOT Name LIKE '%a%')", ""),
        ("Billing_Key__c IN ('k1', 'k3', 'k9')", "bD"),
        ("Billing_Key__c IN ('K1')", ""),
        ("Billing_Key__c = 'k1' OR Billing_Key__c = 'k2'", "bG"),
        ("Billing_Key__c NOT IN ('k1', 'k3')", "AG"),
        ("Site NOT IN ('HQ')", "AGD"),
        ("Site IN ('hq', null)", "AbGD"),
        ("Balance__c IN (10, 30)", "AD"),
        ("Seen_At__c >= 2026-05-01T00:00:00Z", "A"),
        ("Seen_At__c < 2026-05-01T02:00:00+02:00", "b"),
        ("Seen_At__c = TODAY", "A"),
        ("Seen_At__c = LAST_N_DAYS:7", "Ab"),
        ("Seen_At__c < LAST_N_DAYS:3", "b"),
        ("Since__c = 2026-05-01", "G"),
        ("Since__c = THIS_MONTH", "G"),
        ("Since__c < this_year", "D"),
        ("Since__c != TODAY", "AbD"),
        ("CreatedDate = TODAY AND IsDeleted = false", "AbGD"),
        ("Owner.Name = 'Integration User'", "AbGD"),
        ("Id IN (SELECT AccountId FROM Case)", "Ab"),
        ("Id NOT IN (SELECT AccountId FROM Case WHERE Status = 'Closed')", "GD"),
    ],
)
def test_where_finds(filled: Api, where: str, found: str) -> None:
    assert "".join(name[0] for name in _names(filled, f"WHERE {where}")) == found


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("ORDER BY Name", "AbDG"),
        ("ORDER BY Name DESC", "GDbA"),
        ("ORDER BY Balance__c", "GAbD"),
        ("ORDER BY Balance__c DESC", "DbAG"),
        ("ORDER BY Balance__c ASC NULLS LAST", "AbDG"),
        ("ORDER BY Balance__c DESC NULLS FIRST", "GDbA"),
        ("ORDER BY Overdue__c DESC, Name DESC", "DAGb"),
        ("ORDER BY Name LIMIT 2", "Ab"),
        ("ORDER BY Name LIMIT 2 OFFSET 1", "bD"),
        ("LIMIT 0", ""),
    ],
)
def test_order_limit_and_offset(filled: Api, rest: str, found: str) -> None:
    assert "".join(name[0] for name in _names(filled, rest)) == found


def test_parents_are_nested_and_empty_ones_are_null(filled: Api) -> None:
    filled.create("Case")
    rows = filled.query(
        "SELECT Id, Account.Name, Account.Billing_Key__c, Account.Owner.Name FROM Case ORDER BY CaseNumber"
    )
    first, last = rows["records"][0], rows["records"][-1]
    assert list(first) == ["attributes", "Id", "Account"]
    assert (first["Account"]["Name"], first["Account"]["Billing_Key__c"]) == ("Alpha", "k0")
    assert first["Account"]["Owner"]["attributes"]["type"] == "User"
    assert last["Account"] is None


def test_a_parents_key_finds_the_children(filled: Api) -> None:
    rows = filled.rows(
        "SELECT Billing_Key__c FROM Case WHERE Account.Billing_Key__c IN ('k0') AND Status = 'New'"
    )
    assert rows == [{"Billing_Key__c": "c0"}]


def test_children_come_as_a_result_of_their_own(filled: Api) -> None:
    rows = filled.rows(
        "SELECT Name, (SELECT Billing_Key__c FROM Cases WHERE Status = 'Closed' ORDER BY CaseNumber DESC LIMIT 5) "
        "FROM Account WHERE Name IN ('Alpha', 'Delta 100%') ORDER BY Name"
    )
    assert rows[0]["Cases"]["totalSize"] == 1
    assert rows[0]["Cases"]["records"][0]["Billing_Key__c"] == "c1"
    assert rows[1]["Cases"] is None


def test_count_alone_answers_with_a_number_only(filled: Api) -> None:
    assert filled.query("SELECT COUNT() FROM Case WHERE Status = 'Closed'") == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_aggregates_with_and_without_groups(filled: Api) -> None:
    assert filled.rows(
        "SELECT COUNT(Id), SUM(Amount__c) total, AVG(Amount__c), MIN(Amount__c), MAX(Amount__c) FROM Case"
    ) == [{"expr0": 3, "total": 12.0, "expr1": 6.0, "expr2": 5.0, "expr3": 7.0}]
    assert filled.rows("SELECT Status, COUNT(Id) n FROM Case GROUP BY Status ORDER BY COUNT(Id) DESC") == [
        {"Status": "Closed", "n": 2},
        {"Status": "New", "n": 1},
    ]
    assert filled.rows(
        "SELECT Account.Name who, COUNT(Id) FROM Case GROUP BY Account.Name ORDER BY Account.Name"
    ) == [
        {"who": "Alpha", "expr0": 2},
        {"who": "beta", "expr0": 1},
    ]
    assert filled.rows("SELECT SUM(Amount__c) s FROM Case WHERE Status = 'None'") == [{"s": None}]
    assert filled.query("SELECT COUNT(Id) FROM Case")["records"][0]["attributes"] == {
        "type": "AggregateResult"
    }


def test_all_fields_of_a_kind_can_be_asked_for(filled: Api) -> None:
    row = filled.rows("SELECT FIELDS(CUSTOM) FROM Case LIMIT 1")[0]
    assert list(row) == ["Amount__c", "Billing_Key__c"]
    assert "CaseNumber" in filled.rows("SELECT FIELDS(ALL) FROM Case LIMIT 1")[0]


@pytest.mark.parametrize(
    ("soql", "code", "column", "message"),
    [
        ("SELECT Id FRM Account", "MALFORMED_QUERY", 15, "unexpected token: 'Account'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", 29, "unexpected token: '<EOF>'"),
        ("Id FROM Account", "MALFORMED_QUERY", 1, "unexpected token: 'Id'"),
        ("SELECT Id FROM Case WHERE Id = null AND Id = null OR Id = null", "MALFORMED_QUERY", 51, "token: 'OR'"),
        ("SELECT Id FROM Account WHERE Name = \"x\"", "MALFORMED_QUERY", 37, "unexpected token: '\"'"),
        ("SELECT Id, Nope FROM Account", "INVALID_FIELD", 12, "No such column 'Nope' on entity 'Account'."),
        ("SELECT Id FROM Account WHERE Boss.Name = 'x'", "INVALID_FIELD", 30, "Didn't understand relationship 'Boss'"),
        ("select count() from XYZZY", "INVALID_TYPE", 21, "sObject type 'XYZZY' is not supported."),
        ("SELECT Id FROM Account WHERE Notes__c = 'x'", "INVALID_FIELD", 30, "field 'Notes__c' can not be filtered"),
        ("SELECT Id FROM Account ORDER BY Notes__c", "INVALID_FIELD", 33, "field 'Notes__c' can not be sorted"),
        ("SELECT Id FROM Account WHERE Id = 'foo'", "INVALID_QUERY_FILTER_OPERATOR", 35, "invalid ID field: foo"),
        ("SELECT Id FROM Account WHERE Balance__c = '1'", "INVALID_FIELD", 43, "must be of type double and should not"),
        ("SELECT Id FROM Account WHERE Name = 1", "INVALID_FIELD", 37, "must be of type string and should be enclosed"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-05-01T00:00:00Z'", "INVALID_FIELD", 44, "type dateTime"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-05-01", "INVALID_FIELD", 44, "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE Balance__c LIKE 'x'", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", 8, "Field must be grouped or aggregated: Name"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", 8, "does not support aggregate operator SUM"),
        ("SELECT Id, (SELECT Id FROM Nothings) FROM Account", "INVALID_FIELD", 28, "relationship 'Nothings'"),
    ],
)  # fmt: skip
def test_what_it_does_not_understand_it_points_at(
    api: Api, soql: str, code: str, column: int, message: str
) -> None:
    (error,) = api.query(soql)
    assert error["errorCode"] == code
    assert f"\nERROR at Row:1:Column:{column}\n" in error["message"]
    excerpt, caret = error["message"].split("\n")[1:3]
    assert caret.index("^") <= len(excerpt)
    assert message in error["message"].split("\n", 4)[4]


def test_the_caret_stands_under_the_word_in_a_query_of_many_lines(api: Api) -> None:
    (error,) = api.query("SELECT Id\nFROM Account\nWHERE Nope = 1")
    assert error["message"].startswith("\nWHERE Nope = 1\n      ^\nERROR at Row:3:Column:7\n")


def test_a_long_result_comes_in_pages(api: Api) -> None:
    for start in range(0, 450, 150):
        api.upsert("Account", *({"Billing_Key__c": f"{start + n:03}", "Name": "N"} for n in range(150)))
    options = {
        "query_string": {"q": "SELECT Billing_Key__c FROM Account"},
        "headers": {"Sforce-Query-Options": "batchSize=200"},
    }
    page = api("GET", "query", **options).get_json()
    sizes, keys = [], []
    for _ in range(10):
        sizes.append(len(page["records"]))
        keys += [row["Billing_Key__c"] for row in page["records"]]
        assert page["totalSize"] == 450
        if page["done"]:
            break
        page = api("GET", page["nextRecordsUrl"], headers=options["headers"]).get_json()
    assert sizes == [200, 200, 50]
    assert len(set(keys)) == 450
    assert api("GET", "query/01gCw0000000009IAA-200").get_json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_a_read_of_200_keys_touches_only_those_rows(org: Org, api: Api) -> None:
    kind = org.schema.objects["Account"]
    with org.store.transaction():
        writer = org.writer()
        for number in range(5_000):
            writer.insert(kind, {"Billing_Key__c": f"recurly:acme:account:{number}", "Name": "N"})
    table = org.store.table(kind)
    looked: list[str] = []
    table.live = _Watched(table.live, looked)
    keys = ", ".join(f"'recurly:acme:account:{number * 25}'" for number in range(200))
    assert api.query(f"SELECT Id FROM Account WHERE Billing_Key__c IN ({keys})")["totalSize"] == 200
    assert len(looked) == 200


class _Watched(dict[str, dict[str, Any]]):
    """Tells which rows are looked at, and refuses to be read from end to end."""

    def __init__(self, rows: dict[str, dict[str, Any]], looked: list[str]) -> None:
        super().__init__(rows)
        self._looked = looked

    def __getitem__(self, key: str) -> dict[str, Any]:
        self._looked.append(key)
        return super().__getitem__(key)

    def values(self) -> Any:
        raise AssertionError("the whole table was read")


def test_columns_are_described_for_the_salesforce_command(filled: Api) -> None:
    soql = {"q": "SELECT Id, Account.Name, Account.Owner.Name FROM Case", "columns": "true"}
    told = filled("GET", "query", query_string=soql).get_json()
    assert [column["columnName"] for column in told["columnMetadata"]] == ["Id", "Account"]
    joined = told["columnMetadata"][1]["joinColumns"]
    assert [column["columnName"] for column in joined] == ["Name", "Owner"]
    assert (told["entityName"], told["idSelected"]) == ("Case", True)


@pytest.mark.parametrize(
    ("word", "first", "after"),
    [
        ("TODAY", "2026-05-01", "2026-05-02"),
        ("yesterday", "2026-04-30", "2026-05-01"),
        ("THIS_WEEK", "2026-04-26", "2026-05-03"),
        ("LAST_MONTH", "2026-04-01", "2026-05-01"),
        ("NEXT_MONTH", "2026-06-01", "2026-07-01"),
        ("THIS_YEAR", "2026-01-01", "2027-01-01"),
        ("LAST_N_DAYS:30", "2026-04-01", "2026-05-02"),
        ("NEXT_N_DAYS:2", "2026-05-02", "2026-05-04"),
        ("LAST_N_MONTHS:5", "2025-12-01", "2026-05-01"),
        ("NEXT_90_DAYS", "2026-05-02", "2026-07-31"),
    ],
)
def test_a_date_word_means_these_days(word: str, first: str, after: str) -> None:
    assert days_of(word, date(2026, 5, 1)) == (date.fromisoformat(first), date.fromisoformat(after))


def test_other_words_are_no_dates(api: Api) -> None:
    assert api.query("SELECT Id FROM Account WHERE CreatedDate = SOMEDAY")[0]["errorCode"] == "INVALID_FIELD"
    assert (
        api.query("SELECT Id FROM Account WHERE CreatedDate = LAST_N_MOONS:2")[0]["errorCode"]
        == "INVALID_FIELD"
    )
