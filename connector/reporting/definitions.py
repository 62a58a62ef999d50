"""Definitions of the figures of the billing report: what is counted, the divisor, and the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_CASE: Final = "Salesforce, Case"
_BOTH: Final = "Salesforce, Case; reopenings and escalations from Casewire's ledger"
_DISPUTE: Final = "Salesforce, Case with its Billing_Dispute__c"


@dataclass(frozen=True, slots=True)
class Definition:
    """``section`` and ``figure`` as in the report; ``whole``: what it is divided by, if by anything."""

    section: str
    figure: str
    counted: str
    whole: str
    source: str


GENERAL: Final = (
    "All times are UTC. A month begins on its first day at 00:00 and ends before the first day of the next; "
    "for a month that still runs, everything is counted up to now. Only cases that Casewire made count "
    "(Billing_Key__c is set). Amounts of different currencies are never added up. A case belongs to the time "
    "at which its problem began and ended (Billing_Opened_At__c, else CreatedDate; Billing_Resolved_At__c), "
    "not to that at which the news came: an outage or a backfill moves no figure, but late news may change a "
    "past month. Two things are dated by when they were done: a reopening, and a case that goes on with a "
    "problem after the case before it was closed, which begins when it is made (CreatedDate). With a site, "
    "only cases of accounts of that site count; a case whose account is not known has none. Salesforce keeps "
    "only the last closing of a case: one that was closed, and reopened since, counts as open in between."
)

_ENDED: Final = (
    "A case ends when its problem is over or when a person closes it, whichever comes first; it must be "
    "closed now."
)
_PAID: Final = (
    "Cases of failed payments (kind payment_failed) whose problem was over in the month with the outcome "
    "Recovered: the invoice was paid, whether by a retry, a new card, a credit or by hand."
)
_LOST: Final = (
    "Cases whose problem was over in the month with the outcome Lost: the invoice failed for good or was "
    "written off. Voided invoices are neither recovered nor lost."
)
_MONEY: Final = "The sum of Billing_Amount__c of those cases: the whole invoice, or the debit that came back."
_WIN: Final = (
    "Won + Lost + Accepted + Expired; Withdrawn is no decision. Dispute cases whose problem was over in the "
    "month"
)
_DUE: Final = (
    "Disputes whose answer was due in the month (Due_At__c of the dispute, up to now; without one, the "
    "moment it expired), each once, however many cases it had"
)
_MISSED: Final = (
    "Of those, the ones that expired without an answer, or still need a response though the time is over. "
    "Disputes lost after an answer are not missed."
)
_FIRST: Final = (
    "Of the cases that people had to do with and that ended in the month, those that a person owns and whose "
    "problem was over, that are the first case of it (no case went before, none goes on with it), were never "
    "reopened by Casewire and never escalated to another queue. What was over by itself does not count. Whether "
    "it was handed from one person to another is not told by every org and does not count either."
)
_ITSELF: Final = (
    "Of the cases that ended in the month, those whose problem was over and which no person owns: they are in"
    " a queue, or still with Casewire's own user. An agent who worked on one without taking it is not seen"
)
_REOPENED: Final = (
    "Cases that Casewire reopened in the month because the problem came back, each once, however often. A "
    "reopening by hand is not seen."
)
_CAME_BACK: Final = "Cases that ended in the month, and those reopened in it"
_BEGAN: Final = (
    "Cases whose problem began in the month, those that were over before anybody had to act included."
)
_RESOLVED: Final = f"Cases that ended in the month because their problem was over. {_ENDED}"
_BY_HAND: Final = "Cases that a person closed in the month while their problem lasted."
_OPEN: Final = "Cases that had begun and not ended at the end of the month, or now while it runs."
_HOURS: Final = (
    "From the beginning of the problem to its end, of all cases of the kind whose problem was over in the "
    "month. Those that go on in another case are left out (Continued, Disputed, Part of an incident)."
)
_NINETIETH: Final = f"{_HOURS} The hours that nine in ten did not exceed (nearest rank)."


def _all(section: str, source: str, **told: str | tuple[str, str]) -> tuple[Definition, ...]:
    found = {name: (one, "") if isinstance(one, str) else one for name, one in told.items()}
    return tuple(Definition(section, name, *one, source) for name, one in found.items())


_RECOVERY: Final[Mapping[str, str | tuple[str, str]]] = {
    "recovered": _PAID.replace("(kind payment_failed) ", ""),
    "lost": _LOST,
    "recovery_rate": ("Recovered cases", "Recovered and lost cases"),
    "recovered_amount": _MONEY,
    "lost_amount": _MONEY.replace("those cases", "the lost cases"),
    "amount_recovery_rate": ("Recovered amount", "Recovered and lost amount of the same currency"),
}

DEFINITIONS: Final = (
    *_all(
        "key_figures",
        _BOTH,
        opened=_BEGAN,
        resolved=_RESOLVED,
        closed_by_hand=_BY_HAND,
        open_at_end=_OPEN,
        recovery_rate=(_PAID, "Recovered and lost cases of failed payments, of all currencies"),
        recovered_amount="The sum of Billing_Amount__c of the recovered cases of failed payments: the whole invoices.",
        amount_recovery_rate=("Recovered amount", "Recovered and lost amount of the same currency"),
        dispute_win_rate=("Dispute cases won in the month, by number, of all currencies", _WIN),
        deadlines_missed=f"{_DUE}. {_MISSED}",
        refund_median_hours=f"{_HOURS} The median of the kind refund.",
        refund_p90_hours=f"{_NINETIETH} Of the kind refund.",
        reopen_rate=(_REOPENED, _CAME_BACK),
        first_touch_rate=(_FIRST, "Cases that ended in the month, without those that did by themselves"),
        by_itself_share=(_ITSELF, "Cases that ended in the month"),
    ),
    *_all(
        "cases",
        _CASE,
        open_at_start="Cases that had begun before the month and not ended before it.",
        opened=_BEGAN,
        resolved=_RESOLVED,
        closed_by_hand=_BY_HAND,
        open_at_end=f"{_OPEN} It is open at start + opened − resolved − closed by hand.",
    ),
    *_all(
        "weeks",
        _CASE,
        opened="Cases whose problem began in the week, from Monday. The last week ends with the month, or now.",
        ended=f"Cases that ended in the week, resolved or closed by hand. {_ENDED}",
        open_at_end="Cases that had begun and not ended at the end of the week.",
    ),
    *_all(
        "backlog",
        _CASE,
        days_0_to_2="Open at the end: cases whose problem began less than 3 whole days before.",
        days_3_to_7="Open at the end, 3 to 7 whole days old.",
        days_8_to_30="Open at the end, 8 to 30 whole days old.",
        days_over_30="Open at the end, older than 30 whole days.",
    ),
    *_all("recovery", _CASE, **_RECOVERY),
    *_all(
        "recovery_by_step",
        f"{_CASE}: Billing_Dunning_Step__c, dunning steps reached; kind payment_failed",
        **_RECOVERY,
    ),
    *_all("recovery_by_decline", f"{_CASE}: Billing_Decline_Category__c; kind payment_failed", **_RECOVERY),
    *_all(
        "recovery_by_reason",
        f"{_CASE}: Billing_Reason__c of the last decline; kind payment_failed",
        **_RECOVERY,
    ),
    *_all(
        "disputes",
        _DISPUTE,
        won="Dispute cases whose problem was over in the month with the outcome Won.",
        lost="The same with the outcome Lost: decided against us.",
        accepted="The same with the outcome Accepted: not contested.",
        expired="The same with the outcome Expired: lost, because no evidence came in time.",
        withdrawn="The same with the outcome Withdrawn: called off, the money stays.",
        win_rate=("Won", _WIN),
        won_amount="The sum of Billing_Amount__c of the cases won.",
        lost_amount="The sum of Billing_Amount__c of the cases lost, accepted and expired.",
    ),
    *_all(
        "deadlines",
        _DISPUTE,
        due=f"{_DUE}.",
        missed=_MISSED,
        miss_rate=("Missed", "Due"),
        missed_amount="The sum of Billing_Amount__c of the disputes missed, by the newest case of each.",
    ),
    *_all(
        "turnaround",
        _CASE,
        problems_over="Cases whose problem was over in the month, also those a person had closed before.",
        median_hours=f"{_HOURS} The median.",
        p90_hours=_NINETIETH,
    ),
    *_all(
        "handling",
        _BOTH,
        ended=f"Cases that ended in the month. {_ENDED}",
        reopened=_REOPENED,
        reopen_rate=("Reopened", _CAME_BACK),
        first_touch=_FIRST,
        first_touch_rate=("First touch", "By people"),
        by_itself=f"{_ITSELF}.",
        by_people="The others that ended: a person owns them, or closed them while the problem lasted.",
        by_itself_share=("By itself", "Ended"),
    ),
)
