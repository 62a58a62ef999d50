"""``casewire drift``: what it says of what it found, to people, to programs and to spreadsheets; and wrong usage."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openpyxl import load_workbook
from sync.fake_crm import Org

from connector.cli.drift import repair, report
from connector.cli.drift.report import MISSING, UNKNOWN, DriftReport, JsonLinesFile, RepairProgress, Tally
from connector.ledger.attempts import Mirrored
from connector.models.plan import Change, Parent, Transition
from connector.sync.apply.row_diff import Row, row_for
from connector.sync.drift.detector import DriftedRecord, DriftScan
from connector.sync.drift.orphan_records import OrphanRecord
from connector.sync.drift.repair import RepairResult

from .conftest import Run

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "drift.schema.json"
BOB, EVE = "recurly:acme:account:bob", "recurly:acme:account:eve"


def row(object_: str, key: str, rule: str, holds: dict[str, Any] | None, id_: str | None = None) -> Row:
    """A record that should say ``X`` in Name and lead to Bob; None: it is missing."""
    change = Change(
        object_,
        key,
        rule,
        f"{rule}: because",
        {"Name": "X", "Amount__c": 3},
        {"Account__c": Parent("Account", BOB)},
        on_create={"Subject": "Help"},
        transition=Transition.RESOLVE if object_ == "Case" else None,
        transition_fields={"Status": "Closed"} if object_ == "Case" else {},
    )
    last = (
        None if holds is None else Mirrored("a01", {"Name": "X", "Amount__c": 3, "Account__c": BOB, **holds})
    )
    made = row_for(change, last, exists=holds is not None, org=Org(), id_=id_)
    assert made is not None
    return made


DRIFT = [
    DriftedRecord(BOB, row("Account", BOB, "account", None, "001Gone")),
    DriftedRecord(BOB, row("Billing_Event__c", "e1", "timeline", {"Name": "=typed"})),
    DriftedRecord(EVE, row("Case", "c1", "refund, dispute", {"Account__c": None, "Amount__c": 4})),
    DriftedRecord(EVE, row("Contact", "p1", "account", None), is_lost=True),
]


STRANGERS = [
    OrphanRecord("Billing_Invoice__c", "a0X9", "recurly:acme:invoice:9999", BOB),
    OrphanRecord("Contact", "003X", "", ""),
]


@pytest.fixture
def nothing() -> Iterator[DriftReport]:
    with tempfile.TemporaryFile("w+") as drifted, tempfile.TemporaryFile("w+") as strangers:
        yield DriftReport(Tally(), JsonLinesFile(drifted), JsonLinesFile(strangers))


@pytest.fixture
def found(nothing: DriftReport) -> DriftReport:
    nothing.add(DriftScan(scanned=5, pending=2, drifted=DRIFT[:2], unknown=STRANGERS))
    nothing.add(DriftScan(scanned=3, drifted=DRIFT[2:], undecided={"k": "A rule failed."}))
    return nothing


def test_numbers_are_told_by_rule_object_and_field(found: DriftReport) -> None:
    tally = found.tally
    assert (tally.accounts, tally.pending, tally.drifted, tally.records) == (8, 2, 2, 4)
    assert tally.counted() == [
        ("account", "Account", MISSING, 1),
        ("account", "Contact", MISSING, 1),
        ("refund, dispute", "Case", "Account__c", 1),
        ("refund, dispute", "Case", "Amount__c", 1),
        ("timeline", "Billing_Event__c", "Name", 1),
    ]


def test_people_are_told_what_each_record_holds_and_should_say(
    found: DriftReport, capsys: pytest.CaptureFixture[str]
) -> None:
    report.as_text(found, fix=False)
    told = capsys.readouterr().out
    assert "timeline\tBilling_Event__c\tName\t1\n" in told
    assert f"  Account {BOB} is missing\n    account: account: because\n" in told
    assert "  Billing_Event__c e1\n    timeline: timeline: because\n    Name: =typed → X\n" in told
    assert f"    Amount__c: 4 → 3\n    Account__c: – → {BOB}\n" in told
    assert "Status" not in told
    assert f"  Billing_Invoice__c a0X9 is unknown to Casewire: {report.TO_DO}\n" in told
    assert f"    its key: recurly:acme:invoice:9999, on {BOB}\n" in told
    assert "    its key: –\n" in told


def test_with_fix_it_is_told_as_the_changes_that_mend_it(
    found: DriftReport, capsys: pytest.CaptureFixture[str]
) -> None:
    report.as_text(found, fix=True)
    told = capsys.readouterr().out
    assert "  update Case c1 [resolve]\n" in told
    assert "    Status: – → Closed\n" in told
    assert f"  create Account {BOB}\n" in told
    assert "by a new search" in told
    assert "  forget Contact p1\n" in told
    assert "create Contact" not in told


LEFT_OUT = {("Case", "c1"): frozenset({"B__c", "A__c"})}


@pytest.mark.parametrize("mended", [None, RepairResult(written=3, dead={"a"}, left_out=LEFT_OUT)])
def test_the_document_fits_its_schema(
    found: DriftReport, mended: RepairResult | None, capsys: pytest.CaptureFixture[str]
) -> None:
    report.as_json(found, RepairProgress(mended, 7) if mended else RepairProgress())
    told = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(told)
    assert [entry["key"] for entry in told["drift"]] == [BOB, "e1", "c1", "p1"]
    assert [(entry["missing"], entry["vanished"], entry["linked"]) for entry in told["drift"]] == [
        (True, False, True),
        (False, False, False),
        (False, False, False),
        (True, True, False),
    ]
    assert told["drift"][2]["fields"] == [
        {"field": "Amount__c", "actual": 4, "expected": 3},
        {"field": "Account__c", "actual": None, "expected": BOB},
    ]
    refused_fields = [{"object": "Case", "key": "c1", "fields": ["A__c", "B__c"]}]
    counts = {"written": 3, "deferred": 0, "dead": 1, "refused_fields": refused_fields}
    assert told["repaired"] == ({**counts, "complete": False, "run": 7} if mended else None)
    assert told["unknown"] == [
        {"account": BOB, "object": "Billing_Invoice__c", "id": "a0X9", "key": "recurly:acme:invoice:9999"},
        {"account": None, "object": "Contact", "id": "003X", "key": None},
    ]


def test_nothing_found_is_a_document_too(nothing: DriftReport, capsys: pytest.CaptureFixture[str]) -> None:
    report.as_json(nothing, RepairProgress())
    told = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(told)
    assert (told["drift"], told["unknown"]) == ([], [])


def test_what_it_came_to_is_said_with_the_right_numbers(found: DriftReport, nothing: DriftReport) -> None:
    assert list(report.summary(found.tally)) == [
        "4 records drift, in 2 of 8 accounts; 2 left out, because work is waiting for them.",
        "2 records are unknown to Casewire, never changed: delete them, or clear the Billing_Key__c, by hand.",
        "k: A rule failed.",
    ]
    assert list(report.summary(Tally(accounts=1, drifted=1, records=1, unknown=1))) == [
        "1 record drifts, in 1 of 1 account.",
        "1 record is unknown to Casewire, never changed: delete it, or clear the Billing_Key__c, by hand.",
    ]
    assert list(report.repair_summary(RepairResult(written=1, left={"b"}, dead={"a"}))) == [
        "1 record written.",
        "1 account is left for the workers or a retry: casewire status",
        "1 account was given up: casewire dead list",
    ]
    assert list(
        report.repair_summary(
            RepairResult(written=2, left={"x", "y"}, dead={"a", "b", "c"}, left_out=LEFT_OUT)
        )
    ) == [
        "2 records written.",
        "Case c1: Salesforce does not accept the values of A__c, B__c; will drift again.",
        "2 accounts are left for the workers or a retry: casewire status",
        "3 accounts were given up: casewire dead list",
    ]


def test_spreadsheets_have_a_line_for_each_field(found: DriftReport, tmp_path: Path) -> None:
    report.as_csv(tmp_path / "d.csv", found)
    report.as_xlsx(tmp_path / "d.xlsx", found)
    with (tmp_path / "d.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["record"], line["field"]) for line in lines] == [
        (BOB, MISSING),
        ("e1", "Name"),
        ("c1", "Amount__c"),
        ("c1", "Account__c"),
        ("p1", MISSING),
        ("recurly:acme:invoice:9999", UNKNOWN),
        ("003X", UNKNOWN),
    ]
    assert (lines[-1]["actual"], lines[-1]["expected"]) == ("003X", report.TO_DO)
    assert lines[1]["actual"] == "'=typed"
    book = load_workbook(tmp_path / "d.xlsx")
    assert book.sheetnames == ["By rule and field", "Drift", "Unknown"]
    assert [cell.value for cell in book["Drift"][3]][:6] == [
        BOB,
        "Billing_Event__c",
        "e1",
        "Name",
        "=typed",
        "X",
    ]
    assert book["By rule and field"].max_row == 6
    assert [cell.value for cell in book["Unknown"][2]][:3] == [BOB, "Billing_Invoice__c", "a0X9"]


def test_what_is_kept_can_be_read_while_it_is_read(found: DriftReport) -> None:
    kept = found.drift
    assert [(a["key"], b["key"]) for a, b in zip(kept, kept, strict=True)] == [
        (key, key) for key in (BOB, "e1", "c1", "p1")
    ]


def test_accounts_are_mended_some_at_a_time(found: DriftReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "BATCH", 1)
    first, second = repair.batches(found.drift)
    assert (first.subjects, first.unlinked, first.lost) == ([BOB], {BOB}, set())
    assert (second.subjects, second.unlinked, second.lost) == ([EVE], set(), {("Contact", "p1")})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--apply"], "--apply repairs what is found: use --fix --apply."),
        (["--rule", "nonsense"], "'nonsense' is not one of"),
        (["--object", "Lead"], "'Lead' is not one of"),
        (["--csv", "nowhere/d.csv"], "There is no folder 'nowhere'"),
        (["--yes", "many"], "'many' is not a valid integer"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: list[str], said: str) -> None:
    done = run("drift", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_a_site_that_is_none_is_said_to_be_none(connected: Run) -> None:
    done = connected("drift", "--site", "eu9")
    assert (done.exit_code, "There is no site 'eu9'" in done.stderr) == (2, True)


def test_without_salesforce_it_says_what_to_set(connected: Run) -> None:
    done = connected("drift")
    assert done.exit_code == 1
    assert "SALESFORCE_LOGIN_URL" in done.stderr
