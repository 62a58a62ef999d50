"""The customer's record: who it is, what it owes, what it brings, and when that was last true.

Amounts are in the account's main currency: that of its newest live subscription, else of its newest invoice. An amount
is empty, not zero, where all of it is in other currencies. What is past due or in dispute is a text beside it, in every
currency.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from connector.mappers import phrases
from connector.mappers.field_limits import CODE, LINE, WORD, amount, line, sum_of
from connector.mappers.fields import Account as F
from connector.mappers.records.subscription import mrr
from connector.models.facts import Account, Facts, Invoice, Money, Payment, PaymentMethod, Subscription
from connector.models.plan import Value

_STATES: Final = ("active", "paused", "canceled", "future", "failed", "expired")
"""The state that says most about a customer comes first."""
_LIVE: Final = frozenset({"active", "paused", "canceled", "future"})
_UNPAID: Final = frozenset({"open", "pending", "processing", "past_due"})
_TAKEN: Final = frozenset({"purchase", "capture"})


def name(account: Account) -> str:
    """Name of a new account. People rename accounts, so it is written only on create."""
    person = " ".join(part for part in (account.first_name, account.last_name) if part)
    mailbox = (account.email or "").partition("@")[0]
    told = (line(value) for value in (account.company, person, mailbox, account.code))
    return next((value for value in told if value), account.code)


def record(facts: Facts, account: Account, disputed: Iterable[Money | None]) -> Mapping[str, Value]:
    """``disputed``: what is taken back or may be, once for each payment; None for a dispute of unknown amount."""
    currency = main_currency(facts)
    return {
        **_identity(facts, account),
        **_debts(facts.invoices, currency),
        **_subscriptions(facts.subscriptions, currency),
        **_method(account.payment_method),
        **_payments(facts.payments, currency),
        F.CURRENCY: line(currency, 3),
        **_disputes(disputed, currency),
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
        F.PAST_DUE_SINCE: phrases.on(min(since, key=_at)) if since else None,
        F.PAST_DUE_INVOICES: len(late),
        F.PAST_DUE_TEXT: sum_of(_by_currency(((i.balance, i.currency) for i in late), currency)),
        F.CREDIT: _sum(((abs(i.balance), i.currency) for i in credits_), currency),
        F.DUNNING_STEP: max((i.dunning_events_sent for i in late), default=None),
    }


def _disputes(disputed: Iterable[Money | None], currency: str | None) -> Mapping[str, Value]:
    found = list(disputed)
    known = [(one.amount, one.currency) for one in found if one is not None]
    unknown = len(found) - len(known)
    own = [one for one in known if one[1] == currency]
    also = f"{phrases.count(unknown, 'dispute')} of unknown amount" if unknown else None
    return {
        F.DISPUTED: None if unknown and not own else _sum(known, currency),
        F.DISPUTED_TEXT: line("; ".join(filter(None, (sum_of(_by_currency(known, currency)), also)))),
    }


def _by_currency(amounts: Iterable[tuple[Decimal, str]], first: str | None) -> Mapping[str, Decimal]:
    """The sums of what is not zero, the main currency first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for value, code in amounts:
        if value:
            sums[code] += value
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
        F.PAYMENT_METHOD: line(phrases.method(method)),
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
    """The sum in the main currency. None where all of it is in others: zero would say that there is nothing. Nothing is
    known of an account without a currency, not even that it owes nothing."""
    known = [(value, code) for value, code in amounts if value]
    own = [value for value, code in known if code == currency]
    if currency is None or (known and not own):
        return None
    return amount(sum(own, Decimal(0)), currency)


def _at(value: object) -> float:
    return value.timestamp() if hasattr(value, "timestamp") else 0.0
