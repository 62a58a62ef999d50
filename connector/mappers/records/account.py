"""The customer's record: who it is, what it owes, what it brings, and when that was last true.

Amounts are in the account's main currency: that of its newest live subscription, else of its newest invoice. What
is past due in any currency is spelt out in the past due text.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from connector.facts import Account, Facts, Invoice, Money, Payment, PaymentMethod, Subscription
from connector.mappers import words
from connector.mappers.fields import Account as F
from connector.mappers.records.subscription import mrr
from connector.mappers.salesforce import CODE, LINE, WORD, amount, line, sum_of
from connector.plan import Value

_STATES: Final = ("active", "paused", "canceled", "future", "failed", "expired")
"""The state that says most about a customer comes first."""
_LIVE: Final = frozenset({"active", "paused", "canceled", "future"})
_UNPAID: Final = frozenset({"open", "pending", "processing", "past_due"})
_TAKEN: Final = frozenset({"purchase", "capture"})


def name(account: Account) -> str:
    """What to call a new account: people rename accounts, so it is only ever suggested."""
    person = " ".join(part for part in (account.first_name, account.last_name) if part)
    mailbox = (account.email or "").partition("@")[0]
    told = (line(value) for value in (account.company, person, mailbox, account.code))
    return next((value for value in told if value), account.code)


def record(facts: Facts, account: Account, disputed: Iterable[Money]) -> Mapping[str, Value]:
    """``disputed``: what is taken back or may be, once for each payment."""
    currency = main_currency(facts)
    return {
        **_identity(facts, account),
        **_debts(facts.invoices, currency),
        **_subscriptions(facts.subscriptions, currency),
        **_method(account.payment_method),
        **_payments(facts.payments, currency),
        F.CURRENCY: line(currency, 3),
        F.DISPUTED: _sum(((m.amount, m.currency) for m in disputed), currency),
    }


def newest_live(facts: Facts) -> Subscription | None:
    live = (s for s in facts.subscriptions if s.state in _LIVE)
    return max(live, key=lambda s: (_at(s.activated_at or s.created_at), s.uuid), default=None)


def main_currency(facts: Facts) -> str | None:
    live = newest_live(facts)
    if live is not None:
        return live.currency
    if facts.invoices:
        return max(facts.invoices, key=lambda i: (_at(i.created_at), i.number)).currency
    return None


def _identity(facts: Facts, account: Account) -> Mapping[str, Value]:
    always: dict[str, Value] = {
        F.CODE: line(account.code),
        F.SITE: line(facts.site, CODE),
        F.STATE: line(account.state, WORD),
        F.CUSTOMER_SINCE: account.created_at,
    }
    personal = {F.EMAIL: line(account.email), F.COMPANY: line(account.company)}
    return always | {field: value for field, value in personal.items() if value is not None}


def _debts(invoices: Iterable[Invoice], currency: str | None) -> Mapping[str, Value]:
    charges = [i for i in invoices if i.type != "credit" and i.state in _UNPAID]
    late = sorted((i for i in charges if i.state == "past_due"), key=lambda i: i.number)
    credits_ = [i for i in invoices if i.type == "credit" and i.state in _UNPAID]
    since = [i.due_at or i.created_at for i in late if i.due_at or i.created_at]
    return {
        F.BALANCE: _sum(((i.balance, i.currency) for i in charges), currency),
        F.PAST_DUE: _sum(((i.balance, i.currency) for i in late), currency),
        F.PAST_DUE_SINCE: words.on(min(since, key=_at)) if since else None,
        F.PAST_DUE_INVOICES: len(late),
        F.PAST_DUE_TEXT: sum_of(_by_currency(late, currency)),
        F.CREDIT: _sum(((abs(i.balance), i.currency) for i in credits_), currency),
        F.DUNNING_STEP: max((i.dunning_events_sent for i in late), default=None),
    }


def _by_currency(invoices: Iterable[Invoice], first: str | None) -> Mapping[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for item in invoices:
        sums[item.currency] += item.balance
    return {code: sums[code] for code in sorted(sums, key=lambda code: (code != first, code))}


def _subscriptions(items: Iterable[Subscription], currency: str | None) -> Mapping[str, Value]:
    known = list(items)
    live = [s for s in known if s.state in _LIVE]
    renewing = [s for s in known if s.state == "active" and s.auto_renew is not False]
    plans = sorted({s.plan_name or s.plan_code for s in live})
    states = [state for state in _STATES if any(s.state == state for s in known)]
    return {
        F.PLAN: line(", ".join(plans), LINE),
        F.MRR: _sum(((value, s.currency) for s in live if (value := mrr(s)) is not None), currency),
        F.SUBSCRIPTION_STATE: states[0] if states else None,
        F.NEXT_RENEWAL: min(
            (s.current_period_ends_at for s in renewing if s.current_period_ends_at), default=None
        ),
    }


def _method(method: PaymentMethod | None) -> Mapping[str, Value]:
    told: dict[str, Value] = {
        F.PAYMENT_METHOD: line(words.method(method)),
        F.CARD_EXPIRES: _expires(method) if method else None,
    }
    valid = method.valid if method else False
    return told if valid is None else {**told, F.PAYMENT_METHOD_VALID: valid}


def _expires(method: PaymentMethod) -> date | None:
    """A card is good until the end of its month."""
    year, month = method.exp_year, method.exp_month
    if year is None or month is None or not (1 <= month <= 12 and 1 <= year <= 9999):
        return None
    return date(year, month, monthrange(year, month)[1])


def _payments(payments: Iterable[Payment], currency: str | None) -> Mapping[str, Value]:
    taken = [p for p in payments if p.type in _TAKEN and p.status == "success" and p.currency == currency]
    last = max(taken, key=lambda p: (_at(p.collected_at or p.created_at), p.uuid), default=None)
    return {
        F.LAST_PAYMENT_AT: (last.collected_at or last.created_at) if last else None,
        F.LAST_PAYMENT: amount(last.amount, last.currency) if last else None,
    }


def _sum(amounts: Iterable[tuple[Decimal, str]], currency: str | None) -> Decimal | None:
    """Nothing is known of an account without a currency, not even that it owes nothing."""
    if currency is None:
        return None
    return amount(sum((value for value, code in amounts if code == currency), Decimal(0)), currency)


def _at(value: object) -> float:
    return value.timestamp() if hasattr(value, "timestamp") else 0.0
