"""``casewire report billing``: what a billing lead shows, read from a Salesforce with cases in it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from samples import subject
from sqlalchemy import Engine

from connector.ledger import attempts
from connector.ledger.attempts import Attempt, Cause, RowChange
from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.salesforce.access import permissions
from sandbox.salesforce.desk import Desk
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import serve

from .conftest import Run

HOSTILE = '=HYPERLINK("http://127.0.0.1","Rivera")'
MARCH = datetime(2025, 3, 1, tzinfo=UTC)


class World:
    """An org whose clock stands still, with cases as Casewire leaves them."""

    def __init__(self) -> None:
        self.now = MARCH
        self.org = Org(default_metadata(), assignment_rule=False, clock=lambda: self.now)

    def clear(self) -> None:
        self.now = MARCH
        self.org.reset()
        self.number = 0

    def case(self, opened: int, over: int | None = None, outcome: str = "Recovered", **more: Any) -> str:
        """Its key. Days count from the first of March; it is closed when its problem is over."""
        self.number += 1
        key = f"recurly:acme:invoice:{self.number}:past_due:1"
        told = {
            "Billing_Key__c": key,
            "Billing_Rule__c": "payment_failed",
            "Billing_Account_Key__c": subject("bob"),
            "Billing_State__c": "open",
            "Billing_Opened_At__c": _text(opened),
            "Billing_Amount__c": 49.5,
            "Billing_Currency__c": "USD",
            "Billing_Dunning_Step__c": 2,
            "Billing_Decline_Category__c": "insufficient_funds",
            "Billing_Reason__c": HOSTILE,
            "OwnerId": self.org.user_id,
        }
        if over is not None:
            self.now = MARCH + timedelta(days=over, hours=1)
            ended = {"Billing_State__c": "resolved", "Billing_Outcome__c": outcome, "Status": "Closed"}
            told |= ended | {"Billing_Resolved_At__c": _text(over)}
        Desk(self.org).write("Case", [{**told, **more}])
        return key

    def dispute(self, opened: int, over: int | None, outcome: str, due: int) -> None:
        status = outcome.lower() or "needs_response"
        told = {"Billing_Key__c": f"stripe:dispute:{self.number}", "Reason_Category__c": "fraud"}
        (record,) = Desk(self.org).write(
            "Billing_Dispute__c", [{**told, "Status__c": status, "Due_At__c": _text(due)}]
        )
        self.case(
            opened,
            over,
            outcome,
            Billing_Rule__c="dispute",
            Billing_Dispute__c=record,
            Billing_Gateway__c="stripe",
        )


def _text(day: int) -> str:
    return f"{MARCH + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def _world() -> Iterator[tuple[World, str]]:
    world = World()
    with serve(create_app(world.org, Control())) as server:
        yield world, server.url


@pytest.fixture
def world(_world: tuple[World, str], connected: Run, monkeypatch: pytest.MonkeyPatch) -> World:
    """The org that Casewire is connected to."""
    world, url = _world
    world.clear()
    given = {"SALESFORCE_CLIENT_ID": "sandbox", "SALESFORCE_CLIENT_SECRET": "sandbox", "RECURLY_SITE": "acme"}
    for name, value in {**given, "SALESFORCE_LOGIN_URL": url}.items():
        monkeypatch.setenv(name, value)
    return world


@pytest.fixture
def billing(world: World, run: Run) -> Callable[..., Any]:
    """``casewire report billing`` for that March."""
    return lambda *arguments: run("report", "billing", "--month", "2025-03", *arguments)


def busy(world: World) -> None:
    world.case(-10, 3)
    world.case(2, 9)
    world.case(4, 6, "Lost")
    world.case(5, 8, Billing_Currency__c="EUR", OwnerId=world.org.agent_id)
    world.case(20)
    world.case(3, 5, "Refunded", Billing_Rule__c="refund")
    world.dispute(1, 12, "Won", 10)
    world.dispute(1, 15, "Expired", 14)
    Desk(world.org).write("Case", [{"Subject": "Not ours", "Status": "New"}])


def test_the_document_tells_the_figures(world: World, billing: Callable[..., Any], engine: Engine) -> None:
    busy(world)
    came_back = RowChange(
        "Case",
        "recurly:acme:invoice:2:past_due:1",
        "payment_failed",
        "it is back",
        {},
        {},
        "reopen",
        "500A",
    )
    at = MARCH + timedelta(days=5)
    with engine.begin() as connection:
        made = Attempt(subject("bob"), Cause(), at, at, "applied", changes=(came_back,))
        attempts.record(connection, [made])

    result = billing("--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    keys = {(one["figure"], one["currency"]): one["value"] for one in told["key_figures"]}
    assert (told["month"], told["until"], told["runs"], told["cases_read"]) == (
        "2025-03",
        "2025-04-01T00:00:00Z",
        False,
        8,
    )
    assert (keys["opened", ""], keys["resolved", ""], keys["open_at_end", ""]) == (7, 7, 1)
    assert keys["recovered_amount", "USD"] == "99.00"
    assert keys["recovered_amount", "EUR"] == "49.50"
    assert (keys["recovery_rate", ""], keys["dispute_win_rate", ""]) == (0.75, 0.5)
    assert (keys["deadlines_missed", ""], keys["refund_median_hours", ""]) == (1, 48.0)
    assert keys["reopen_rate", ""] == round(1 / 7, 4)
    assert keys["by_itself_share", ""] == round(6 / 7, 4)
    (step,) = (one for one in told["recovery_by_step"] if one["currency"] == "USD")
    assert (step["dunning_step"], step["recovered"], step["lost"]) == (2, 2, 1)


def test_the_workbook_has_figures_with_charts_definitions_and_every_case(
    world: World, billing: Callable[..., Any], tmp_path: Path
) -> None:
    busy(world)
    path = tmp_path / "billing.xlsx"
    result = billing("--xlsx", path)
    assert result.exit_code == 0, result.output
    assert f"Wrote {path}." in result.stderr
    assert result.stdout == ""
    book = load_workbook(path)
    assert book.sheetnames == ["Billing", "Definitions", "Cases"]
    front = [
        [cell for cell in row if cell is not None] for row in book["Billing"].iter_rows(values_only=True)
    ]
    assert front[0] == ["Billing, 2025-03"]
    assert ["opened", 7] in front
    assert ["recovered amount", "USD", 99] in front
    assert ["payment failed", "USD", 2, 1, 0.6667, 99, 49.5, 0.6667] in front
    charts = book["Billing"]._charts
    assert len(charts) == 6
    cases = list(book["Cases"].iter_rows(values_only=True))
    assert len(cases) == 9
    assert (cases[1][0], cases[1][2], cases[1][8]) == (
        "recurly:acme:invoice:1:past_due:1",
        "payment failed",
        49.5,
    )


def test_no_chart_lies_on_another_nor_on_a_table(
    world: World, billing: Callable[..., Any], tmp_path: Path
) -> None:
    busy(world)
    assert billing("--xlsx", tmp_path / "b.xlsx").exit_code == 0
    front = load_workbook(tmp_path / "b.xlsx")["Billing"]
    filled = {(c.row - 1, c.column - 1) for row in front.iter_rows() for c in row if c.value is not None}
    boxes = [box(one.anchor) for one in front._charts]
    assert len(boxes) == 6
    for (top, left, bottom, right), other in combinations(boxes, 2):
        assert bottom <= other[0] or other[2] <= top or right <= other[1] or other[3] <= left
    for top, left, bottom, right in boxes:
        rows, columns = range(top[0], bottom[0] + 1), range(left[0], right[0] + 1)
        assert not {(row, column) for row, column in filled if row in rows and column in columns}


def box(anchor: Any) -> tuple[tuple[int, int], ...]:
    """Top, left, bottom and right, each as a cell and how far into it."""
    a, b = anchor._from, anchor.to
    return (a.row, a.rowOff), (a.col, a.colOff), (b.row, b.rowOff), (b.col, b.colOff)


def test_the_charts_show_the_rows_they_name(
    world: World, billing: Callable[..., Any], tmp_path: Path
) -> None:
    busy(world)
    assert billing("--xlsx", tmp_path / "b.xlsx").exit_code == 0
    front = load_workbook(tmp_path / "b.xlsx")["Billing"]
    told = {}
    for chart in front._charts:
        first = chart.series[0]
        title = "".join(run.t for part in chart.title.tx.rich.p for run in part.r)
        told[title] = [cells(front, first.cat), cells(front, first.val)]
    assert told["Recovered and lost by dunning step, USD"] == [[2], [99]]
    assert told["Open cases by age"] == [["payment failed"], [0]]
    assert told["Cases by kind"] == [["dispute", "payment failed", "refund"], [2, 4, 1]]
    assert told["Disputes decided, by reason, USD"] == [["fraud"], [1]]
    assert len(told["Cases by week"][0]) == 13


def cells(front: Any, source: Any) -> list[Any]:
    found = (source.numRef or source.strRef).f.partition("!")[2].replace("$", "")
    listed = front[found]
    return [row[0].value for row in listed] if isinstance(listed, tuple) else [listed.value]


def test_a_hostile_text_is_no_formula_anywhere(
    world: World, billing: Callable[..., Any], tmp_path: Path
) -> None:
    world.case(2, 9)
    result = billing("--xlsx", tmp_path / "b.xlsx", "--csv", tmp_path / "b.csv")
    assert result.exit_code == 0, result.output
    book = load_workbook(tmp_path / "b.xlsx")
    found = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert found == []
    texts = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert texts.count(HOSTILE) == 2
    with (tmp_path / "b.csv").open(encoding="utf-8-sig", newline="") as file:
        written = [cell for line in csv.reader(file) for cell in line]
    assert not [one for one in written if one.startswith("=")]
    assert "recovered_amount" in written


def test_an_empty_month_says_so(billing: Callable[..., Any], tmp_path: Path) -> None:
    result = billing("--xlsx", tmp_path / "b.xlsx", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["empty"] is True
    assert "Nothing happened in that month" in result.stderr
    front = load_workbook(tmp_path / "b.xlsx")["Billing"]
    assert "Nothing happened in it" in str(front["A2"].value)
    assert len(front._charts) == 1


def test_without_a_file_the_key_figures_are_shown(world: World, billing: Callable[..., Any]) -> None:
    busy(world)
    told = billing().stdout.splitlines()
    assert "opened\t\t7" in told
    assert "recovery rate\t\t75.0%" in told
    assert "recovered amount\tUSD\t99.00" in told


def test_only_one_site(world: World, billing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    world.case(2)
    world.case(2, Billing_Account_Key__c="recurly:eu1:account:eve")
    assert json.loads(billing("--json").stdout)["cases_read"] == 2
    told = json.loads(billing("--json", "--site", "acme").stdout)
    assert (told["cases_read"], told["site"]) == (1, "acme")


def test_what_the_org_lacks_is_not_told_and_said(
    world: World, billing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    busy(world)
    policy = tmp_path / "leave_out.toml"
    policy.write_text('[orgs]\nmissing = "leave_out"\n')
    monkeypatch.setenv("CASEWIRE_POLICY", str(policy))
    world.org.permit(permissions(world.org.schema, {"Case": {"Billing_Reason__c": "none"}}))
    result = billing("--csv", tmp_path / "b.csv")
    assert result.exit_code == 0, result.output
    assert "The org has no field Case.Billing_Reason__c" in result.stderr
    with (tmp_path / "b.csv").open(encoding="utf-8-sig", newline="") as file:
        told = [row[1] for row in csv.reader(file) if row[0] == "recovery_by_reason"]
    assert {one.split(", ")[0] for one in told} == {"not told"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--month", "2025-13"), "'2025-13' is not a month; say it as 2026-10."),
        (("--month", "9999-01"), "9999-01 has not begun yet (UTC)."),
        (("--site", "eu9"), "there is no site 'eu9'; use --site acme."),
        (("--xlsx", "no/such/b.xlsx"), "There is no folder 'no/such'"),
        (("--csv", "."), "'.' is a folder; name a file in it."),
    ],
)
def test_a_wrong_word_gets_one_line(world: World, run: Run, arguments: tuple[str, ...], told: str) -> None:
    result = run("report", "billing", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr.splitlines()[-1]


def test_help_has_an_example(run: Run) -> None:
    result = run("report", "billing", "--help")
    assert result.exit_code == 0
    assert "Example: casewire report billing --month 2026-10 --xlsx billing.xlsx" in result.stdout
