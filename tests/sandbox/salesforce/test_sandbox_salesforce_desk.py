"""Other people's data: records typed, edited, deleted and merged by agents, beside the API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce import Org

if TYPE_CHECKING:
    from conftest import Api

RECORDS = "/__sandbox__/records"


def _typed(api: Api, name: str, *rows: dict[str, Any]) -> list[str]:
    answer = api("POST", f"{RECORDS}/{name}", list(rows))
    assert answer.status_code == 201, answer.get_json()
    ids: list[str] = answer.get_json()
    return ids


def _merge(api: Api, name: str, master: str, *losers: str) -> Any:
    return api("POST", "/__sandbox__/merge", {"object": name, "master": master, "losers": list(losers)})


def _all_rows(api: Api, soql: str) -> list[dict[str, Any]]:
    rows = api("GET", "queryAll", query_string={"q": soql}).get_json()["records"]
    return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]


def test_rows_are_written_in_an_agents_name_and_no_call_is_counted(api: Api, org: Org) -> None:
    first, second = _typed(api, "Account", {"Name": "A", "Website": "https://a.example"}, {"Name": "B"})
    _typed(api, "Contact", {"LastName": "L", "AccountId": first}, {"LastName": "M", "AccountId": second})
    assert org.api_used == 0
    rows = api.rows("SELECT Name, CreatedBy.Name, Owner.Name FROM Account ORDER BY Name")
    assert [row["Name"] for row in rows] == ["A", "B"]
    assert {row["CreatedBy"]["Name"] for row in rows} == {"Agent One"}
    assert [row["Account"]["Name"] for row in api.rows("SELECT Account.Name FROM Contact")] == ["A", "B"]


def test_rows_are_written_all_or_none(api: Api) -> None:
    answer = api("POST", f"{RECORDS}/Account", [{"Name": "A"}, {"Phone": "1"}])
    assert (answer.status_code, "REQUIRED_FIELD_MISSING" in answer.get_json()["error"]) == (400, True)
    assert api.rows("SELECT Id FROM Account") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "records/Nothing", [], 404),
        ("POST", "records/Account", {"Name": "A"}, 400),
        ("POST", "records/Account", [1], 400),
        ("PATCH", "records/Account/001Cw000000zzzz", {"Name": "A"}, 404),
        ("PATCH", "records/Account/001Cw000000zzzz", [], 400),
        ("DELETE", "records/Account/nonsense", None, 404),
        ("POST", "merge", {"object": "Case", "master": "a", "losers": ["b"]}, 400),
        ("POST", "merge", {"object": "Account", "master": "a"}, 400),
        ("POST", "convert", {"account": "001Cw000000zzzz"}, 400),
    ],
)
def test_what_can_not_be_done_is_said(api: Api, method: str, path: str, body: Any, status: int) -> None:
    answer = api(method, f"/__sandbox__/{path}", body)
    assert (answer.status_code, list(answer.get_json())) == (status, ["error"])


def test_an_agents_edit_is_another_users(api: Api) -> None:
    case = api.create("Case", Subject="S")
    assert api("PATCH", f"{RECORDS}/Case/{case}", {"Priority": "High"}).status_code == 200
    (row,) = api.rows("SELECT Priority, LastModifiedBy.Name, CreatedBy.Name FROM Case")
    assert (row["Priority"], row["LastModifiedBy"]["Name"]) == ("High", "Agent One")
    assert row["CreatedBy"]["Name"] == "Integration User"


def test_no_assignment_rule_takes_what_agents_type(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, assignment_rule=True))
    (case,) = _typed(api, "Case", {"Subject": "S"})
    api("PATCH", f"{RECORDS}/Case/{case}", {"Priority": "High"})
    assert [row["Owner"]["Name"] for row in api.rows("SELECT Owner.Name FROM Case")] == ["Agent One"]


def test_an_agent_deletes(api: Api) -> None:
    account = api.create("Account", Name="A", Billing_Key__c="k")
    assert api("DELETE", f"{RECORDS}/Account/{account}").status_code == 200
    assert api.rows("SELECT Id FROM Account") == []
    assert api.upsert("Account", {"Billing_Key__c": "k", "Name": "B"})[0]["created"] is True


def test_a_merge_moves_the_children_and_keeps_the_masters_values_only(api: Api) -> None:
    master, loser, other = _typed(
        api,
        "Account",
        {"Name": "Master", "Phone": "1"},
        {"Name": "Loser", "Billing_Key__c": "k", "Phone": "2", "Website": "https://l.example"},
        {"Name": "Other"},
    )
    api("PATCH", f"{RECORDS}/Account/{master}", {"ParentId": loser})
    api("PATCH", f"{RECORDS}/Account/{other}", {"ParentId": loser})
    for name in ("Contact", "Case"):
        _typed(api, name, {"AccountId": loser, **({"LastName": "L"} if name == "Contact" else {})})
    _typed(api, "Invoice__c", {"Name": "I", "Account__c": loser})
    assert _merge(api, "Account", master, loser).status_code == 200
    (kept,) = api.rows(f"SELECT Phone, Website, Billing_Key__c, ParentId FROM Account WHERE Id = '{master}'")
    assert kept == {"Phone": "1", "Website": None, "Billing_Key__c": None, "ParentId": None}
    for link, name in (("AccountId", "Contact"), ("AccountId", "Case"), ("Account__c", "Invoice__c")):
        assert api.rows(f"SELECT {link} FROM {name}") == [{link: master}]
    assert api.rows(f"SELECT ParentId FROM Account WHERE Id = '{other}'") == [{"ParentId": master}]
    gone = _all_rows(api, "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true")
    assert gone == [{"Id": loser, "MasterRecordId": master}]
    assert api("GET", f"sobjects/Account/{loser}").get_json()[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert api.upsert("Account", {"Billing_Key__c": "k", "Name": "New"})[0]["created"] is True


def test_a_record_is_not_merged_with_itself_nor_twice(api: Api) -> None:
    one, two = _typed(api, "Contact", {"LastName": "L"}, {"LastName": "M"})
    for losers in ((one,), (two, two), ()):
        assert _merge(api, "Contact", one, *losers).status_code == 400
    assert _merge(api, "Contact", one, two).status_code == 200
    assert _merge(api, "Contact", one, two).status_code == 404


def test_persons_are_merged_with_their_contacts(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, person_accounts=True))
    master, loser, firm = _typed(
        api,
        "Account",
        {"LastName": "Master"},
        {"LastName": "Loser", "PersonEmail": "l@example.com"},
        {"Name": "Firm"},
    )
    kept, gone = (row["Id"] for row in api.rows("SELECT Id FROM Contact ORDER BY CreatedDate, Id"))
    _typed(api, "Case", {"AccountId": loser, "ContactId": gone})
    assert _merge(api, "Account", master, firm).status_code == 400
    assert _merge(api, "Account", master, loser).status_code == 200
    assert api.rows("SELECT AccountId, ContactId FROM Case") == [{"AccountId": master, "ContactId": kept}]
    (row,) = api.rows("SELECT PersonContactId, PersonEmail FROM Account WHERE IsPersonAccount = true")
    assert row == {"PersonContactId": kept, "PersonEmail": None}
    assert _all_rows(api, "SELECT Id, MasterRecordId FROM Contact WHERE IsDeleted = true") == [
        {"Id": gone, "MasterRecordId": kept}
    ]


def test_many_rows_are_looked_at_by_the_fields_that_matter(api: Api) -> None:
    _typed(api, "Account", *({"Name": f"N{number}"} for number in range(300)))
    rows = api("GET", f"{RECORDS}/Account?fields=Name,Phone").get_json()
    assert (len(rows), rows[7]) == (300, {"Name": "N7", "Phone": None})
