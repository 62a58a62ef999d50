"""The evidence for a dispute: what is known is ticked, what a person has to bring is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.mappers import reasons
from connector.mappers.reasons.disputes import EVIDENCE_BY_CATEGORY
from connector.models.facts import Facts, Payment
from connector.sync.decide.context import dispute_checklist
from connector.sync.decide.context.facts_index import FactsIndex
from sync.world import (
    account,
    at,
    card,
    dispute,
    event,
    facts,
    paid_invoice,
    payment,
    refund,
    subscription,
    unjoined,
)

PAID = payment(gateway_reference="ch_1")
FRAUD = dispute()
CANCELED = dispute(reason="subscription_canceled", network=None, network_code=None)
CREDIT = dispute(reason="credit_not_processed", network=None, network_code=None)


def lines(known: Facts) -> list[str]:
    return dispute_checklist.text(known.objects[-1], FactsIndex(known)).split("\n")


def the_line(about: str, *parts: object) -> str:
    (found,) = [one for one in lines(facts(PAID, *parts)) if about in one]
    return found


def earlier(number: int, **changed: Any) -> Payment:
    name = f"old{number}"
    return payment(
        **{"id": name, "uuid": name, "invoice_id": None, "created_at": at(number, month=5)} | changed
    )


def test_every_line_is_ticked_or_not() -> None:
    known = facts(PAID, paid_invoice(), subscription(), FRAUD)
    assert all(one.startswith(("[x] ", "[ ] ")) for one in lines(known))


@pytest.mark.parametrize("item", [FRAUD, CANCELED, CREDIT], ids=["fraud", "canceled", "credit"])
def test_everything_that_helps_against_this_kind_of_dispute_is_on_it(item: Any) -> None:
    told = lines(facts(PAID, item))
    for wanted in reasons.needs_evidence(item):
        assert [one for one in told if one[4:].startswith(wanted)]


def test_what_answers_an_item_is_looked_for_by_words_that_items_have() -> None:
    items = [item for wanted in EVIDENCE_BY_CATEGORY.values() for item in wanted]
    assert all(any(words in item for item in items) for words in dispute_checklist.ANSWERS)


def test_the_payment_comes_first() -> None:
    assert lines(facts(PAID, paid_invoice(), FRAUD))[0] == (
        "[x] The payment: USD 49.00 on 2026-11-20 with Visa ending 1111, expires 12/2029, invoice 1001"
    )
    assert lines(facts(FRAUD))[0] == "[ ] The payment: not known"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((), "[ ] Two earlier undisputed payments with the same IP address, device or account"),
        ((earlier(1),), "[ ] {}: 1 by the same method, on 2026-05-01, USD 49.00 in all"),
        (
            (earlier(1), earlier(3), earlier(9, status="declined")),
            "[x] {}: 2 by the same method, from 2026-05-01 to 2026-05-03, USD 98.00 in all",
        ),
        (
            (earlier(1), earlier(2), earlier(3, currency="EUR")),
            "[x] {}: 3 by the same method, from 2026-05-01 to 2026-05-03, EUR 49.00, USD 98.00 in all",
        ),
        ((earlier(1, payment_method=card(last_four="2222")),), "[ ] {}"),
        ((earlier(1, payment_method=None),), "[ ] {}"),
        ((earlier(1, created_at=at(21)),), "[ ] {}"),
        ((earlier(1, status="chargeback"),), "[ ] {}"),
        (
            (earlier(1), refund(id="cb", uuid="cb", original_id="old1", origin="chargeback")),
            "[ ] {}",
        ),
        ((earlier(1, gateway_reference="ch_2"), dispute(id_="dp_0", references=("ch_2",))), "[ ] {}"),
    ],
)
def test_earlier_payments_by_the_same_method_that_nobody_disputed(
    parts: tuple[object, ...], told: str
) -> None:
    item = "Two earlier undisputed payments with the same IP address, device or account"
    assert the_line("undisputed", *parts, FRAUD) == told.format(item)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((), "[ ] Refunds of this payment: none"),
        ((refund(),), "[x] Refunds of this payment: USD 49.00 on 2026-11-20"),
        ((refund(status="declined"),), "[ ] Refunds of this payment: none"),
        ((refund(original_id="other"),), "[ ] Refunds of this payment: none"),
    ],
)
def test_refunds_of_the_payment(parts: tuple[object, ...], told: str) -> None:
    assert the_line("Refunds", *parts, FRAUD) == told


def test_a_refund_is_the_answer_to_one_that_was_promised() -> None:
    told = the_line("refund's record", refund(), CREDIT)
    assert told.startswith("[x]")
    assert told.endswith(": USD 49.00 on 2026-11-20")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "[x] {}: Gold since 2026-01-15, not canceled"),
        (
            {"state": "canceled", "canceled_at": at(22)},
            "[x] {}: Gold since 2026-01-15, canceled on 2026-11-22, 2 days after the payment",
        ),
        (
            {"state": "canceled", "canceled_at": at(19)},
            "[ ] {}: Gold since 2026-01-15, canceled on 2026-11-19, 1 day before the payment",
        ),
        (
            {"state": "expired", "expires_at": at(15), "plan_name": ""},
            "[x] {}: gold since 2026-01-15, ends on 2026-11-15",
        ),
    ],
)
def test_the_subscriptions_history_helps_unless_it_was_canceled_before(
    changed: dict[str, Any], told: str
) -> None:
    item = "That there was no cancellation before the charge (subscription history)"
    assert the_line("cancellation before", subscription(**changed), CANCELED) == told.format(item)


def test_the_subscription_is_the_one_on_the_invoice_with_its_renewals() -> None:
    other = subscription(id="sub2", uuid="5ub2", plan_name="Silver")
    bought = paid_invoice(subscription_ids=("sub1",))
    before = paid_invoice(
        id="inv0", uuid="1nv0", number="1000", created_at=at(1), subscription_ids=("sub1", "sub2")
    )
    told = the_line("The subscription", subscription(), other, bought, before, FRAUD)
    assert told == "[x] The subscription: Gold since 2026-01-15, 2 renewals, not canceled"


def test_notices_before_the_dispute_are_named_with_their_events() -> None:
    sent = [
        event("subscription.renewal.scheduled", at(13), "sub1", id_="e1"),
        event("charge_invoice.created", at(15), "inv1", id_="e2"),
        event("dunning_event.created", at(22), "inv1", id_="e3"),
        event("account.updated", at(14), "acc1", id_="e4"),
    ]
    assert the_line("renewal notices", *sent, CANCELED) == (
        "[x] The renewal notices sent: 2, the last on 2026-11-15: Renewal coming up 2026-11-13 (e1), "
        "Invoice created 2026-11-15 (e2)"
    )


def test_whether_there_is_an_address_is_told_but_never_the_address() -> None:
    known = facts(PAID, FRAUD)
    assert "[x] The customer's e-mail address: known, see the contact" in lines(known)
    assert "bob@example.com" not in "\n".join(lines(known))
    silent = facts(account(email=None), PAID, FRAUD)
    assert "[ ] The customer's e-mail address: not known" in lines(silent)


def test_without_an_account_there_is_only_what_is_needed() -> None:
    told = lines(unjoined(FRAUD))
    assert [one[4:] for one in told] == list(reasons.needs_evidence(FRAUD))
    assert all(one.startswith("[ ] ") for one in told)


def test_it_is_of_bounded_length_whatever_the_account_holds() -> None:
    subscriptions = [subscription(id=f"s{n}", uuid=f"s{n}", plan_name="x" * 300) for n in range(300)]
    events = [event("charge_invoice.created", at(1), "inv1", id_="e" * 250 + str(n)) for n in range(300)]
    known = facts(
        *subscriptions, *events, *(earlier(1 + n % 28, id=f"p{n}") for n in range(300)), PAID, FRAUD
    )
    told = dispute_checklist.text(FRAUD, FactsIndex(known))
    assert len(told) < 6_000
    assert max(map(len, lines(known))) <= 504


def test_the_order_of_the_facts_does_not_matter() -> None:
    parts = (PAID, subscription(), earlier(1), earlier(2), refund(), paid_invoice())
    first, second = facts(*parts, FRAUD), facts(*reversed(parts), FRAUD)
    assert lines(first) == lines(second)
    assert lines(first) == lines(replace(first, now=at(22, month=12)))
