"""Report the differences of matched transfers within the window, including what Salesforce shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from connector.ledger import observations, payment_lookup
from connector.models.facts import Movement
from connector.policy import Compare
from connector.sync.reconcile.adapters import ComparedSystems, in_salesforce
from connector.sync.reconcile.differences import findings
from connector.sync.reconcile.in_flight import ON_ITS_WAY, on_their_way
from connector.sync.reconcile.models import Finding, System, Transfer, Window
from connector.sync.reconcile.recheck import Recheck

AT_ONCE: Final = 200
_PAST: Final = "the past of some accounts waits to be fetched"


@dataclass(slots=True)
class FindingBuilder:
    """``compared``: how many transfers of each kind were; ``apart``: gateways for whose payments there was no list of a
    processor, with how many there were; ``unheard``: how many Recurly may have that the ledger does not know yet, by
    site."""

    sides: ComparedSystems
    policy: Compare
    window: Window
    now: datetime
    confirming: Recheck
    compared: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    unheard: Counter[str] = field(default_factory=Counter)

    def of(self, paired: Iterable[Transfer]) -> Iterator[Finding]:
        """What differs is asked about again before it is told."""
        wanted = (one for one in paired if self.window.covers(one))
        while some := list(islice(wanted, AT_ONCE)):
            whole = self._with_salesforce(some)
            for one in whole:
                self.compared[str(one.kind)] += 1
                if System.PROCESSOR not in one.asked and one.kind is not Movement.DISPUTE:
                    self.apart[one.processor] += 1
            yield from self._once_more([one for one in whole if findings(one, self.policy, self.now)])

    def _once_more(self, doubted: Sequence[Transfer]) -> Iterator[Finding]:
        now = [one for one in self.confirming.asked_again(doubted) if self.window.covers(one)]
        for one in self._with_salesforce(now, on_their_way(self.sides, now, self.now)):
            for found in findings(one, self.policy, self.now):
                if found.why and found.why == one.unheard:
                    self.unheard[one.site] += 1
                yield found

    def _with_salesforce(self, some: Sequence[Transfer], coming: Container[str] = ()) -> list[Transfer]:
        """What waits is asked for first: what does not wait then, Salesforce has. ``coming``: the keys of what does not
        even wait yet."""
        if not some:
            return []
        with self.sides.engine.connect() as connection:
            whose = _whose(connection, some)
            waits = payment_lookup.waiting(connection, set(whose.values()))
            pasts = payment_lookup.pasts_wait(connection, self.sides.answering)
        said = in_salesforce(self.sides.crm, some)
        made: list[Transfer] = []
        for one in some:
            unheard = _unheard(one, pasts)
            why = waits.get(whose.get(one.key, "")) or (ON_ITS_WAY if one.key in coming else unheard)
            made.append(replace(one, salesforce=said.get(one.key), waits=why, unheard=unheard))
        return made


def _unheard(one: Transfer, pasts: Mapping[str, datetime]) -> str:
    """Money that moved before an account of its site was heard of may be in that account's past."""
    if one.recurly is not None:
        return ""
    heard = [at for site, at in pasts.items() if one.guessed or site == one.site]
    return _PAST if any(one.at < at for at in heard) else ""


def _whose(connection: Connection, some: Sequence[Transfer]) -> dict[str, str]:
    """By the key of each transfer, the subject that is written for it: its account, or what its processor's object
    stands under."""
    alone = {observations.key_of(one.item): one.key for one in some if one.account is None and one.item}
    known = observations.load(connection, sorted(alone)) if alone else []
    own = {alone[observations.key_of(one.item)]: one.subject for one in known}
    return own | {one.key: one.account for one in some if one.account}
