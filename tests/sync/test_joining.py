"""From a processor's object to its account: by three ways in their order, and never by a guess."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from samples import SITE, SOURCE, one, rows, subject
from sqlalchemy import Engine
from telling import BOB, EVE, bill, charge, dispute, due_subjects, item, known, links, payout, tell

from connector.events import Urgency
from connector.facts import Kind, ProcessorObject
from connector.ledger import snapshots, subjects
from connector.ledger.joins import Candidate
from connector.ledger.subjects import Due
from connector.mappers import references
from connector.sync import joining
from connector.sync.matching import Match, match

from .world import account, invoice, payment

EVES = {"account_code": "eve"}


def candidate(object_: str = "payment", code: str = "bob", **changed: Any) -> Candidate:
    usual: dict[str, Any] = {"source": SOURCE, "site": SITE, "object": object_, "gateway": "stripe"}
    return Candidate(**usual | {"subject": subject(code)} | changed)


def all_waiting(engine: Engine) -> set[str]:
    return joining.match_in_turn(engine)


# ── which account fits ────────────────────────────────────────────────────────────────────────────────────────

ANY = dispute("dp_1", "ch_1", "pi_1", invoice_number="1001", customer="cus_1")
TO_BOB, TO_EVE = candidate(), candidate(code="eve")
INVOICE, EVES_INVOICE = candidate("invoice"), candidate("invoice", "eve")
ACCOUNT, EVES_ACCOUNT = candidate("account"), candidate("account", "eve")
JOINED = candidate("dispute", source="stripe", site="")

TABLE: Sequence[tuple[str, dict[str, list[Candidate]], Match | None]] = [
    ("nothing fits", {}, None),
    ("by the reference", {"reference:ch_1": [TO_BOB]}, Match(BOB, "gateway reference ch_1")),
    (
        "two references to one account",
        {"reference:ch_1": [TO_BOB], "reference:pi_1": [TO_BOB, TO_BOB]},
        Match(BOB, "gateway reference ch_1"),
    ),
    ("two references to two accounts", {"reference:ch_1": [TO_BOB], "reference:pi_1": [TO_EVE]}, None),
    ("one reference of two accounts", {"reference:ch_1": [TO_BOB, TO_EVE]}, None),
    (
        "two accounts are a doubt that no other way ends",
        {"reference:ch_1": [TO_BOB, TO_EVE], "invoice:1001": [INVOICE]},
        None,
    ),
    ("by the invoice", {"invoice:1001": [INVOICE]}, Match(BOB, "invoice number 1001")),
    ("one invoice number at two sites", {"invoice:1001": [INVOICE, EVES_INVOICE]}, None),
    (
        "the reference comes before the invoice",
        {"invoice:1001": [EVES_INVOICE], "reference:pi_1": [TO_BOB]},
        Match(BOB, "gateway reference pi_1"),
    ),
    (
        "the invoice comes before the customer",
        {"customer:cus_1": [EVES_ACCOUNT], "invoice:1001": [INVOICE]},
        Match(BOB, "invoice number 1001"),
    ),
    ("by the customer", {"customer:cus_1": [ACCOUNT]}, Match(BOB, "customer cus_1")),
    (
        "by an object of the customer joined before",
        {"customer:cus_1": [JOINED]},
        Match(BOB, "customer cus_1"),
    ),
    ("both say the same", {"customer:cus_1": [ACCOUNT, JOINED]}, Match(BOB, "customer cus_1")),
    ("a customer of two accounts", {"customer:cus_1": [EVES_ACCOUNT, JOINED]}, None),
    (
        "a customer of another processor that has the same id",
        {"customer:cus_1": [candidate("dispute", source="adyen", site="")]},
        None,
    ),
    (
        "another gateway's payment with the same reference",
        {"reference:ch_1": [candidate(gateway="adyen")]},
        None,
    ),
    (
        "the gateway's name decides between two",
        {"reference:ch_1": [candidate(gateway="adyen", code="eve"), TO_BOB]},
        Match(BOB, "gateway reference ch_1"),
    ),
    (
        "a gateway whose name tells nothing",
        {"reference:ch_1": [candidate(gateway="Main"), candidate(gateway=None)]},
        Match(BOB, "gateway reference ch_1"),
    ),
    ("a joined object is no payment", {"reference:ch_1": [JOINED]}, None),
]


@pytest.mark.parametrize(("known_", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_account_fits_or_none_does(known_: dict[str, list[Candidate]], expected: Match | None) -> None:
    assert match(ANY, (), known_).match == expected


def test_what_is_known_of_the_charge_is_known_of_the_dispute() -> None:
    behind = [charge("ch_1", "pi_9", invoice_number="2002", customer="cus_9")]
    bare = dispute("dp_1", "ch_1")
    assert match(bare, behind, {"reference:pi_9": [TO_BOB]}).match == Match(BOB, "gateway reference pi_9")
    assert match(bare, behind, {"invoice:2002": [INVOICE]}).match == Match(BOB, "invoice number 2002")
    assert match(bare, behind, {"customer:cus_9": [ACCOUNT]}).match == Match(BOB, "customer cus_9")


@pytest.mark.parametrize(
    ("source", "gateway", "fits"),
    [
        ("authorizenet", "authorize_net", True),
        ("braintree", "Braintree Blue (EU)", True),
        ("paypal", "paypal_business", True),
        ("paypal", "braintree_blue", False),
        ("paypal", "paypal over braintree", True),
        ("stripe", "", True),
        ("stripe", None, True),
        ("adyen", "Our gateway", True),
        ("gocardless", "stripe_v2", False),
    ],
)
def test_a_gateways_name_may_rule_a_processor_out(source: str, gateway: str | None, fits: bool) -> None:
    assert references.could_be(source, gateway) is fits


# ── on the ledger ─────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_joined_by_the_payments_reference_and_its_account_is_due(engine: Engine) -> None:
    bill(engine, account(), payment(gateway="stripe", gateway_references=("pi_1",)))
    tell(engine, dispute("dp_1", "ch_1", "pi_1"))
    assert all_waiting(engine) == {BOB}
    assert links(engine) == {"dp_1": (BOB, "gateway reference pi_1")}
    assert due_subjects(engine) == {BOB: Urgency.DISPUTE}
    assert all_waiting(engine) == set()


@pytest.mark.parametrize(
    ("kind", "urgency"), [(Kind.MANDATE, Urgency.FAILURE), (Kind.CHARGE, Urgency.ROUTINE)]
)
def test_an_account_is_as_urgent_as_what_was_joined(engine: Engine, kind: Kind, urgency: Urgency) -> None:
    bill(engine, account(gateway_customers=("cus_1",)))
    tell(engine, item("x_1", kind, customer="cus_1"))
    assert all_waiting(engine) == {BOB}
    assert due_subjects(engine) == {BOB: urgency}


def test_two_accounts_that_fit_are_left_to_a_person(engine: Engine) -> None:
    bill(engine, payment(gateway_reference="ch_1"), payment(id="p2", gateway_reference="ch_1", **EVES))
    tell(engine, dispute("dp_1", "ch_1"))
    assert all_waiting(engine) == set()
    assert links(engine) == {"dp_1": ("stripe:dispute:dp_1", "")}


@pytest.mark.parametrize("payment_says", ["pi_1", "ch_1"])
def test_a_dispute_that_knows_only_its_charge_is_joined_through_it(engine: Engine, payment_says: str) -> None:
    tell(engine, charge("ch_1", "pi_1"), dispute("dp_1", "ch_1"))
    bill(engine, account(), payment(gateway="stripe", gateway_reference=payment_says))
    assert joining.match_again(engine, [f"reference:{payment_says}"]) == {BOB}
    assert {link[0] for link in links(engine).values()} == {BOB}


def test_a_charge_of_another_processor_leads_nowhere(engine: Engine) -> None:
    bill(engine, account(), invoice())
    tell(engine, charge("ch_1", source="adyen", invoice_number="1001"), dispute("dp_1", "ch_1"))
    all_waiting(engine)
    assert links(engine)["dp_1"][1] == ""


def test_an_invoice_number_cut_from_the_left_is_found(engine: Engine) -> None:
    bill(engine, account(), invoice(number="PREFIX-1234567890-1234567890"))
    cut = charge("60001", source="authorizenet", invoice_number="234567890-1234567890", truncated=True)
    tell(engine, cut)
    assert all_waiting(engine) == {BOB}
    assert links(engine)["60001"][1] == "invoice number 234567890-1234567890"


def test_a_cut_number_that_two_invoices_end_with_is_a_doubt(engine: Engine) -> None:
    bill(engine, invoice(number="A-12345678901234567890"))
    bill(engine, invoice(id="i2", number="B-12345678901234567890", **EVES))
    tell(
        engine, charge("60001", source="authorizenet", invoice_number="12345678901234567890", truncated=True)
    )
    assert all_waiting(engine) == set()


def test_a_customer_joined_before_leads_to_the_same_account(engine: Engine) -> None:
    bill(engine, account(), payment(gateway_reference="ch_1"))
    tell(engine, dispute("dp_1", "ch_1", customer="cus_1"))
    assert all_waiting(engine) == {BOB}
    tell(engine, item("pm_1", Kind.MANDATE, customer="cus_1"))
    assert all_waiting(engine) == {BOB}
    assert links(engine)["pm_1"] == (BOB, "customer cus_1")
    row = one(engine, "SELECT source, site, code FROM subject WHERE key = :key", key=BOB)
    assert tuple(row) == (SOURCE, SITE, "bob")


def test_an_account_met_by_joining_has_its_row_whole_and_its_history_decided(engine: Engine) -> None:
    bill(engine, account(code="b:account:x", gateway_customers=("cus_1",)))
    tell(engine, dispute("dp_1", customer="cus_1"))
    all_waiting(engine)
    row = one(engine, "SELECT source, site, code, history FROM subject")
    assert tuple(row) == (SOURCE, SITE, "b:account:x", "wanted")


def test_a_payout_is_joined_to_no_account(engine: Engine) -> None:
    bill(engine, account(gateway_customers=("cus_1",)))
    tell(engine, payout("po_1", customer="cus_1"))
    assert all_waiting(engine) == set()
    assert links(engine) == {"po_1": ("stripe:payee:acct_1", "payee")}


def test_only_what_names_the_news_is_tried_again(engine: Engine) -> None:
    tell(engine, dispute("dp_1", "ch_1"), dispute("dp_2", "ch_2"))
    bill(engine, payment(gateway_reference="ch_1"), payment(id="p2", gateway_reference="ch_2", **EVES))
    assert joining.match_again(engine, []) == set()
    assert joining.match_again(engine, ["reference:ch_2"]) == {EVE}
    assert links(engine)["dp_1"][1] == ""


def test_several_hundred_that_wait_are_joined_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "AT_ONCE", 150)
    numbers = range(400)
    tell(engine, *(dispute(f"dp_{n}", f"ch_{n}") for n in numbers), dispute("dp_other", "ch_other"))
    bill(
        engine,
        *(
            payment(id=f"p{n}", uuid=f"u{n}", account_code=f"a{n}", gateway_reference=f"ch_{n}")
            for n in numbers
        ),
    )
    due = joining.match_again(engine, [f"reference:ch_{n}" for n in numbers])
    assert due == {subject(f"a{n}") for n in numbers}
    assert [id_ for id_, (_, link) in links(engine).items() if not link] == ["dp_other"]
    assert one(engine, "SELECT count(*) AS n FROM subject WHERE status = 'due'").n == 400


# ── at the same time ──────────────────────────────────────────────────────────────────────────────────────────


def hold(engine: Engine, id_: str) -> None:
    own = f"stripe:dispute:{id_}"
    with engine.begin() as connection:
        subjects.mark_due(connection, [Due(own, "stripe", "", f"dispute:{id_}", Urgency.DISPUTE)])
        subjects.claim(connection, "w:1", 10, only=[own])


def test_what_a_worker_holds_does_not_keep_the_others_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_waiting(seconds: float) -> None:
        pytest.fail("the sweep waits for nobody")

    monkeypatch.setattr("connector.sync.joining.time.sleep", no_waiting)
    bill(engine, payment(gateway_reference="ch_1"), payment(id="p2", gateway_reference="ch_2", **EVES))
    tell(engine, dispute("dp_1", "ch_1"), dispute("dp_2", "ch_2"))
    hold(engine, "dp_1")
    assert all_waiting(engine) == {EVE}
    rows(engine, "UPDATE subject SET lease = NULL")
    assert all_waiting(engine) == {BOB}


def test_what_a_worker_lets_go_of_meanwhile_is_taken(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    bill(engine, payment(gateway_reference="ch_1"))
    tell(engine, dispute("dp_1", "ch_1"))
    hold(engine, "dp_1")
    waited: list[float] = []

    def let_go(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            rows(engine, "UPDATE subject SET lease = NULL")

    monkeypatch.setattr("connector.sync.joining.time.sleep", let_go)
    assert joining.match_stored(engine, [known(engine)]) == {BOB}
    assert waited == list(joining.PAUSES[:3])


def test_whoever_commits_second_finds_the_other(engine: Engine) -> None:
    """A processor's object and the payment it is about are learnt in the same moment, by two workers."""
    started = threading.Barrier(2)

    def processor(number: int) -> None:
        said: ProcessorObject = dispute(f"dp_{number}", f"ch_{number}")
        started.wait()
        joining.match_stored(engine, tell(engine, said))

    def billing(number: int) -> None:
        paid = payment(id=f"p{number}", uuid=f"u{number}", gateway_reference=f"ch_{number}")
        with engine.connect() as connection:
            now = snapshots.clock(connection)
        started.wait()
        with engine.begin() as connection:
            snapshots.store(connection, SOURCE, SITE, now, [paid])
        joining.match_again(engine, references.of_billing(paid))

    with ThreadPoolExecutor(2) as pool:
        for number in range(25):
            for done in [pool.submit(processor, number), pool.submit(billing, number)]:
                done.result()
    assert {link[0] for link in links(engine).values()} == {BOB}


def test_two_that_join_the_same_object_join_it_once(engine: Engine) -> None:
    bill(engine, account(), payment(gateway_reference="ch_1"))
    tell(engine, dispute("dp_1", "ch_1"))
    waiting = [known(engine)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(joining.match_stored, engine, waiting) for _ in range(4)]:
            done.result()
    assert one(engine, "SELECT generation FROM subject WHERE key = :key", key=BOB).generation == 1
