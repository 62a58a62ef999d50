"""What a webhook lacked is asked for once; an API that is out is asked again, and nothing waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from samples import SITE, SOURCE, one, rows
from sqlalchemy import Engine
from telling import BOB, at, bill, carrying, charge, dispute, due_subjects, item, known, links, payout, tell

from connector.errors import CasewireError, Permanent, Transient, Unavailable
from connector.ledger import circuit_breakers, subjects
from connector.models.events import Urgency
from connector.models.facts import Kind, ProcessorObject
from connector.sync.refresh import enrichment
from connector.sync.refresh.enrichment import MOST_ASKS
from sync.fake_api import FakeApi
from sync.world import account, invoice, payment

HERE = (SOURCE, SITE)
OUT = Unavailable("stripe", "Stripe is unavailable (503).", code="503", retry_after=30)


@dataclass
class FakeLookup:
    """A processor's API in memory: id → what it answers. ``trouble``: raised instead, by id or for all ("")."""

    answers: dict[str, tuple[ProcessorObject, ...]] = field(default_factory=dict)
    trouble: dict[str, CasewireError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def look_up(self, asked: ProcessorObject) -> tuple[ProcessorObject, ...]:
        self.calls.append(asked.id)
        trouble = self.trouble.get(asked.id) or self.trouble.get("")
        if trouble:
            raise trouble
        return self.answers.get(asked.id, ())


@pytest.fixture
def stripe() -> FakeLookup:
    return FakeLookup()


@pytest.fixture
def api() -> FakeApi:
    return FakeApi([account(), invoice(), payment(gateway_reference="pi_1")])


def ask(engine: Engine, stripe: FakeLookup | None = None, api: FakeApi | None = None) -> set[str]:
    return enrichment.ask(engine, {HERE: api} if api else {}, {"stripe": stripe} if stripe else {})


def make_askable(engine: Engine) -> None:
    """As if every wait had passed."""
    rows(engine, "UPDATE snapshot SET ask_at = now() - interval '1 second' WHERE ask_at IS NOT NULL")
    rows(engine, "UPDATE circuit SET open_until = now() - interval '1 second'")


def next_ask(engine: Engine, id_: str = "dp_1") -> float | None:
    """Seconds until it is asked for again."""
    row = one(
        engine, "SELECT EXTRACT(EPOCH FROM ask_at - now()) AS wait FROM snapshot WHERE id = :id", id=id_
    )
    return None if row.wait is None else float(row.wait)


def asks(engine: Engine) -> int:
    return int(one(engine, "SELECT asks FROM snapshot WHERE id = 'dp_1'").asks)


# ── the processor ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_without_an_account_is_asked_for_once(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    for _ in range(3):
        ask(engine, stripe)
        make_askable(engine)
    assert stripe.calls == ["dp_1"]


def test_what_the_processor_answers_joins_the_object(engine: Engine, stripe: FakeLookup) -> None:
    bill(engine, account(), payment(gateway_reference="pi_1", gateway="stripe"))
    tell(engine, dispute("dp_1", "ch_1"))
    stripe.answers["dp_1"] = (charge("ch_1", "pi_1", customer="cus_1"),)
    assert ask(engine, stripe) == {BOB}
    assert links(engine)["dp_1"] == (BOB, "gateway reference pi_1")
    assert BOB in due_subjects(engine)


def test_an_answer_is_kept_once_however_often_it_is_given(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"), dispute("dp_2", "ch_1"))
    stripe.answers = dict.fromkeys(("dp_1", "dp_2"), (charge("ch_1", "pi_1"),))
    ask(engine, stripe)
    assert stripe.calls == ["dp_1", "dp_2"]
    assert one(engine, "SELECT count(*) AS n FROM observation WHERE id = 'ch_1'").n == 1
    assert known(engine, "ch_1", Kind.CHARGE).item.references == ("pi_1",)


def test_what_is_joined_with_its_amount_known_is_not_asked_for(engine: Engine, stripe: FakeLookup) -> None:
    bill(engine, account(), payment(gateway_reference="ch_1"))
    tell(engine, dispute("dp_1", "ch_1"), payout("po_1"))
    rows(
        engine,
        "UPDATE snapshot SET subject = :bob, link = 'gateway reference ch_1' WHERE id = 'dp_1'",
        bob=BOB,
    )
    assert ask(engine, stripe) == set()
    assert stripe.calls == []
    assert next_ask(engine) is None


def test_a_joined_object_whose_amount_is_not_known_is_asked_for_and_its_account_is_due(
    engine: Engine, stripe: FakeLookup
) -> None:
    tell(engine, dispute("dp_1", "ch_1", amount=None, currency=None))
    rows(engine, "UPDATE snapshot SET subject = :bob, link = 'customer c'", bob=BOB)
    with engine.begin() as connection:
        subjects.mark_due(connection, [enrichment.due_of(known(engine), Urgency.DISPUTE)])
    rows(engine, "UPDATE subject SET status = 'idle'")
    stripe.answers["dp_1"] = (dispute("dp_1", status=None, amount=Decimal("7.00"), at=at(-5)),)
    assert ask(engine, stripe) == {BOB}
    assert known(engine).item.amount == Decimal("7.00")
    assert set(due_subjects(engine)) == {BOB}


def test_an_amount_without_its_currency_is_asked_for(engine: Engine, stripe: FakeLookup) -> None:
    bill(engine, account(), payment(gateway_reference="ch_1"))
    tell(engine, dispute("dp_1", "ch_1", currency=None))
    stripe.answers["dp_1"] = (dispute("dp_1", status=None, currency="EUR", at=at(-5)),)
    ask(engine, stripe)
    assert stripe.calls == ["dp_1"]
    assert (known(engine).item.amount, known(engine).item.currency) == (Decimal("49.00"), "EUR")


def test_a_joined_mandate_needs_no_amount(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, item("m_1", Kind.MANDATE, amount=None))
    rows(engine, "UPDATE snapshot SET subject = :bob, link = 'customer c'", bob=BOB)
    ask(engine, stripe)
    assert stripe.calls == []


def test_a_payout_is_asked_for_only_if_its_amount_is_not_known(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, payout("po_1"), payout("po_2", amount=None))
    ask(engine, stripe)
    assert stripe.calls == ["po_2"]


def test_without_a_key_nothing_is_asked_and_nothing_waits(engine: Engine) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    assert ask(engine) == set()
    assert next_ask(engine) is None


def test_an_answer_that_knows_nothing_is_an_answer(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    assert ask(engine, stripe) == set()
    assert (next_ask(engine), asks(engine)) == (None, 1)


# ── when it does not answer ───────────────────────────────────────────────────────────────────────────────────


def test_an_api_that_is_out_is_left_alone_and_asked_again_afterwards(
    engine: Engine, stripe: FakeLookup
) -> None:
    tell(engine, *(dispute(f"dp_{number}", "ch_1") for number in range(1, 4)))
    stripe.trouble[""] = OUT
    ask(engine, stripe)
    assert stripe.calls == ["dp_1"], "one call is enough to know"
    with engine.connect() as connection:
        assert set(circuit_breakers.open_circuits(connection)) == {"stripe"}
    rows(engine, "UPDATE snapshot SET ask_at = now() - interval '1 second'")
    ask(engine, stripe)
    assert stripe.calls == ["dp_1"], "its circuit is open"
    stripe.trouble.clear()
    make_askable(engine)
    ask(engine, stripe)
    assert stripe.calls == ["dp_1", "dp_1", "dp_2", "dp_3"]
    with engine.connect() as connection:
        assert circuit_breakers.troubled(connection) == []


def test_an_outage_of_a_day_does_not_spend_the_tries(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    stripe.trouble[""] = OUT
    for _ in range(3 * MOST_ASKS):
        ask(engine, stripe)
        make_askable(engine)
    assert asks(engine) == 0
    stripe.trouble.clear()
    ask(engine, stripe)
    assert stripe.calls[-1] == "dp_1"
    assert next_ask(engine) is None


def test_a_call_that_failed_is_tried_again_so_often_and_no_more(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    stripe.trouble[""] = Transient("Stripe answered 500.", code="500", retry_after=10)
    ask(engine, stripe)
    assert next_ask(engine) == pytest.approx(10, abs=5)
    for _ in range(2 * MOST_ASKS):
        make_askable(engine)
        ask(engine, stripe)
    assert len(stripe.calls) == MOST_ASKS
    assert next_ask(engine) is None


def test_after_a_call_that_failed_the_others_are_not_tried_in_the_same_run(
    engine: Engine, stripe: FakeLookup
) -> None:
    """Each might take as long as it is waited for an answer."""
    tell(engine, dispute("dp_1", "ch_1"), dispute("dp_2", "ch_2"))
    stripe.trouble["dp_1"] = Transient("Stripe did not answer in time.", code="timeout", retry_after=10)
    ask(engine, stripe)
    assert stripe.calls == ["dp_1"]
    rows(engine, "UPDATE snapshot SET ask_at = now() - interval '1 second' WHERE id = 'dp_2'")
    ask(engine, stripe)
    assert stripe.calls == ["dp_1", "dp_2"]


def test_what_a_processor_refuses_is_never_asked_again(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"), dispute("dp_2", "ch_2"))
    stripe.trouble["dp_1"] = Permanent("Stripe refused the request.", code="400")
    for _ in range(3):
        ask(engine, stripe)
        make_askable(engine)
    assert stripe.calls == ["dp_1", "dp_2"], "and the others are none the worse"
    assert next_ask(engine) is None


def test_one_processor_that_is_out_does_not_hold_up_another(engine: Engine, stripe: FakeLookup) -> None:
    adyen = FakeLookup()
    tell(engine, dispute("dp_1", "ch_1"), dispute("dp_9", "psp_9", source="adyen"))
    stripe.trouble[""] = OUT
    enrichment.ask(engine, {}, {"stripe": stripe, "adyen": adyen})
    assert adyen.calls == ["dp_9"]


# ── the billing system ────────────────────────────────────────────────────────────────────────────────────────


def test_the_invoice_an_object_names_is_fetched_and_joins_it(engine: Engine, api: FakeApi) -> None:
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001"))
    assert ask(engine, api=api) == {BOB}
    assert api.asked("invoice") == ["number-1001"]
    assert links(engine)["dp_1"] == (BOB, "invoice number 1001")
    assert one(engine, "SELECT history FROM subject WHERE key = :key", key=BOB).history == "wanted"


def test_the_invoice_its_charge_names_is_fetched_but_no_other_of_the_customers(
    engine: Engine, api: FakeApi
) -> None:
    tell(engine, charge("ch_1", customer="cus_1", invoice_number="1001"))
    tell(engine, charge("ch_2", customer="cus_1", invoice_number="2002"))
    tell(engine, dispute("dp_1", "ch_1", customer="cus_1"))
    assert ask(engine, api=api) == {BOB}
    assert api.asked("invoice") == ["number-1001"]


def test_the_invoice_that_the_processor_answered_is_fetched_at_once(
    engine: Engine, stripe: FakeLookup, api: FakeApi
) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    stripe.answers["dp_1"] = (charge("ch_1", invoice_number="1001"),)
    assert ask(engine, stripe, api) == {BOB}
    assert links(engine)["ch_1"][0] == BOB


def test_what_is_urgent_takes_its_turn_between_the_calls_for_invoices(
    engine: Engine, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.sync.refresh.object_fetcher.CALLS", 1)
    tell(engine, *(dispute(f"dp_{n}", invoice_number=f"{n}") for n in range(5)))
    turns: list[int] = []
    enrichment.ask(engine, {HERE: api}, {}, checkpoint=lambda: turns.append(len(api.calls)))
    assert {0, 1, 2, 3, 4} <= set(turns), "before each call"


def test_others_that_wait_are_joined_by_what_was_fetched(engine: Engine, api: FakeApi) -> None:
    api.replace(account(gateway_customers=("cus_1",)))
    tell(engine, item("m_1", Kind.MANDATE, customer="cus_1"))
    ask(engine)
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001"))
    ask(engine, api=api)
    assert links(engine)["m_1"] == (BOB, "customer cus_1")


def test_a_number_that_was_cut_names_no_invoice(engine: Engine, api: FakeApi) -> None:
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001", truncated=True))
    ask(engine, api=api)
    assert api.calls == []


def test_an_invoice_that_the_site_does_not_have_is_asked_for_once(engine: Engine, api: FakeApi) -> None:
    tell(engine, dispute("dp_1", "ch_1", invoice_number="9999"))
    for _ in range(2):
        assert ask(engine, api=api) == set()
        make_askable(engine)
    assert api.asked("invoice") == ["number-9999"]


def test_a_site_that_is_out_is_asked_again(engine: Engine, api: FakeApi) -> None:
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001"))
    api.down = Unavailable("recurly:acme", "Recurly is unavailable.", retry_after=30)
    assert ask(engine, api=api) == set()
    assert next_ask(engine) == pytest.approx(30, abs=5)
    with engine.connect() as connection:
        assert set(circuit_breakers.open_circuits(connection)) == {"recurly:acme"}
    rows(engine, "UPDATE snapshot SET ask_at = now() - interval '1 second'")
    ask(engine, api=api)
    assert len(api.calls) == 1
    api.down = None
    make_askable(engine)
    assert ask(engine, api=api) == {BOB}


def test_every_site_is_asked_though_one_is_out(engine: Engine, api: FakeApi) -> None:
    down = FakeApi(down=Unavailable("recurly:old", "Recurly is unavailable.", retry_after=30))
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001"))
    assert enrichment.ask(engine, {(SOURCE, "old"): down, HERE: api}, {}) == {BOB}


def test_an_invoice_that_cannot_be_read_now_is_asked_for_again(engine: Engine, api: FakeApi) -> None:
    tell(engine, dispute("dp_1", "ch_1", invoice_number="1001"))
    api.errors["invoice", "number-1001"] = Transient("Recurly answered 500.", retry_after=20)
    ask(engine, api=api)
    assert next_ask(engine) == pytest.approx(20, abs=5)
    api.errors.clear()
    make_askable(engine)
    assert ask(engine, api=api) == {BOB}


def test_its_own_subject_is_due_again_where_something_was_learnt(engine: Engine, stripe: FakeLookup) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    own = known(engine)
    with engine.begin() as connection:
        subjects.mark_due(connection, [enrichment.due_of(own, Urgency.DISPUTE)])
    rows(engine, "UPDATE subject SET status = 'idle'")
    stripe.answers["dp_1"] = (dispute("dp_1", status=None, reason_text="told later", at=at(1)),)
    assert ask(engine, stripe) == {"stripe:dispute:dp_1"}
    assert set(due_subjects(engine)) == {"stripe:dispute:dp_1"}


@pytest.mark.parametrize(
    ("subject_", "link", "expected"),
    [
        ("stripe:dispute:dp_1", "", ("stripe", "", "dispute:dp_1")),
        ("stripe:payee:acct_1", "payee", ("stripe", "", "payee:acct_1")),
        ("recurly:acme:account:b:account:c", "customer x", ("recurly", "acme", "b:account:c")),
    ],
)
def test_a_subject_is_named_whole(
    engine: Engine, subject_: str, link: str, expected: tuple[str, str, str]
) -> None:
    tell(engine, dispute("dp_1"))
    rows(engine, "UPDATE snapshot SET subject = :subject, link = :link", subject=subject_, link=link)
    found = enrichment.due_of(known(engine), Urgency.DISPUTE)
    assert (found.key, found.source, found.site, found.code) == (subject_, *expected)
    assert carrying("evt", known(engine).item).urgency is found.urgency
