"""Select accounts from a person's options: codes, the change feed, a rule, a state, a site, or all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from connector.ledger import subject_query, subject_status
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.sync.refresh.change_feed import Site
from connector.sync.resync.account_fetch import AccountFetcher

STEP = 1_000
"""Keys that are asked about by one statement."""


@dataclass(frozen=True, slots=True)
class Choice:
    """All that is said must hold. ``named``: these, in this order. ``since``: with a change since then, by the change
    feed. ``rule`` and ``state``: as ``Which`` says. ``sites``: the billing sites that are read; ``site``: only what is
    of this one. With nothing said it is everything."""

    sites: tuple[Site, ...]
    site: str | None = None
    named: tuple[Due, ...] | None = None
    since: datetime | None = None
    everything: bool = False
    rule: str | None = None
    state: str | None = None

    @property
    def which(self) -> SubjectFilter:
        return SubjectFilter(site=self.site, rule=self.rule, state=self.state)

    @property
    def reads_all(self) -> bool:
        """Whether it is chosen from all there is, not only from what the ledger knows."""
        return self.named is not None or self.since is not None or self.everything

    @property
    def narrows(self) -> bool:
        """Whether a condition is left that the ledger answers."""
        return self.rule is not None or self.state is not None


def gather(engine: Engine, reader: AccountFetcher, choice: Choice) -> list[Due]:
    """The subjects that are meant, each with its facts fetched anew; only their keys are held.

    ``since``, or everything: the change feed is read first, then chosen by what it said. Otherwise chosen by what the
    ledger knows, then fetched. What could not be fetched is in ``reader.troubles``.
    """
    if choice.named is not None and choice.since is None:
        chosen = _narrowed(engine, choice, choice.named)
        reader.fetch(chosen)
    elif choice.since is not None:
        changed = reader.changed(choice.sites, choice.since)
        chosen = _narrowed(engine, choice, _both(choice.named, changed))
        reader.fetch(_without(chosen, _whole(engine, chosen)))
    elif choice.everything:
        listed = reader.everything(choice.sites)
        chosen = _narrowed(engine, choice, _merged(listed, _known(engine, SubjectFilter(site=choice.site))))
        reader.fetch(_without(chosen, listed))
    else:
        chosen = list(_known(engine, choice.which))
        reader.fetch(chosen)
    return chosen


def account(site: Site, key: str) -> Due:
    """An account by its key."""
    return Due(key, *site, key.removeprefix(external_ids.subject(*site, "")), Urgency.ROUTINE)


def _known(engine: Engine, which: SubjectFilter) -> Iterator[Due]:
    after = ""
    while True:
        with engine.connect() as connection:
            some = subject_query.walk(connection, which, after, STEP)
        yield from some
        if len(some) < STEP:
            return
        after = some[-1].key


def _both(named: Sequence[Due] | None, changed: dict[str, Site]) -> list[Due]:
    """Of what was named, what changed; without names all that did."""
    if named is not None:
        return [one for one in named if one.key in changed]
    return [account(changed[key], key) for key in sorted(changed)]


def _merged(listed: dict[str, Site], known: Iterable[Due]) -> list[Due]:
    """What the feed lists and what the ledger knows beside it: payees, gateways, and accounts that may be gone."""
    beside = [one for one in known if one.key not in listed]
    return sorted([account(site, key) for key, site in listed.items()] + beside, key=lambda one: one.key)


def _narrowed(engine: Engine, choice: Choice, found: Sequence[Due]) -> list[Due]:
    if not choice.narrows:
        return list(found)
    fits: set[str] = set()
    with engine.connect() as connection:
        for some in _steps(found):
            fits |= subject_status.among(connection, choice.which, some)
    return [one for one in found if one.key in fits]


def _whole(engine: Engine, found: Sequence[Due]) -> set[str]:
    with engine.connect() as connection:
        return set().union(*(subject_status.whole(connection, some) for some in _steps(found)))


def _without(found: Sequence[Due], keys_: Set[str] | dict[str, Site]) -> list[Due]:
    return [one for one in found if one.key not in keys_]


def _steps(found: Sequence[Due]) -> Iterator[list[str]]:
    for start in range(0, len(found), STEP):
        yield [one.key for one in found[start : start + STEP]]
