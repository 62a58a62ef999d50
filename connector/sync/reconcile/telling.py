"""What is told of transfers that were paired: of those in the window, with what Salesforce says, how they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from connector.facts import Movement
from connector.ledger import told, transfers
from connector.policy import Compare
from connector.sync.reconcile.comparing import findings
from connector.sync.reconcile.confirming import Confirming
from connector.sync.reconcile.sides import Sides, in_salesforce
from connector.sync.reconcile.values import Finding, Side, Transfer, Window

AT_ONCE: Final = 200
_PAST: Final = "the past of some accounts waits to be fetched"


@dataclass(slots=True)
class Telling:
    """``compared``: how many transfers of each kind were; ``apart``: gateways for whose payments there was no list of a
    processor, with how many there were."""

    sides: Sides
    policy: Compare
    window: Window
    now: datetime
    confirming: Confirming
    compared: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)

    def of(self, paired: Iterable[Transfer]) -> Iterator[Finding]:
        """What differs is asked about again before it is told."""
        wanted = (one for one in paired if self.window.covers(one))
        while some := list(islice(wanted, AT_ONCE)):
            whole = self._with_salesforce(some)
            for one in whole:
                self.compared[str(one.kind)] += 1
                if Side.PROCESSOR not in one.asked and one.kind is not Movement.DISPUTE:
                    self.apart[one.processor] += 1
            doubted = [one for one in whole if findings(one, self.policy, self.now)]
            for one in self._with_salesforce(self.confirming.asked_again(doubted)):
                yield from findings(one, self.policy, self.now)

    def _with_salesforce(self, some: Sequence[Transfer]) -> list[Transfer]:
        """What waits is asked for first: what does not wait then, Salesforce has."""
        if not some:
            return []
        with self.sides.engine.connect() as connection:
            whose = _whose(connection, some)
            waits = transfers.waiting(connection, set(whose.values()))
            unknown = _PAST if transfers.pasts_wait(connection) else ""
        said = in_salesforce(self.sides.crm, some)
        return [
            replace(
                one,
                salesforce=said.get(one.key),
                waits=waits.get(whose.get(one.key, ""), unknown if one.recurly is None else ""),
            )
            for one in some
        ]


def _whose(connection: Connection, some: Sequence[Transfer]) -> dict[str, str]:
    """By the key of each transfer, the subject that is written for it: its account, or what its processor's object
    stands under."""
    alone = {told.key_of(one.item): one.key for one in some if one.account is None and one.item}
    known = told.load(connection, sorted(alone)) if alone else []
    own = {alone[told.key_of(one.item)]: one.subject for one in known}
    return own | {one.key: one.account for one in some if one.account}
