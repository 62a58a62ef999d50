"""From a processor's object to its account: by three ways in their order, and never by a guess; again when more is
known; and at a cost that does not grow with what waits."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from samples import SITE, SOURCE, one, rows, subject
from sqlalchemy import Engine
from sqlalchemy import event as sqlalchemy_event
from telling import BOB, EVE, at, bill, charge, dispute, due_subjects, item, known, links, payout, tell

from connector.ledger import match_queue, snapshots, subjects
from connector.ledger.pending_matches import Candidate, InvoicePayment
from connector.ledger.subjects import Due
from connector.mappers import match_keys
from connector.models.events import Urgency
from connector.models.facts import DeletedObject, Kind, ProcessorObject, Status
from connector.sync.refresh import account_matching
from connector.sync.refresh.match_rules import (
    UNKNOWN,
    Contradiction,
    Match,
    Verdict,
    contradiction,
    match,
    revised,
)
from sync.world import account, invoice, payment

EVES = {"account_code": "eve"}


def candidate(object_: str = "payment", code: str = "bob", **changed: Any) -> Candidate:
    usual: dict[str, Any] = {"source": SOURCE, "site": SITE, "object": object_, "gateway": "stripe"}
    return Candidate(**usual | {"subject": subject(code)} | changed)


def all_waiting(engine: Engine) -> set[str]:
    return account_matching.match_in_turn(engine)


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


# ── an invoice number is weak evidence ────────────────────────────────────────────────────────────────────────


def numbered(code: str = "bob", *payments: InvoicePayment, **changed: Any) -> Candidate:
    """An invoice of 49.00 USD."""
    usual: dict[str, Any] = {"currency": "USD", "total": Decimal("49.00"), "payments": payments}
    return candidate("invoice", code, **usual | {"gateway": None} | changed)


def paid(gateway: str = "stripe", amount: str = "49.00", currency: str = "USD", **of: str) -> InvoicePayment:
    return InvoicePayment(of.get("type", "purchase"), gateway, Decimal(amount), currency)


def said(kind: Kind = Kind.DISPUTE, amount: str | None = "49.00", **more: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"amount": Decimal(amount) if amount else None, "invoice_number": "1001"}
    return item("x_1", kind, **usual | more)


CONTRADICTIONS: Sequence[tuple[str, ProcessorObject, Candidate, Contradiction | None]] = [
    ("same money", said(), numbered("bob", paid()), None),
    ("no payment is known", said(), numbered(), None),
    ("another gateway took the money", said(), numbered("bob", paid("adyen")), Contradiction.GATEWAY),
    ("one of its payments is of this gateway", said(), numbered("bob", paid("adyen"), paid()), None),
    ("a refund by another gateway says nothing", said(), numbered("bob", paid("adyen", type="refund")), None),
    ("a gateway whose name tells nothing", said(), numbered("bob", paid("Main")), None),
    ("another currency", said(currency="GBP"), numbered("bob", paid()), Contradiction.CURRENCY),
    ("another currency, no payment", said(currency="GBP"), numbered(), Contradiction.CURRENCY),
    (
        "the currency of its payment, not its own",
        said(currency="GBP"),
        numbered("bob", paid(currency="GBP")),
        None,
    ),
    ("a cent more than the invoice", said(amount="49.01"), numbered("bob", paid()), Contradiction.AMOUNT),
    ("a cent more, no payment", said(amount="49.01"), numbered(), Contradiction.AMOUNT),
    ("a part is disputed", said(amount="12.50"), numbered("bob", paid()), None),
    ("a part is given back", said(Kind.REFUND, "12.50"), numbered("bob", paid()), None),
    (
        "more than this gateway took, less than the invoice",
        said(amount="40.00"),
        numbered("bob", paid(amount="30.00"), paid("adyen", "19.00")),
        None,
    ),
    (
        "a charge that is none of its payments",
        said(Kind.CHARGE, "12.50", status=Status.SUCCEEDED),
        numbered("bob", paid()),
        Contradiction.AMOUNT,
    ),
    (
        "a charge of one of its payments",
        said(Kind.CHARGE, "12.50", status=Status.SUCCEEDED),
        numbered("bob", paid(amount="12.50"), paid(amount="36.50")),
        None,
    ),
    (
        "a charge whose payment is not known yet",
        said(Kind.CHARGE, "12.50", status=Status.SUCCEEDED),
        numbered(),
        None,
    ),
    (
        "what is only held may be less",
        said(Kind.CHARGE, "1.00", status=Status.AUTHORIZED),
        numbered("bob", paid()),
        None,
    ),
    ("an amount that is not known", said(amount=None), numbered("bob", paid()), None),
    ("a currency that is not known", said(amount="99.00", currency=None), numbered("bob", paid()), None),
    ("a mandate has no amount", said(Kind.MANDATE, None, currency=None), numbered("bob", paid()), None),
    ("a credit invoice", said(Kind.REFUND), numbered(total=Decimal("-49.00")), None),
]


@pytest.mark.parametrize(
    ("item_", "invoice_", "expected"),
    [row[1:] for row in CONTRADICTIONS],
    ids=[row[0] for row in CONTRADICTIONS],
)
def test_gateway_currency_and_amount_may_contradict_an_invoice_number(
    item_: ProcessorObject, invoice_: Candidate, expected: Contradiction | None
) -> None:
    assert contradiction([item_], invoice_) == expected
    verdict = match(item_, (), {"invoice:1001": [invoice_]})
    assert verdict.match == (None if expected else Match(BOB, "invoice number 1001"))
    assert verdict.contradicted == ({BOB} if expected else frozenset())


def test_the_charge_behind_contradicts_too() -> None:
    behind = charge("ch_1", invoice_number="1001", amount=Decimal("80.00"))
    partial = said(Kind.REFUND, "5.00", references=("ch_1",))
    assert match(partial, [behind], {"invoice:1001": [numbered("bob", paid())]}).match is None


def test_of_two_sites_that_have_the_number_the_one_that_is_not_contradicted_fits() -> None:
    known_ = {"invoice:1001": [numbered("bob", paid("adyen")), numbered("eve", paid())]}
    verdict = match(said(), (), known_)
    assert (verdict.match, verdict.contradicted) == (Match(EVE, "invoice number 1001"), {BOB})


def test_a_contradicted_number_does_not_keep_the_customer_from_being_found() -> None:
    known_ = {"invoice:1001": [numbered("eve", paid("adyen"))], "customer:cus_1": [ACCOUNT]}
    assert match(said(customer="cus_1"), (), known_).match == Match(BOB, "customer cus_1")


BY_INVOICE, BY_CUSTOMER = "invoice number 1001", "customer cus_1"
REVISIONS: Sequence[tuple[str, str, Verdict, Match | None]] = [
    ("nothing is known any more", BY_INVOICE, Verdict(), None),
    ("the same is known", BY_INVOICE, Verdict(Match(BOB, BY_INVOICE)), None),
    (
        "a reference says the same",
        BY_INVOICE,
        Verdict(Match(BOB, "gateway reference c")),
        Match(BOB, "gateway reference c"),
    ),
    (
        "a reference says another",
        BY_INVOICE,
        Verdict(Match(EVE, "gateway reference c")),
        Match(EVE, "gateway reference c"),
    ),
    ("another invoice", BY_INVOICE, Verdict(Match(EVE, BY_INVOICE)), Match(EVE, BY_INVOICE)),
    ("an invoice after the customer", BY_CUSTOMER, Verdict(Match(EVE, BY_INVOICE)), Match(EVE, BY_INVOICE)),
    ("the customer is weaker", BY_INVOICE, Verdict(Match(EVE, BY_CUSTOMER)), None),
    (
        "the customer, now that the invoice is contradicted",
        BY_INVOICE,
        Verdict(Match(EVE, BY_CUSTOMER), contradicted=frozenset({BOB})),
        Match(EVE, BY_CUSTOMER),
    ),
    ("contradicted", BY_INVOICE, Verdict(contradicted=frozenset({BOB})), UNKNOWN),
    ("another's invoice is contradicted", BY_INVOICE, Verdict(contradicted=frozenset({EVE})), None),
    ("a customer is not known by invoices", BY_CUSTOMER, Verdict(contradicted=frozenset({BOB})), None),
    ("a doubt as strong", BY_INVOICE, Verdict(doubt=1), UNKNOWN),
    ("a stronger doubt", BY_CUSTOMER, Verdict(doubt=0), UNKNOWN),
    ("a weaker doubt", BY_INVOICE, Verdict(doubt=2), None),
]


@pytest.mark.parametrize(
    ("matched_by", "verdict", "expected"), [row[1:] for row in REVISIONS], ids=[row[0] for row in REVISIONS]
)
def test_a_weak_match_gives_way_to_evidence_as_strong(
    matched_by: str, verdict: Verdict, expected: Match | None
) -> None:
    assert revised(BOB, matched_by, verdict) == expected


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
    assert match_keys.could_be(source, gateway) is fits


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
    assert account_matching.match_again(engine, [f"reference:{payment_says}"]) == {BOB}
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
    assert account_matching.match_again(engine, []) == set()
    assert account_matching.match_again(engine, ["reference:ch_2"]) == {EVE}
    assert links(engine)["dp_1"][1] == ""


def test_several_hundred_that_wait_are_joined_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_matching, "AT_ONCE", 150)
    numbers = range(400)
    tell(engine, *(dispute(f"dp_{n}", f"ch_{n}") for n in numbers), dispute("dp_other", "ch_other"))
    bill(
        engine,
        *(
            payment(id=f"p{n}", uuid=f"u{n}", account_code=f"a{n}", gateway_reference=f"ch_{n}")
            for n in numbers
        ),
    )
    due = account_matching.match_again(engine, [f"reference:ch_{n}" for n in numbers])
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

    monkeypatch.setattr("connector.retry.time.sleep", no_waiting)
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

    monkeypatch.setattr("connector.retry.time.sleep", let_go)
    assert account_matching.match_stored(engine, [known(engine)]) == {BOB}
    assert waited == list(account_matching.PAUSES[:3])


def test_whoever_commits_second_finds_the_other(engine: Engine) -> None:
    """A processor's object and the payment it is about are learnt in the same moment, by two workers."""
    started = threading.Barrier(2)

    def processor(number: int) -> None:
        said: ProcessorObject = dispute(f"dp_{number}", f"ch_{number}")
        started.wait()
        account_matching.match_stored(engine, tell(engine, said))

    def billing(number: int) -> None:
        paid = payment(id=f"p{number}", uuid=f"u{number}", gateway_reference=f"ch_{number}")
        with engine.connect() as connection:
            now = snapshots.clock(connection)
        started.wait()
        with engine.begin() as connection:
            snapshots.store(connection, SOURCE, SITE, now, [paid])
        account_matching.match_again(engine, match_keys.of_billing(paid))

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
        for done in [pool.submit(account_matching.match_stored, engine, waiting) for _ in range(4)]:
            done.result()
    assert one(engine, "SELECT generation FROM subject WHERE key = :key", key=BOB).generation == 1


# ── weak matches are revised ──────────────────────────────────────────────────────────────────────────────────

BY_NUMBER = "invoice number 1001"
ELSEWHERE = subject("bob").replace(SITE, "emea")


def bill_elsewhere(engine: Engine, *objects: Any) -> set[str]:
    """Another site learns of these; what they are evidence for is matched again."""
    with engine.begin() as connection:
        changed = snapshots.store(connection, SOURCE, "emea", snapshots.clock(connection), objects)
    return account_matching.match_again(engine, changed)


def weakly_matched(engine: Engine, **more: Any) -> None:
    bill(engine, account(), invoice(state="paid"))
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001", **more))
    assert all_waiting(engine) == {BOB}
    assert links(engine)["dp_1"] == (BOB, BY_NUMBER)


def learn(engine: Engine, *objects: Any) -> set[str]:
    """The site of Bob's account learns of these."""
    with engine.begin() as connection:
        changed = snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), objects)
    return account_matching.match_again(engine, changed)


def test_a_weak_match_becomes_a_strong_one_of_the_same_account(engine: Engine) -> None:
    weakly_matched(engine)
    assert learn(engine, payment(gateway="stripe", gateway_reference="ch_1")) == {BOB}
    assert links(engine)["dp_1"] == (BOB, "gateway reference ch_1")
    assert rows(engine, "SELECT key FROM match_key") == [], "a strong match is not looked at again"


def test_a_payment_of_another_site_takes_a_weak_match_over(engine: Engine) -> None:
    weakly_matched(engine)
    due_ = bill_elsewhere(engine, account(), payment(gateway="stripe", gateway_reference="ch_1"))
    assert due_ == {BOB, ELSEWHERE}
    assert links(engine)["dp_1"] == (ELSEWHERE, "gateway reference ch_1")


def test_an_invoice_of_another_site_with_the_same_number_makes_it_a_doubt(engine: Engine) -> None:
    weakly_matched(engine)
    assert bill_elsewhere(engine, account(), invoice(state="paid")) == {BOB, "stripe:dispute:dp_1"}
    assert links(engine)["dp_1"] == ("stripe:dispute:dp_1", "")


def test_an_invoice_of_another_site_that_is_contradicted_changes_nothing(engine: Engine) -> None:
    weakly_matched(engine)
    assert bill_elsewhere(engine, account(), invoice(state="paid", total=Decimal("48.99"))) == set()
    assert links(engine)["dp_1"] == (BOB, BY_NUMBER)


def test_a_payment_by_another_gateway_ends_a_weak_match(engine: Engine) -> None:
    weakly_matched(engine)
    assert learn(engine, payment(gateway="adyen", gateway_reference="psp_1")) == {BOB, "stripe:dispute:dp_1"}
    assert links(engine)["dp_1"] == ("stripe:dispute:dp_1", "")


def test_an_answer_that_contradicts_the_invoice_ends_a_weak_match(engine: Engine) -> None:
    weakly_matched(engine, amount=None, currency=None)
    answered = tell(engine, dispute("dp_1", at=at(5), currency="GBP", amount=Decimal("12.50")))
    account_matching.match_stored(engine, answered)
    assert links(engine)["dp_1"] == ("stripe:dispute:dp_1", "")


def test_a_charge_that_contradicts_the_invoice_ends_the_match_of_its_dispute(engine: Engine) -> None:
    weakly_matched(engine)
    account_matching.match_stored(engine, tell(engine, charge("ch_1", amount=Decimal("80.00"))))
    assert links(engine)["dp_1"] == ("stripe:dispute:dp_1", "")


def test_an_account_that_billing_removed_keeps_what_was_matched_to_it(engine: Engine) -> None:
    weakly_matched(engine)
    with engine.begin() as connection:
        gone = [DeletedObject("invoice", "inv1"), DeletedObject("account", "acc1")]
        snapshots.mark_gone(connection, SOURCE, SITE, snapshots.clock(connection), gone)
    assert all_waiting(engine) == set()
    assert links(engine)["dp_1"] == (BOB, BY_NUMBER)


def test_what_was_matched_by_the_customer_of_a_wrong_match_follows_it(engine: Engine) -> None:
    weakly_matched(engine, customer="cus_1")
    tell(engine, item("pm_1", Kind.MANDATE, customer="cus_1"), item("pm_2", Kind.MANDATE, customer="cus_1"))
    all_waiting(engine)
    assert links(engine)["pm_1"] == links(engine)["pm_2"] == (BOB, "customer cus_1")
    bill_elsewhere(engine, account(), payment(gateway="stripe", gateway_reference="ch_1"))
    assert {subject_ for subject_, _ in links(engine).values()} == {ELSEWHERE}


def test_both_orders_of_arrival_end_alike(engine: Engine) -> None:
    bill(engine, account(), invoice(state="paid"), payment(gateway="adyen", gateway_reference="psp_1"))
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001"))
    assert all_waiting(engine) == set()
    assert links(engine)["dp_1"] == ("stripe:dispute:dp_1", "")


def test_a_task_that_nobody_came_to_is_found_in_the_queue(engine: Engine) -> None:
    """The worker died after what it had learnt was kept."""
    weakly_matched(engine)
    with engine.begin() as connection:
        now = snapshots.clock(connection)
        paid_ = payment(gateway="stripe", gateway_reference="ch_1")
        match_queue.enqueue(connection, snapshots.store(connection, SOURCE, "emea", now, [account(), paid_]))
    with engine.connect() as connection:
        assert match_queue.tasks_wait(connection)
    account_matching.work_queue(engine)
    assert links(engine)["dp_1"][0] == ELSEWHERE
    with engine.connect() as connection:
        assert not match_queue.tasks_wait(connection)


def test_a_task_that_a_worker_holds_does_not_wait_until_its_lease_ends(engine: Engine) -> None:
    weakly_matched(engine)
    with engine.begin() as connection:
        match_queue.next_in_cycle(connection, 10)
        match_queue.enqueue(connection, ["reference:ch_1"])
        assert [task.key for task in match_queue.claim(connection, 10)] == ["reference:ch_1"]
        assert not match_queue.tasks_wait(connection)
        assert match_queue.claim(connection, 10) == []
    rows(engine, "UPDATE match_task SET ready_at = now() WHERE key <> :sweep", sweep=match_queue.SWEEP)
    with engine.begin() as connection:
        assert match_queue.tasks_wait(connection)


def test_an_account_that_a_worker_holds_keeps_the_object_until_it_lets_go(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_matching, "PAUSES", ())
    weakly_matched(engine)
    with engine.begin() as connection:
        subjects.claim(connection, "w:1", 10)
    bill_elsewhere(engine, account(), payment(gateway="stripe", gateway_reference="ch_1"))
    assert links(engine)["dp_1"] == (BOB, BY_NUMBER)
    rows(engine, "UPDATE subject SET lease = NULL")
    rows(engine, "UPDATE match_task SET ready_at = now() WHERE ready_at < 'infinity'")
    assert account_matching.work_queue(engine) == {BOB, ELSEWHERE}
    assert links(engine)["dp_1"][0] == ELSEWHERE


# ── the cost does not grow with what waits ────────────────────────────────────────────────────────────────────


@dataclass
class Cost:
    statements: int = 0
    rows: int = 0


@contextmanager
def costs(engine: Engine) -> Iterator[Cost]:
    """Counts statements, and the rows of the tables of matching that PostgreSQL reads for them in this session."""
    tables = ("snapshot", "match_key", "match_task", "observation")

    def use_indexes(connection: Any) -> None:
        """A table as small as that of a test is better read whole."""
        connection.connection.cursor().execute("SET LOCAL enable_seqscan = off")

    def add(connection: Any) -> None:
        """What this transaction read; the next one begins at nothing."""
        cursor = connection.connection.cursor()
        cursor.execute(
            "SELECT sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)), pg_stat_force_next_flush() IS NULL "
            "FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)",
            (list(tables),),
        )
        cost.rows += int(cursor.fetchone()[0])

    def count(*_: Any) -> None:
        cost.statements += 1

    cost = Cost()
    listeners = {"commit": add, "rollback": add, "begin": use_indexes, "before_cursor_execute": count}
    for name, listener in listeners.items():
        sqlalchemy_event.listen(engine, name, listener)
    rows(engine, "ANALYZE")
    cost.rows = cost.statements = 0
    yield cost
    for name, listener in listeners.items():
        sqlalchemy_event.remove(engine, name, listener)


def charges(numbers: Iterable[int], customer: str = "cus_{}", **more: Any) -> list[ProcessorObject]:
    return [charge(f"ch_{n}", f"pi_{n}", customer=customer.format(n), **more) for n in numbers]


def cost_of_one_more(engine: Engine, customer: str, **more: Any) -> Cost:
    stored = tell(engine, charge("ch_new", "pi_new", customer=customer, **more), by="new")
    with costs(engine) as cost:
        account_matching.match_stored(engine, stored)
    return cost


@pytest.mark.parametrize("customer", ["cus_1", "cus_{}"], ids=["of one customer", "of many customers"])
def test_one_more_charge_costs_the_same_however_many_wait(engine: Engine, customer: str) -> None:
    tell(engine, *charges(range(100), customer, invoice_number="7"))
    few = cost_of_one_more(engine, "cus_1", invoice_number="7")
    rows(engine, "DELETE FROM snapshot WHERE id = 'ch_new'")
    tell(engine, *charges(range(100, 1000), customer, invoice_number="7"))
    many = cost_of_one_more(engine, "cus_1", invoice_number="7")
    assert many.statements == few.statements
    assert 0 < many.rows < 200, f"{many.rows} rows read with 1,000 waiting, {few.rows} with 100"


def test_a_customer_with_very_many_matched_objects_costs_no_more(engine: Engine) -> None:
    bill(engine, account(gateway_customers=("cus_1",)))
    tell(engine, *charges(range(1000), "cus_1"))
    rows(engine, "UPDATE snapshot SET subject = :bob, link = 'gateway reference x' WHERE link = ''", bob=BOB)
    rows(engine, "DELETE FROM match_key")
    cost = cost_of_one_more(engine, "cus_1")
    assert links(engine)["ch_new"] == (BOB, "customer cus_1")
    assert 0 < cost.rows < 200


def test_the_sweep_costs_the_same_however_many_wait_and_comes_round_to_all(engine: Engine) -> None:
    tell(engine, *charges(range(600)))
    with costs(engine) as cost:
        assert account_matching.match_in_turn(engine, 20) == set()
    assert 0 < cost.rows < 200
    seen: set[str] = set()
    for _ in range(7):
        with engine.begin() as connection:
            seen |= {id_ for _, _, id_ in match_queue.next_in_cycle(connection, 100)}
    assert len(seen) == 600


def test_one_match_that_frees_very_many_is_worked_in_bounded_slices(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_matching, "MOST_AT_ONCE", 100)
    monkeypatch.setattr(account_matching, "AT_ONCE", 50)
    tell(engine, *charges(range(350), "cus_1"), dispute("dp_1", customer="cus_1"))
    learn(engine, account(gateway_customers=("cus_1",)))
    found = [bool(link) for _, link in links(engine).values()]
    assert (found.count(True), links(engine)["dp_1"][0]) == (100, BOB), (
        "disputes first, and no more than a slice"
    )
    jobs = 0
    while jobs < 20:
        with engine.connect() as connection:
            if not match_queue.tasks_wait(connection):
                break
        account_matching.work_queue(engine)
        jobs += 1
    assert {subject_ for subject_, _ in links(engine).values()} == {BOB}
    assert jobs == 3


def test_urgent_matching_between_two_moves_of_a_slice_leaves_every_object_matched_once(
    engine: Engine,
) -> None:
    """At a checkpoint the urgent lane of the same worker matches too, among it objects and keys of this slice."""
    tell(engine, *charges(range(20), "cus_1"), dispute("dp_1", customer="cus_1"))
    turns: list[set[str]] = []

    def lane() -> None:
        turns.append(account_matching.work_queue(engine))
        if len(turns) == 5:
            account_matching.match_stored(engine, tell(engine, dispute("dp_2", "ch_19", customer="cus_1")))
            account_matching.match_again(engine, ["customer:cus_1"])

    with engine.begin() as connection:
        now = snapshots.clock(connection)
        stored = snapshots.store(connection, SOURCE, SITE, now, [account(gateway_customers=("cus_1",))])
    account_matching.match_again(engine, stored, lane)
    assert len(turns) >= 5
    account_matching.work_queue(engine)
    assert set(links(engine).values()) == {(BOB, "customer cus_1")}
    assert len(links(engine)) == 22
    assert one(engine, "SELECT count(*) AS n FROM subject WHERE key <> :bob", bob=BOB).n == 0


def test_a_waiting_charge_is_no_news_for_the_other_objects_of_its_customer(engine: Engine) -> None:
    tell(engine, *charges(range(3), "cus_1"))
    stored = tell(engine, charge("ch_new", "pi_new", customer="cus_1", invoice_number="7"))
    assert set(stored[0].changed_keys) == {"reference:ch_new", "reference:pi_new"}
    again = tell(engine, charge("ch_new", "pi_new", customer="cus_1", invoice_number="7"))
    assert again[0].changed_keys == ()


def test_an_account_that_changes_otherwise_is_no_news_for_what_waits_for_its_customers(
    engine: Engine,
) -> None:
    def changed(**what: Any) -> set[str]:
        with engine.begin() as connection:
            return snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), [account(**what)])

    assert changed(gateway_customers=("cus_1",)) == {"customer:cus_1"}
    assert changed(gateway_customers=("cus_1",), email="other@example.com", updated_at=at(99)) == set()
    assert changed(gateway_customers=("cus_1", "cus_2"), updated_at=at(100)) == {
        "customer:cus_1",
        "customer:cus_2",
    }


def test_held_objects_share_the_time_that_a_call_waits(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"dp_{n}" for n in range(20)]
    tell(engine, *(dispute(id_, "ch_1") for id_ in ids))
    for id_ in ids:
        hold(engine, id_)
    waited: list[float] = []
    monkeypatch.setattr("connector.retry.time.sleep", waited.append)
    learn(engine, account(), payment(gateway="stripe", gateway_reference="ch_1"))
    assert sum(waited) == sum(account_matching.PAUSES)
    assert account_matching.work_queue(engine) == set()
    assert sum(waited) == sum(account_matching.PAUSES), "they are not due yet"
    assert one(engine, "SELECT count(*) AS n FROM match_task WHERE ready_at > now()").n == 20
    rows(engine, "UPDATE match_task SET ready_at = now() WHERE ready_at < 'infinity'")
    assert account_matching.work_queue(engine) == set()
    assert sum(waited) == sum(account_matching.PAUSES), (
        "the queue itself waits for nobody: they are tried again later"
    )
    assert one(engine, "SELECT count(*) AS n FROM match_task WHERE ready_at > now()").n == 20
