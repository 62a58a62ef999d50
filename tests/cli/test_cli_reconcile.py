"""``casewire reconcile`` as it is typed: what it says to people and programs, and to wrong usage."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from samples import SITE, SOURCE, one, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs
from sync.fake_api import FakeApi
from sync.fake_crm import Org
from sync.reconcile.books import ThreeSides, charge, paid
from sync.world import account, at
from telling import dispute

from connector.container import Container, container_from_environment
from connector.errors import Transient
from connector.ledger import locks
from connector.ledger import missed_changes as ledger
from connector.ledger.locks import Lock
from connector.models.facts import Status
from connector.sync.apply.applier import Applier
from connector.sync.decide.decide import decide

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
    """Two payments that agree, at vendors in memory. The ledger knows all of November."""
    made = ThreeSides(engine).agree(paid("5", at(5)), paid("6", at(6), invoice_number="1006"))
    known_from(engine, datetime(2026, 11, 1, tzinfo=UTC))
    monkeypatch.setattr(Container, "sides", property(lambda wires: made.sides))
    monkeypatch.setattr(Container, "applier", lambda wires: _applier(made, wires))
    monkeypatch.setattr(Container, "clock", lambda wires: at(28))
    return made


def known_from(engine: Engine, when: datetime, site: str = SITE) -> None:
    with engine.begin() as connection:
        ledger.looked_through(connection, (SOURCE, site), when, at(28))


def _applier(made: ThreeSides, wires: Container) -> Applier:
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
    assert "Missed deliveries of stripe: 1 missing of 1: 1 dispute.\n" in done.stdout
    assert "\n  dispute dp_1 of stripe:dispute:dp_1, 20" in done.stdout
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
        assert "fills in" not in casewire("reconcile", *WINDOW).stderr
        monkeypatch.setattr("connector.cli.reconcile.time.sleep", lambda _: other.close())
        done = casewire("reconcile", *WINDOW, "--apply")
    assert done.stderr.count("Another process fills in missed deliveries; waiting for it.") == 1
    assert one(sides.engine, "SELECT count(*) AS n FROM missed").n == 1


def test_a_processor_that_is_out_is_no_success(sides: ThreeSides, casewire: Run) -> None:
    sides.stripe.error = Transient("Stripe answered 500.")
    done = casewire("reconcile", *WINDOW)
    assert done.exit_code == 1
    assert "Missed deliveries of stripe: not read: Stripe answered 500.\n" in done.stdout
    assert "Not compared: stripe: Stripe answered 500." in done.stderr
    assert "agree" not in done.output
    told = document(casewire("reconcile", *WINDOW, "--json"))
    assert [one["failed"] for one in told["missed_at_processors"]] == ["Stripe answered 500."]
    assert told["failed"] == [{"name": "stripe", "reason": "Stripe answered 500."}]
    assert casewire("reconcile", *WINDOW, "--apply").exit_code == 1
    assert one(sides.engine, "SELECT progress FROM run").progress == {
        "missing": 0,
        "compared": 2,
        "open": 0,
        "explained": 0,
        "not_compared": ["stripe: Stripe answered 500"],
        "failed": ["stripe"],
    }


def test_one_whose_key_is_of_the_other_world_is_no_success_unless_nobody_asked_for_it(
    sides: ThreeSides, casewire: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = replace(sides.sides, not_asked={"braintree": "its API key is not for live payments"})
    monkeypatch.setattr(Container, "sides", property(lambda wires: apart))
    assert casewire("reconcile", *WINDOW).exit_code == 1
    assert casewire("reconcile", *WINDOW, "--source", "stripe").exit_code == 0


# ── what was missed ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def asked(sides: ThreeSides, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """The site can be asked what changed."""
    api = FakeApi([account(id=f"a{n}", code=f"c{n}", updated_at=at(10)) for n in range(23)])
    monkeypatch.setattr(Container, "apis", property(lambda wires: {(SOURCE, SITE): api}))
    return api


def test_the_first_that_were_missed_are_named_with_whose_they_are_and_when(
    asked: FakeApi, casewire: Run
) -> None:
    looked = casewire("reconcile", *WINDOW)
    assert looked.exit_code == 1
    first, *more = looked.stdout.splitlines()
    assert first == "Missed deliveries of site acme: 23 missing of 23: 23 accounts."
    assert more[0] == "  account a0 of recurly:acme:account:c0, 2026-11-10 12:00:00"
    assert more[20] == "  … and 3 more: --json shows 50, --apply keeps all"
    filled = casewire("reconcile", *WINDOW, "--apply")
    run = one(container_from_environment().engine, "SELECT id FROM run").id
    assert f"  … and 3 more: casewire runs show {run}\n" in filled.stdout


def test_a_site_that_is_out_does_not_hold_up_the_others(
    sides: ThreeSides, asked: FakeApi, casewire: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECURLY_SITES", "beta")
    asked.objects = []
    gone = FakeApi([account(updated_at=at(10))], down=Transient("beta answered 503."))
    monkeypatch.setattr(
        Container, "apis", property(lambda wires: {(SOURCE, SITE): asked, (SOURCE, "beta"): gone})
    )
    done = casewire("reconcile", *WINDOW)
    assert done.exit_code == 1, done.output
    assert "Missed deliveries of site acme: 0 missing of 0.\n" in done.stdout
    assert "Missed deliveries of site beta: not read: beta answered 503.\n" in done.stdout
    assert "2 payments." in done.stdout
    found = document(casewire("reconcile", *WINDOW, "--json"))
    assert (found["sites"], found["failed"]) == (
        ["acme"],
        [{"name": "site beta", "reason": "beta answered 503."}],
    )


def test_where_nobody_can_be_asked_it_ends(sides: ThreeSides, asked: FakeApi, casewire: Run) -> None:
    asked.down = Transient("acme answered 503.")
    done = casewire("reconcile", *WINDOW)
    assert (done.exit_code, "acme answered 503." in done.stderr) == (1, True)


# ── how far back ──────────────────────────────────────────────────────────────────────────────────────────────


def test_money_of_before_the_ledger_is_not_missing(sides: ThreeSides, casewire: Run) -> None:
    """What the ledger does not know it cannot compare."""
    sides.stripe.items.append(charge("ch_old", at(3), invoice_number="900"))
    rows(sides.engine, "DELETE FROM watermark")
    known_from(sides.engine, at(4))
    done = casewire("reconcile", *WINDOW)
    assert done.exit_code == 0, done.output
    assert "Compared from 2026-11-04 12:00:00 to 2026-11-20 00:00:00: 2 payments." in done.stdout
    assert (
        "Not compared: site acme, what moved before 2026-11-04 12:00 UTC: the ledger does not reach back "
        "farther; casewire backfill brings it in."
    ) in done.stderr


def test_what_is_filled_in_from_then_on_is_known(asked: FakeApi, casewire: Run) -> None:
    rows(container_from_environment().engine, "DELETE FROM watermark")
    asked.objects = []
    casewire("reconcile", *WINDOW, "--apply")
    assert document(casewire("reconcile", *WINDOW, "--json"))["not_compared"] == []


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
    monkeypatch.setattr(Container, "salesforce", property(lambda wires: None))
    asked = container_from_environment().sides
    assert asked.not_asked == {"stripe": "its API key is not for live payments"}
    assert "stripe" not in asked.books


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--site", "other"), "There is no site 'other': --site acme."),
        (("--source", "paypal"), "'paypal' has no lists. Processors that have: stripe."),
        (("--since", "1h", "--until", "2026-01-01"), "--since must be before --until, and before now."),
        (
            ("--csv", "a.csv", "--xlsx", "a.xlsx"),
            "Use --csv or --xlsx, not both: one reconcile writes one file.",
        ),
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
