"""Phrases that cases, rows and reasons share."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from connector.mappers.money import format_money
from connector.models.facts import Money, PaymentMethod
from connector.models.local_time import day_of
from connector.sources.registry import SOURCES


def money(amount: Decimal | None, currency: str) -> str | None:
    """``USD 49.00``, or None where there is no amount."""
    return None if amount is None else format_money(Money(amount, currency))


def day(moment: datetime | None) -> str | None:
    """``2026-11-22``, on the site's clock where the moment is on one (``models/local_time.py``), else in UTC."""
    return None if moment is None else day_of(moment).isoformat()


def on(moment: datetime | None) -> date | None:
    """The day of a moment, like ``day``."""
    return None if moment is None else day_of(moment)


def method(value: PaymentMethod | None) -> str | None:
    """``Visa ending 1111, expires 12/2027``."""
    if value is None:
        return None
    ending = f" ending {value.last_four}" if value.last_four else ""
    known = value.exp_month and value.exp_year
    expires = f", expires {value.exp_month:02d}/{value.exp_year}" if known else ""
    return f"{value.brand}{ending}{expires}"


def count(number: int, noun: str) -> str:
    """``1 invoice``, ``2 invoices``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def event_label(source: str, kind: str) -> str:
    """A kind of event in plain words, for the timeline; an unlabelled kind is itself."""
    return SOURCES[source].labels.get(kind, kind) if source in SOURCES else kind


def source_title(source: str) -> str:
    """The name of a source for people."""
    return SOURCES[source].title if source in SOURCES else source


def plain(word: str) -> str:
    """A source's word as people say it: ``past_due`` → ``past due``."""
    return word.replace("_", " ").strip()
