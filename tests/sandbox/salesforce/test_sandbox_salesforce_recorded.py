"""The sandbox against answers recorded from real orgs: same keys, same words, same way of writing JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce.jackson import pretty
from sandbox.salesforce.org import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from conftest import Api

AS_WRITTEN = (
    "cci_collections_create_200.json",
    "cci_collections_upsert_created.json",
    "cci_collections_upsert_updated.json",
    "cci_composite_query_invalid_type.json",
    "cci_composite_reference_ids.json",
    "cci_composite_subrequest_not_found.json",
    "cci_query_contact.json",
    "cci_query_empty.json",
    "cci_limits_recordCount.json",
    "cci_organization_record.json",
)


def _read(folder: Path, name: str) -> Any:
    if not (folder / name).is_file():
        pytest.skip(f"{name} was not recorded")
    return json.loads((folder / name).read_text())


def _request(folder: Path, name: str) -> Any:
    """The body that was sent for a recorded answer, with a version in place of its blank."""
    entry = next(entry for entry in _read(folder, "manifest.json") if entry["file"] == name)
    return json.loads(entry["request_body"].replace("vxx.0", "v60.0"))


@pytest.mark.parametrize("name", AS_WRITTEN)
def test_spread_out_json_is_written_character_by_character_as_recorded(recorded: Path, name: str) -> None:
    assert pretty(_read(recorded, name)) == (recorded / name).read_text().strip()


def test_a_collections_upsert_answers_as_recorded(recorded: Path, api: Api) -> None:
    name = "cci_collections_upsert_created.json"
    answer = api("PATCH", "composite/sobjects/Contact/Email", _request(recorded, name)).get_json()
    expected = _read(recorded, name)
    assert [list(row) for row in answer] == [list(row) for row in expected]
    assert [(row["success"], row["errors"], row["created"]) for row in answer] == [
        (row["success"], row["errors"], row["created"]) for row in expected
    ]
    assert {row["id"][:3] for row in answer} == {row["id"][:3] for row in expected}


def test_a_collections_create_answers_as_recorded(recorded: Path, api: Api) -> None:
    name = "cci_collections_create_200.json"
    answer = api("POST", "composite/sobjects", _request(recorded, name)).get_json()
    assert [list(row) for row in answer] == [list(row) for row in _read(recorded, name)]


def test_a_query_answers_as_recorded(recorded: Path, api: Api) -> None:
    request = _request(recorded, "cci_collections_upsert_created.json")
    api("PATCH", "composite/sobjects/Contact/Email", request)
    answer, expected = api.query("select FirstName from Contact"), _read(recorded, "cci_query_contact.json")
    assert list(answer) == list(expected)
    assert answer["totalSize"] == expected["totalSize"]
    assert [row["FirstName"] for row in answer["records"]] == [
        row["FirstName"] for row in expected["records"]
    ]
    assert list(answer["records"][0]["attributes"]) == list(expected["records"][0]["attributes"])
    url = expected["records"][0]["attributes"]["url"].rsplit("/", 1)[0].replace("vxx", "v60")
    assert answer["records"][0]["attributes"]["url"].rsplit("/", 1)[0] == url


@pytest.mark.parametrize(
    "name",
    [
        "cci_composite_query_invalid_type.json",
        "cci_composite_reference_ids.json",
        "cci_composite_subrequest_not_found.json",
    ],
)
def test_a_composite_call_answers_as_recorded(recorded: Path, api: Api, name: str) -> None:
    if name == "cci_composite_query_invalid_type.json":
        for number in range(17):
            api.create("Account", Name=f"N{number}")
    assert api("POST", "composite", _request(recorded, name)).get_json() == _read(recorded, name)


def test_an_aggregate_row_has_the_recorded_shape(recorded: Path, api: Api) -> None:
    api.create("Case", Amount__c=300)
    answer = api.query("SELECT AccountId, SUM(Amount__c) FROM Case GROUP BY AccountId")["records"][0]
    expected = _read(recorded, "restforce_sobject_query_aggregate_success_response.json")["records"][0]
    assert answer["attributes"] == expected["attributes"]
    assert (list(answer)[2], answer["expr0"]) == (list(expected)[2], expected["expr0"])


def test_a_login_answers_with_what_was_recorded(recorded: Path, api: Api) -> None:
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    answer = api.http.post("/services/oauth2/token", data=form).get_json()
    assert set(_read(recorded, "restforce_auth_success_response.json")) <= set(answer)


def test_the_versions_have_the_recorded_shape(recorded: Path, api: Api) -> None:
    expected = _read(recorded, "restforce_services_data_success_response.json")
    assert set(api("GET", "/services/data").get_json()[0]) == set(expected[0])


def test_an_unknown_session_is_refused_as_recorded(recorded: Path, api: Api) -> None:
    answer = api("GET", "limits", headers={"Authorization": "Bearer none"})
    assert answer.get_json() == _read(recorded, "restforce_expired_session_response.json")


def test_errors_have_the_recorded_keys_and_words(recorded: Path, api: Api) -> None:
    bodies = {entry["code"]: entry["body"] for entry in _read(recorded, "verbatim_errors.json")}
    for code, answer in _provoked(api).items():
        expected = json.loads(bodies[code])
        assert set(answer[0]) == set(expected[0]), code
        assert _plain(answer[0]["message"]) == _plain(expected[0]["message"]), code


def _provoked(api: Api) -> dict[str, Any]:
    """Error bodies of the sandbox, by the recorded error they stand for."""
    first = api.create("Account", Name="A", Billing_Key__c="k")
    gone = api.create("Account", Name="B")
    api("DELETE", f"sobjects/Account/{gone}")
    found = {
        "DUPLICATE_VALUE": api("POST", "sobjects/Account", {"Name": "B", "Billing_Key__c": "k"}),
        "STRING_TOO_LONG": api("POST", "sobjects/Account", {"Name": "A", "AccountNumber": "x" * 41}),
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": api(
            "POST", "sobjects/Account", {"Name": "A", "State__c": "x"}
        ),
        "REQUIRED_FIELD_MISSING": api("POST", "sobjects/Account", {}),
        "ENTITY_IS_DELETED": api("PATCH", f"sobjects/Account/{gone}", {"Name": "C"}),
    }
    faults = {"UNABLE_TO_LOCK_ROW": "row_lock", "DUPLICATES_DETECTED": "duplicate_rule"}
    for code, kind in {**faults, "REQUEST_LIMIT_EXCEEDED (daily)": "daily_limit"}.items():
        api("POST", "/__sandbox__/faults", {"kind": kind, "times": 1})
        found[code] = api("PATCH", f"sobjects/Account/{first}", {"Name": "D"})
    return {code: answer.get_json() for code, answer in found.items()}


def _plain(message: str) -> str:
    """A message without the names of its record, field and value."""
    message = re.sub(r"^[\w ]+: (?=data|bad)", "F: ", message)
    message = re.sub(r"large: \S+ \(max length=\d+\)", "large: V (max length=N)", message)
    message = re.sub(r"field: .*$", "field: V", message)
    message = re.sub(r"found: \S+ duplicates", "found: F duplicates", message)
    return re.sub(r"\b[0-9][0-9A-Za-z]{14,17}\b", "ID", message)


COMPARED = (
    "type",
    "length",
    "precision",
    "scale",
    "createable",
    "updateable",
    "nillable",
    "idLookup",
    "unique",
)
COMPARED += ("externalId", "restrictedPicklist", "filterable", "soapType", "relationshipName", "byteLength")


@pytest.mark.parametrize("name", ["Account", "Contact"])
def test_standard_fields_are_described_as_recorded(recorded: Path, api: Api, name: str) -> None:
    expected = {
        field["name"]: field for field in _read(recorded, f"cci_{name.lower()}_describe.json")["fields"]
    }
    described = api("GET", f"sobjects/{name}/describe").get_json()
    shared = [field for field in described["fields"] if field["name"] in expected]
    assert len(shared) > 25
    differing = {
        (field["name"], key): (field[key], expected[field["name"]][key])
        for field in shared
        for key in COMPARED
        if field[key] != expected[field["name"]][key]
    }
    assert differing == {}
    assert list(shared[0]) == list(expected["Id"])


def test_a_describe_has_the_recorded_keys(recorded: Path, api: Api) -> None:
    expected = _read(recorded, "cci_account_describe.json")
    described = api("GET", "sobjects/Account/describe").get_json()
    implementation = {
        "defaultImplementation",
        "extendedBy",
        "extendsInterfaces",
        "implementedBy",
        "implementsInterfaces",
    }
    assert set(expected) - implementation <= set(described)
    assert set(expected["childRelationships"][0]) == set(described["childRelationships"][0])
    assert set(expected["recordTypeInfos"][0]) == set(described["recordTypeInfos"][0])
    brief = _read(recorded, "cci_global_describe.json")["sobjects"][0]
    assert set(brief) == set(api("GET", "sobjects").get_json()["sobjects"][0])
