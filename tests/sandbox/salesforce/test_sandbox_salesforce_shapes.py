"""Orgs of every shape: person accounts, currencies, a bare edition, statuses of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.__main__ import main
from sandbox.salesforce import Org
from sandbox.salesforce.schema import Field
from sandbox.salesforce.shapes import Shape, fitted
from sandbox.salesforce.standard import standard_objects

if TYPE_CHECKING:
    from conftest import Api

PERSON = {"Billing_Key__c": "p", "FirstName": "First", "LastName": "Last", "PersonEmail": "a@example.com"}


@pytest.fixture
def persons(metadata: Path, tmp_path: Path, connect: Callable[[Org], Api]) -> Api:
    """An org with person accounts whose contacts have fields of their own."""
    fields = tmp_path / "objects" / "Contact" / "fields"
    fields.mkdir(parents=True)
    head = '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">'
    key = "<type>Text</type><length>80</length><unique>true</unique><externalId>true</externalId>"
    for name, inner in {"Person_Key__c": key, "Vip__c": "<type>Checkbox</type>"}.items():
        text = f"{head}<fullName>{name}</fullName><label>{name}</label>{inner}</CustomField>"
        (fields / f"{name}.field-meta.xml").write_text(text)
    return connect(Org([metadata, tmp_path], person_accounts=True, assignment_rule=False))


def _error(answer: list[dict[str, Any]]) -> tuple[str, str]:
    (error,) = answer[0]["errors"]
    return error["statusCode"], error["message"]


def _refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()[0]["errorCode"]


def _account(api: Api, fields: str) -> dict[str, Any]:
    (row,) = api.rows(f"SELECT {fields} FROM Account")
    return row


# -- person accounts


def test_a_person_and_its_contact_are_one(persons: Api) -> None:
    row = {**PERSON, "Person_Key__pc": "k", "Vip__pc": True, "PersonMailingCity": "Bern", "Phone": "1"}
    assert persons.upsert("Account", row)[0]["success"]
    (contact,) = persons.rows(
        "SELECT Id, Name, Email, Person_Key__c, Vip__c, MailingCity, Phone, IsPersonAccount, AccountId FROM Contact"
    )
    account = _account(persons, "Id, Name, PersonContactId, IsPersonAccount, RecordType.IsPersonType")
    assert contact == {
        "Id": account["PersonContactId"],
        "Name": "First Last",
        "Email": "a@example.com",
        "Person_Key__c": "k",
        "Vip__c": True,
        "MailingCity": "Bern",
        "Phone": "1",
        "IsPersonAccount": True,
        "AccountId": account["Id"],
    }
    assert (account["Name"], account["IsPersonAccount"]) == ("First Last", True)
    assert account["RecordType"]["IsPersonType"] is True


def test_what_is_written_on_either_half_is_read_on_the_other(persons: Api) -> None:
    persons.upsert("Account", PERSON)
    persons.upsert("Account", {"Billing_Key__c": "p", "PersonEmail": "b@example.com", "LastName": "New"})
    (contact,) = persons.rows("SELECT Id, Email, Name FROM Contact")
    assert (contact["Email"], contact["Name"]) == ("b@example.com", "First New")
    change = {"Person_Key__c": "k2", "FirstName": "Other", "Phone": "2"}
    assert persons("PATCH", f"sobjects/Contact/{contact['Id']}", change).status_code == 204
    assert _account(persons, "Person_Key__pc, Name, Phone") == {
        "Person_Key__pc": "k2",
        "Name": "Other New",
        "Phone": "2",
    }


def test_a_persons_external_id_finds_the_account_and_the_contact(persons: Api) -> None:
    persons.upsert("Account", {**PERSON, "Person_Key__pc": "k"})
    made = persons("PATCH", "sobjects/Account/Person_Key__pc/k", {"PersonTitle": "Dr"})
    assert (made.status_code, made.get_json()["created"]) == (200, False)
    made = persons("PATCH", "sobjects/Contact/Person_Key__c/k", {"Department": "D"})
    assert made.status_code == 200
    assert _account(persons, "PersonTitle, PersonDepartment") == {
        "PersonTitle": "Dr",
        "PersonDepartment": "D",
    }


def test_a_unique_value_of_a_contact_is_taken_for_persons_too(persons: Api) -> None:
    other = persons.create("Contact", LastName="Plain", Person_Key__c="k")
    answer = persons.upsert("Account", {**PERSON, "Person_Key__pc": "k"})
    expected = f"duplicate value found: Person_Key__pc duplicates value on record with id: {other}"
    assert _error(answer) == ("DUPLICATE_VALUE", expected)
    persons.upsert("Account", {**PERSON, "Person_Key__pc": "k2"})
    again = persons.upsert("Account", {"Billing_Key__c": "p", "Person_Key__pc": "k2"})
    assert again[0]["success"], again
    assert _refused(persons("PATCH", f"sobjects/Contact/{other}", {"Person_Key__c": "k2"})) == (
        400,
        "DUPLICATE_VALUE",
    )


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"Name": "X", "LastName": "L"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": "Firm", "PersonEmail": "a@example.com"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": "Firm", "Vip__pc": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"FirstName": "F"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Phone": "1"}, "REQUIRED_FIELD_MISSING"),
        ({"LastName": "L", "IsPersonAccount": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_a_half_hearted_person_is_refused(persons: Api, row: dict[str, Any], code: str) -> None:
    assert _error(persons.upsert("Account", {"Billing_Key__c": "x", **row}))[0] == code
    assert persons.rows("SELECT Id FROM Account") == []


def test_the_record_type_decides_what_an_account_is(persons: Api) -> None:
    types = {
        row["IsPersonType"]: row["Id"]
        for row in persons.rows("SELECT Id, IsPersonType FROM RecordType WHERE SobjectType = 'Account'")
    }
    row = {"Billing_Key__c": "a", "RecordTypeId": types[True]}
    assert _error(persons.upsert("Account", row)) == (
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName]",
    )
    firm = persons.create("Account", Name="Firm")
    assert persons.rows(f"SELECT RecordTypeId FROM Account WHERE Id = '{firm}'") == [
        {"RecordTypeId": types[False]}
    ]
    answer = persons("PATCH", f"sobjects/Account/{firm}", {"RecordTypeId": types[True]})
    assert _refused(answer) == (400, "INVALID_CROSS_REFERENCE_KEY")


def test_a_persons_contact_stays_with_its_account(persons: Api) -> None:
    person = persons.upsert("Account", PERSON)[0]["id"]
    firm = persons.create("Account", Name="Firm")
    (contact,) = persons.rows("SELECT Id FROM Contact")
    here = f"sobjects/Contact/{contact['Id']}"
    assert _refused(persons("PATCH", here, {"AccountId": firm})) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    assert _refused(persons("DELETE", here)) == (400, "DELETE_FAILED")
    answer = persons("POST", "sobjects/Contact", {"LastName": "L", "AccountId": person})
    assert _refused(answer) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert persons("DELETE", f"sobjects/Account/{person}").status_code == 204
    assert persons.rows("SELECT Id FROM Contact") == []


def test_the_describe_names_each_field_of_a_person(persons: Api) -> None:
    fields = {
        field["name"]: field for field in persons("GET", "sobjects/Account/describe").get_json()["fields"]
    }
    key = fields["Person_Key__pc"]
    assert (key["custom"], key["unique"], key["externalId"], key["idLookup"]) == (True, True, True, True)
    assert fields["Name"]["nillable"] is True
    assert {"PersonOtherPostalCode", "PersonBirthdate", "Salutation", "Vip__pc"} <= fields.keys()
    contact = persons("GET", "sobjects/Contact/describe").get_json()["fields"]
    assert "IsPersonAccount" in {field["name"] for field in contact}


def test_an_org_without_them_has_no_trace_of_persons(api: Api) -> None:
    for name in ("Account", "Contact"):
        fields = {field["name"] for field in api("GET", f"sobjects/{name}/describe").get_json()["fields"]}
        assert "IsPersonAccount" not in fields
        assert not any(field.startswith("Person") or field.endswith("__pc") for field in fields)


def test_an_account_is_converted_and_back(persons: Api) -> None:
    firm = persons.create("Account", Name="Firm", Phone="1")
    convert = {"account": firm}
    assert persons("POST", "/__sandbox__/convert", convert).status_code == 400
    contact = persons.create("Contact", LastName="Last", Email="a@example.com", AccountId=firm)
    persons.create("Case", AccountId=firm, ContactId=contact)
    assert persons("POST", "/__sandbox__/convert", convert).get_json() == {"IsPersonAccount": True}
    assert _account(persons, "Id, Name, PersonEmail, PersonContactId, Phone") == {
        "Id": firm,
        "Name": "Last",
        "PersonEmail": "a@example.com",
        "PersonContactId": contact,
        "Phone": "1",
    }
    assert persons.upsert("Account", {**PERSON, "PersonEmail": "x@example.com"})[0]["created"]
    assert persons("POST", "/__sandbox__/convert", convert).get_json() == {"IsPersonAccount": False}
    (back,) = persons.rows(f"SELECT Name, PersonEmail, PersonContactId FROM Account WHERE Id = '{firm}'")
    assert back == {"Name": "Last", "PersonEmail": None, "PersonContactId": None}
    (kept,) = persons.rows(f"SELECT AccountId, Email, IsPersonAccount FROM Contact WHERE Id = '{contact}'")
    assert kept == {"AccountId": firm, "Email": "a@example.com", "IsPersonAccount": False}
    assert [row["AccountId"] for row in persons.rows("SELECT AccountId FROM Case")] == [firm]


# -- currencies


def test_a_record_is_in_an_active_currency(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, multi_currency=True))
    codes = {"eur": "EUR", "retired": "CHF", "unknown": "XXX", "none": None}
    rows = [
        {"Billing_Key__c": key, "Name": "N", **({"CurrencyIsoCode": code} if code else {})}
        for key, code in codes.items()
    ]
    told = [error["statusCode"] for row in api.upsert("Account", *rows) for error in row["errors"]]
    assert told == ["INVALID_CURRENCY_ISO", "INVALID_CURRENCY_ISO"]
    assert {row["Billing_Key__c"]: row["CurrencyIsoCode"] for row in _all_currencies(api)} == {
        "eur": "EUR",
        "none": "USD",
    }


def _all_currencies(api: Api) -> list[dict[str, Any]]:
    return api.rows("SELECT Billing_Key__c, CurrencyIsoCode FROM Account")


def test_every_object_has_the_currency_and_the_currencies_are_told(
    metadata: Path, connect: Callable[[Org], Api]
) -> None:
    api = connect(Org(metadata, multi_currency=True))
    for name in ("Account", "Contact", "Case", "Invoice__c"):
        assert api.query(f"SELECT CurrencyIsoCode FROM {name}")["totalSize"] == 0
    types = api.rows("SELECT IsoCode, ConversionRate, DecimalPlaces, IsActive, IsCorporate FROM CurrencyType")
    by_code = {row["IsoCode"]: row for row in types}
    assert [code for code, row in by_code.items() if row["IsCorporate"]] == ["USD"]
    assert [code for code, row in by_code.items() if not row["IsActive"]] == ["CHF"]
    assert by_code["JPY"]["DecimalPlaces"] == 0


def test_an_org_with_one_currency_knows_none(api: Api) -> None:
    assert api.query("SELECT CurrencyIsoCode FROM Account")[0]["errorCode"] == "INVALID_FIELD"
    assert api.query("SELECT IsoCode FROM CurrencyType")[0]["errorCode"] == "INVALID_TYPE"


# -- editions and statuses


def test_a_professional_org_has_queues_but_no_record_types(
    metadata: Path, connect: Callable[[Org], Api]
) -> None:
    api = connect(Org(metadata, professional=True))
    described = api("GET", "sobjects/Case/describe").get_json()
    assert [info["developerName"] for info in described["recordTypeInfos"]] == ["Master"]
    assert "RecordTypeId" not in {field["name"] for field in described["fields"]}
    assert api.query("SELECT RecordTypeId FROM Case")[0]["errorCode"] == "INVALID_FIELD"
    assert api.query("SELECT Id FROM BusinessProcess")[0]["errorCode"] == "INVALID_TYPE"
    assert api.rows("SELECT Id FROM RecordType") == []
    assert api.rows("SELECT DeveloperName FROM Group WHERE Type = 'Queue'") == [
        {"DeveloperName": "Billing_Disputes"}
    ]
    answer = api.upsert("Case", {"Billing_Key__c": "c", "RecordTypeId": "012000000000000AAA"})
    assert _error(answer)[0] == "INVALID_FIELD"


def test_a_professional_org_allows_a_hundred_fields() -> None:
    key = Field("F__c", "string", "F", 80)
    many = {f"F{number}__c": replace(key, name=f"F{number}__c") for number in range(101)}
    kinds = [
        replace(kind, fields={**kind.fields, **many}) if kind.name == "Account" else kind
        for kind in standard_objects()
    ]
    assert fitted(kinds, Shape())
    with pytest.raises(ValueError, match="Account has 101 custom fields; this org allows 100"):
        fitted(kinds, Shape(professional=True))


def test_statuses_have_the_names_the_org_gave_them(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, other_statuses=True, assignment_rule=False))
    told = api.rows("SELECT ApiName, IsClosed, IsDefault FROM CaseStatus ORDER BY SortOrder")
    assert [row["ApiName"] for row in told if row["IsClosed"]] == ["Erledigt", "Abgelehnt"]
    assert [row["ApiName"] for row in told if row["IsDefault"]] == ["Offen"]
    case = api.create("Case", Subject="S")
    assert api.rows("SELECT Status, IsClosed FROM Case") == [{"Status": "Offen", "IsClosed": False}]
    for status, closed in (("Abgelehnt", True), ("In Arbeit", False), ("Closed", False), ("Erledigt", True)):
        api("PATCH", f"sobjects/Case/{case}", {"Status": status})
        assert api.rows("SELECT IsClosed FROM Case") == [{"IsClosed": closed}], status


def test_shapes_go_together(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, person_accounts=True, multi_currency=True, professional=True))
    assert api.upsert("Account", {**PERSON, "CurrencyIsoCode": "JPY"})[0]["success"]
    assert api.rows("SELECT CurrencyIsoCode FROM Contact") == [{"CurrencyIsoCode": "JPY"}]


def test_a_shape_is_named_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert Shape.named("person_accounts,multi_currency") == Shape(person_accounts=True, multi_currency=True)
    assert Shape.named("") == Shape()
    for arguments in (["--org", "round"], ["--org-id", "001000000000001"]):
        with pytest.raises(SystemExit):
            main(arguments)
    told = capsys.readouterr().err
    assert "'round' is not one of person_accounts, multi_currency, professional, other_statuses" in told
    assert "'001000000000001' is not the id of an org" in told


def test_the_id_of_an_org_is_its_own(metadata: Path, connect: Callable[[Org], Api]) -> None:
    org = Org(metadata, org_id="00D7e0000000001")
    api = connect(org)
    assert org.org_id == "00D7e0000000001EAA"
    assert api.rows("SELECT Id FROM Organization") == [{"Id": "00D7e0000000001EAA"}]
    assert api.token.startswith("00D7e0000000001!")
    api("POST", "/__sandbox__/reset")
    assert api.rows("SELECT Id FROM Organization") == [{"Id": "00D7e0000000001EAA"}]
