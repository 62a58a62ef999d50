"""``casewire reconcile`` as it is typed: what it says to people and programs, and to wrong usage."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from samples import one
from sqlalchemy import Engine
from structlog.testing import capture_logs
from sync.fake_crm import Org
from sync.reconcile.books import ThreeSides, paid
from sync.world import at
from telling import dispute

from connector.errors import Transient
from connector.facts import Status
from connector.ledger import locks
from connector.ledger.locks import Lock
from connector.sync.apply import Applier
from connector.sync.decide import decide
from connector.wiring import Wiring, wiring

from .conftest import Run

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "reconcile.schema.json"
WINDOW = ("--since", "2026-11-01", "--until", "2026-11-20")


@pytest.fixture
def casewire(connected: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """One site without an API key, and Stripe. Nobody can be asked anything."""
    monkeypatch.setenv("RECURLY_SITE", "acme")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_1")
    with capture_logs():
        yield connected


@pytest.fixture
def sides(casewire: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> ThreeSides:
    """Two payments that agree, at vendors in memory."""
    made = ThreeSides(engine).agree(paid("5", at(5)), paid("6", at(6), invoice_number="1006"))
    monkeypatch.setattr(Wiring, "sides", property(lambda wires: made.sides))
    monkeypatch.setattr(Wiring, "applier", lambda wires: _applier(made, wires))
    monkeypatch.setattr(Wiring, "clock", lambda wires: at(28))
    return made


def _applier(made: ThreeSides, wires: Wiring) -> Applier:
    return Applier(
        made.engine, made.crm, Org, lambda facts: decide(facts, wires.policy), wires.clock, "worker"
    )


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(found, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    return found


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


def test_all_agree(sides: ThreeSides, casewire: Run) -> None:
    done = casewire("reconcile", *WINDOW)
    assert done.exit_code == 0, done.output
    assert "2 payments." in done.stdout
    assert "Recurly, processors and Salesforce agree." in done.stderr


def test_what_differs_is_shown_side_by_side_and_nothing_is_kept(sides: ThreeSides, casewire: Run) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    done = casewire("reconcile", *WINDOW)
    assert done.exit_code == 1
    assert "Amounts differ\t1\t0\tUSD 4.00" in done.stdout
    assert (
        "payment ch_5: Recurly USD 49.00 success 2026-11-05 · Stripe USD 45.00 succeeded 2026-11-05 · "
        "Salesforce USD 49.00 success 2026-11-05"
    ) in done.stdout
    assert "Add --apply" in done.stderr
    assert (
        one(sides.engine, "SELECT (SELECT count(*) FROM discrepancy) + (SELECT count(*) FROM run) AS n").n
        == 0
    )


def test_what_a_processor_holds_and_no_delivery_told_of_is_named_and_filled_in(
    sides: ThreeSides, casewire: Run
) -> None:
    sides.stripe.items.append(dispute("dp_1", "ch_5", at=at(8), opened_at=at(8)))
    done = casewire("reconcile", *WINDOW)
    assert done.exit_code == 1
    assert "Missed deliveries of stripe: 1 missing of 1: 1 dispute.\n  dispute dp_1\n" in done.stdout
    assert one(sides.engine, "SELECT count(*) AS n FROM missed").n == 0
    applied = document(casewire("reconcile", *WINDOW, "--apply", "--json"))
    (told,) = applied["missed_at_processors"]
    assert (told["processor"], told["missing"], told["samples"][0]["id"]) == ("stripe", 1, "dp_1")
    assert [(one["class"], one["state"]) for one in applied["discrepancies"]] == [
        ("missing_in_salesforce", "explained")
    ]
    assert one(sides.engine, "SELECT progress->>'missing' AS n FROM run").n == "1"
    again = casewire("reconcile", *WINDOW, "--json")
    assert (again.exit_code, document(again)["missed_at_processors"][0]["missing"]) == (0, 0)


def test_it_waits_while_another_fills_in(
    sides: ThreeSides, casewire: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever only looks does not."""
    sides.stripe.items.append(dispute("dp_1", "ch_5", at=at(8), opened_at=at(8)))
    with ExitStack() as other:
        assert other.enter_context(locks.alone(sides.engine, Lock.FILLING))
        assert "under way" not in casewire("reconcile", *WINDOW).stderr
        monkeypatch.setattr("connector.cli.reconcile.time.sleep", lambda _: other.close())
        done = casewire("reconcile", *WINDOW, "--apply")
    assert done.stderr.count("Another look for missed deliveries is under way; this waits for it.") == 1
    assert one(sides.engine, "SELECT count(*) AS n FROM missed").n == 1


def test_a_processor_that_is_out_is_said_to_be(sides: ThreeSides, casewire: Run) -> None:
    sides.stripe.error = Transient("Stripe answered 500.")
    done = casewire("reconcile", *WINDOW)
    assert "Not looked through to the end: stripe: Stripe answered 500." in done.stderr
    told = document(casewire("reconcile", *WINDOW, "--json"))["missed_at_processors"]
    assert [one["failed"] for one in told] == ["Stripe answered 500."]


def test_what_time_explains_is_no_failure(sides: ThreeSides, casewire: Run) -> None:
    sides.agree(paid("9", at(27), invoice_number="1009"))
    sides.charge_is("ch_9", status=Status.PENDING)
    done = casewire("reconcile", "--since", "2026-11-26", "--json")
    assert done.exit_code == 0, done.output
    (found,) = document(done)["discrepancies"]
    assert (found["state"], found["why"]) == ("explained", "settlement delay: younger than 72 hours")


def test_the_document_is_the_same_twice(sides: ThreeSides, casewire: Run) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    sides.without_charge("ch_6")
    first = casewire("reconcile", *WINDOW, "--json")
    assert [one["class"] for one in document(first)["discrepancies"]] == ["amount", "missing_at_processor"]
    assert casewire("reconcile", *WINDOW, "--json").stdout == first.stdout


def test_apply_opens_the_case_and_says_who_and_why(sides: ThreeSides, casewire: Run) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    done = casewire("reconcile", *WINDOW, "--apply", "--reason", "month end", "--json")
    assert document(done)["applied"] == {"written": 2, "refused": 0}
    attempt = one(
        sides.engine,
        "SELECT a.subject, a.trigger, r.reason, r.state, r.progress FROM attempt a JOIN run r ON r.id = a.run_id",
    )
    assert tuple(attempt)[:4] == ("recurly:acme:discrepancy:amount", "reconcile", "month end", "done")
    assert attempt.progress == {"missing": 0, "compared": 2, "open": 1, "explained": 0}


def test_every_discrepancy_is_a_line_of_a_table(sides: ThreeSides, casewire: Run) -> None:
    sides.charge_is("ch_5", amount=Decimal("45.00"))
    assert casewire("reconcile", *WINDOW, "--csv", "found.csv").exit_code == 1
    heading, row = csv.reader(Path("found.csv").read_text(encoding="utf-8-sig").splitlines())
    told = dict(zip(heading, row, strict=True))
    assert (told["Class"], told["Recurly: amount"], told["Processor: amount"]) == (
        "Amounts differ",
        "USD 49.00",
        "USD 45.00",
    )
    assert casewire("reconcile", *WINDOW, "--xlsx", "found.xlsx").exit_code == 1
    assert Path("found.xlsx").stat().st_size > 0


def test_a_key_of_the_other_world_is_not_asked(casewire: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEWIRE_MODE", "live")
    monkeypatch.setattr(Wiring, "salesforce", property(lambda wires: None))
    asked = wiring().sides
    assert asked.not_asked == {"stripe": "its API key is not for live payments"}
    assert "stripe" not in asked.books


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--site", "other"), "There is no site 'other': --site acme."),
        (("--source", "paypal"), "'paypal' cannot be asked for lists. Processors that can: stripe."),
        (("--since", "1h", "--until", "2026-01-01"), "--since must be before --until, and before now."),
        (("--csv", "a.csv", "--xlsx", "a.xlsx"), "--csv or --xlsx, not both: one reconcile writes one file."),
    ],
)
def test_wrong_usage_is_one_line(casewire: Run, arguments: tuple[str, ...], told: str) -> None:
    done = casewire("reconcile", *arguments)
    assert (done.exit_code, done.stderr.strip().splitlines()[-1]) == (
        2,
        f"casewire reconcile: {told} See: casewire reconcile --help",
    )


def test_without_a_site_it_says_what_to_set(connected: Run) -> None:
    done = connected("reconcile")
    assert (done.exit_code, "set RECURLY_SITE" in done.output) == (1, True)
