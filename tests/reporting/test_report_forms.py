"""The same figures as JSON and as a long table, each with a definition."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import jsonschema

from connector.reporting import DEFINITIONS, LINES, Case

from .conftest import at, counted

Make = Callable[..., Case]
SCHEMA = Path(__file__).parents[2] / "docs/schemas/billing-report.schema.json"


def busy(case: Make) -> list[Case]:
    return [
        case(at(2), at(5), dunning_step=2),
        case(at(2), at(5), kind="dispute", outcome="Won", due_at=at(4), gateway="stripe"),
        case(at(2), at(5), kind="refund", outcome="Refunded", reopened=(at(3),)),
        case(at(3)),
    ]


def test_every_figure_has_its_definition_and_none_is_left_over(case: Make) -> None:
    report = counted(busy(case))
    keys = {("key_figures", str(row[0])) for row in report.section("key_figures").rows}
    others = {(s.name, f) for s in report.sections for f in s.figures if s.name != "key_figures"}
    defined = [(one.section, one.figure) for one in DEFINITIONS]
    assert sorted(defined) == sorted(keys | others)
    assert all(one.counted and one.source for one in DEFINITIONS)


def test_every_rate_says_what_it_is_divided_by() -> None:
    rates = {one.figure for one in DEFINITIONS if one.whole}
    assert rates == {one.figure for one in DEFINITIONS if one.figure.endswith(("rate", "share"))}


def test_the_document_is_as_its_schema_says(case: Make) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for cases in (busy(case), []):
        told = json.loads(json.dumps(counted(cases).document(), default=str))
        jsonschema.validate(told, schema)


def test_a_section_the_schema_does_not_know_would_be_noticed(case: Make) -> None:
    known = json.loads(SCHEMA.read_text())["properties"]
    assert counted(busy(case)).document().keys() == known.keys()


def test_an_empty_month_says_so_and_has_its_sections(case: Make) -> None:
    told = counted([]).document()
    assert (told["empty"], told["cases_read"], told["cases"], told["disputes"]) == (True, 0, [], [])
    assert len(told["weeks"]) == 13
    assert not counted(busy(case)).is_empty


def test_a_month_in_which_only_money_came_is_not_empty(case: Make) -> None:
    """A person had closed the case the month before."""
    assert not counted([case(at(2, month=9), at(5), by_hand=at(9, month=9))]).is_empty


def test_the_long_table_has_a_line_for_each_figure(case: Make) -> None:
    lines = list(counted(busy(case)).lines())
    assert {len(line) for line in lines} == {len(LINES)}
    assert ("key_figures", "", "USD", "recovered_amount", Decimal("100.00")) in lines
    assert ("cases", "refund", "", "resolved", 1) in lines
    assert ("recovery_by_step", "2", "USD", "recovered", 1) in lines
    assert ("deadlines", "stripe", "USD", "missed", 0) in lines


def test_the_schema_names_the_columns_of_every_section(case: Make) -> None:
    known = json.loads(SCHEMA.read_text())["properties"]
    for section in counted([]).sections:
        assert known[section.name]["items"]["required"] == [*section.labels, *section.figures]
