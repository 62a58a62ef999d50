"""Finding rows by what is in them: the same rows whether an index, plain text or a pattern finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce.soql.likes import any_affix, is_affix, wild

if TYPE_CHECKING:
    from conftest import Api


def _names(api: Api, condition: str) -> list[str]:
    return [row["Name"] for row in api.rows(f"SELECT Name FROM Account WHERE {condition} ORDER BY Name")]


@pytest.fixture
def filled(api: Api) -> Api:
    rows: list[dict[str, Any]] = [
        {"Name": "Acme", "Website": "https://www.acme.example", "NumberOfEmployees": 5},
        {"Name": "ACME Ltd", "Website": "https://acme.example"},
        {"Name": "50% off_er", "NumberOfEmployees": 5},
        {"Name": "Zeta\\Co", "Since__c": "2026-01-01"},
    ]
    assert api("POST", "/__sandbox__/records/Account", rows).status_code == 201
    return api


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("Name = 'acme'", ["Acme"]),
        ("Name IN ('ACME', 'acme ltd', 'nobody')", ["Acme", "ACME Ltd"]),
        ("NumberOfEmployees = 5", ["50% off_er", "Acme"]),
        ("Since__c = 2026-01-01", ["Zeta\\Co"]),
        ("Website = null", ["50% off_er", "Zeta\\Co"]),
        ("Website IN ('https://acme.example', null)", ["50% off_er", "ACME Ltd", "Zeta\\Co"]),
        ("Name LIKE 'acme%'", ["Acme", "ACME Ltd"]),
        ("Website LIKE '%acme.example'", ["Acme", "ACME Ltd"]),
        ("Name LIKE '%cm%'", ["Acme", "ACME Ltd"]),
        ("Name LIKE 'acme'", ["Acme"]),
        ("Name LIKE '%'", ["50% off_er", "Acme", "ACME Ltd", "Zeta\\Co"]),
        ("Website LIKE '%'", ["Acme", "ACME Ltd"]),
        ("Name LIKE '50\\%%'", ["50% off_er"]),
        ("Name LIKE 'a_me%'", ["Acme", "ACME Ltd"]),
        (
            "Name LIKE '%ltd' OR Name LIKE 'zet%' OR Name LIKE '%ff\\_%'",
            ["50% off_er", "ACME Ltd", "Zeta\\Co"],
        ),
        ("Name LIKE '%ltd' OR Name LIKE '%co' OR Website LIKE '%www%'", ["Acme", "ACME Ltd", "Zeta\\Co"]),
        ("(Name LIKE 'a%' OR Name LIKE 'z%') AND Website LIKE '%www%'", ["Acme"]),
        ("NOT (Name LIKE 'a%' OR Name LIKE 'z%')", ["50% off_er"]),
    ],
)
def test_rows_are_found(filled: Api, condition: str, names: list[str]) -> None:
    assert _names(filled, condition) == names


def test_an_index_made_by_a_query_follows_what_is_written_after_it(filled: Api) -> None:
    assert _names(filled, "Phone = '1'") == []
    made = filled.create("Account", Name="New", Phone="1")
    assert _names(filled, "Phone = '1'") == ["New"]
    refused = [
        {"attributes": {"type": "Account"}, "Name": "Gone", "Phone": "1"},
        {"attributes": {"type": "Account"}},
    ]
    filled("POST", "composite/sobjects", {"allOrNone": True, "records": refused})
    assert _names(filled, "Phone = '1'") == ["New"]
    filled("PATCH", f"sobjects/Account/{made}", {"Phone": "2"})
    assert (_names(filled, "Phone = '1'"), _names(filled, "Phone = '2'")) == ([], ["New"])
    filled("DELETE", f"sobjects/Account/{made}")
    assert _names(filled, "Phone = '2'") == []


def test_patterns_on_what_can_not_be_filtered_are_refused_alone_and_together(filled: Api) -> None:
    for condition in ("Notes__c LIKE 'a%'", "Notes__c LIKE 'a%' OR Notes__c LIKE 'b%'"):
        assert filled.query(f"SELECT Id FROM Account WHERE {condition}")[0]["errorCode"] == "INVALID_FIELD"
    for condition in ("Balance__c LIKE 'a%'", "Balance__c LIKE 'a%' OR Balance__c LIKE 'b%'"):
        code = filled.query(f"SELECT Id FROM Account WHERE {condition}")[0]["errorCode"]
        assert code == "INVALID_QUERY_FILTER_OPERATOR"


@pytest.mark.parametrize("quoted", ["'%a'", "'a%'", "'%a%'", "'%'", "'%%'", "'% b%'"])
@pytest.mark.parametrize("text", ["a", "xa", "ax", "xax", "", "A", "a b", "\n a"])
def test_the_quick_way_finds_what_the_pattern_finds(quoted: str, text: str) -> None:
    assert is_affix(quoted)
    assert any_affix([quoted], str.lower)(text) == wild(quoted, case_sensitive=False)(text)


@pytest.mark.parametrize("quoted", ["'a'", "'a%b'", "'_a%'", "'a\\%'", "''"])
def test_other_patterns_go_the_slow_way(quoted: str) -> None:
    assert not is_affix(quoted)
