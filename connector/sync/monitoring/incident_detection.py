"""Detect incidents: one gateway fails for many accounts at once. Uses the payments' own times, whenever they arrive.

A failure counts if the customer did not cause it: its decline category is in the policy (``gateway``). An incident
begins when enough accounts, and a large enough part of all attempts, failed within the window. It ends when as many
attempts in a row succeeded, or when there was no attempt for the length of the window.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from connector.ledger import incidents, subjects
from connector.ledger.incidents import Attempted, Codes
from connector.ledger.subjects import Due
from connector.mappers import declines, external_ids
from connector.models.events import Urgency
from connector.models.facts import Incident
from connector.policy import IncidentRule

log = structlog.get_logger("connector.outages")

LOOKED_BACK: Final = timedelta(hours=6)
"""Payments older than this begin no incident, whenever they became known. One that lasts keeps its beginning."""

Gateway = tuple[str, str, str]


def find(attempts: Sequence[Attempted], settings: IncidentRule, now: datetime) -> list[Incident]:
    """The incidents in these payments, the oldest first."""
    by_gateway: dict[Gateway, list[Attempted]] = defaultdict(list)
    for one in sorted(attempts, key=lambda a: (a.at, a.subject)):
        by_gateway[one.source, one.site, one.gateway].append(one)
    found = (one for gateway in sorted(by_gateway) for one in _of(by_gateway[gateway], settings, now))
    return sorted(found, key=lambda incident: incident.started_at)


def _of(attempts: list[Attempted], settings: IncidentRule, now: datetime) -> Iterator[Incident]:
    recent = _Recent(settings)
    position = 0
    while position < len(attempts):
        recent.add(attempts[position])
        position += 1
        if recent.is_bad():
            begun = position - len(recent.tried)
            end, ended_at = _end(attempts, position, settings, now)
            yield _incident(attempts[begun:end], settings, ended_at)
            recent = _Recent(settings)
            position = end


class _Recent:
    """The attempts of the last window. What is asked of them is counted along: there may be thousands."""

    def __init__(self, settings: IncidentRule) -> None:
        self.tried: deque[Attempted] = deque()
        self._settings = settings
        self._window = timedelta(minutes=settings.window_minutes)
        self._failed: Counter[str] = Counter()

    def add(self, one: Attempted) -> None:
        self.tried.append(one)
        self._count(one, 1)
        while self.tried[0].at <= one.at - self._window:
            self._count(self.tried.popleft(), -1)

    def _count(self, one: Attempted, by: int) -> None:
        if is_failure(one.code, self._settings):
            self._failed[one.subject] += by
            if not self._failed[one.subject]:
                del self._failed[one.subject]

    def is_bad(self) -> bool:
        """Whether so many accounts failed, and so large a part of all attempts."""
        if len(self._failed) < self._settings.accounts:
            return False
        return self._failed.total() * 100 >= self._settings.failure_percent * len(self.tried)


def _end(
    attempts: Sequence[Attempted], start: int, settings: IncidentRule, now: datetime
) -> tuple[int, datetime | None]:
    """How many attempts belong to an incident that has begun, and when it ended; None while it lasts."""
    window = timedelta(minutes=settings.window_minutes)
    last: deque[bool] = deque(maxlen=settings.accounts)
    for place in range(start, len(attempts)):
        one = attempts[place]
        if one.at - attempts[place - 1].at > window:
            return place, attempts[place - 1].at + window
        last.append(is_failure(one.code, settings))
        full = len(last) == settings.accounts
        if full and not last[-1] and sum(last) * 100 < settings.failure_percent * len(last):
            return place + 1, one.at
    quiet = attempts[-1].at + window
    return len(attempts), quiet if now > quiet else None


def is_failure(code: str | None, settings: IncidentRule) -> bool:
    """Whether a payment failed for no fault of its customer."""
    return code is not None and declines.explain(code).category in settings.categories


def _incident(attempts: Sequence[Attempted], settings: IncidentRule, ended_at: datetime | None) -> Incident:
    failed = [one for one in attempts if is_failure(one.code, settings)]
    first = failed[0]
    return Incident(
        source=first.source,
        site=first.site,
        gateway=first.gateway,
        id=f"{external_ids.gateway(first.source, first.site, first.gateway)}:{first.at:%Y%m%dT%H%M%SZ}",
        started_at=first.at,
        last_failure_at=failed[-1].at,
        ended_at=ended_at,
        accounts=len({one.subject for one in failed}),
        failed=len(failed),
        succeeded=sum(one.code is None for one in attempts),
    )


def last(engine: Engine) -> bool:
    """Whether an incident lasts."""
    with engine.connect() as connection:
        return incidents.last(connection)


def notice(engine: Engine, settings: IncidentRule, now: datetime) -> int:
    """Find the incidents of the last hours and keep them; the gateways and accounts that became due by what is new."""
    if not settings.enabled:
        return 0
    window = timedelta(minutes=settings.window_minutes)
    with engine.connect() as connection:
        attempts = incidents.attempted(
            connection, now - LOOKED_BACK, window, _codes(settings), settings.accounts
        )
    found = find(attempts, settings, now)
    with engine.begin() as connection:
        incidents.one_at_a_time(connection)
        return sum(_keep(connection, one) for one in found) + _end_forgotten(connection, window, now)


def tell_touched(engine: Engine, one: Incident) -> int:
    """Its case is there: the accounts it touched are due, so that theirs hang on it; how many."""
    with engine.begin() as connection:
        due = _accounts(connection, one)
        subjects.mark_due(connection, due)
    return len(due)


def _codes(settings: IncidentRule) -> Codes:
    """The codes that count; for a category of codes that are not listed, those that do not."""
    if "unknown" not in settings.categories:
        return Codes(tuple(code for category in settings.categories for code in declines.codes(category)))
    others = declines.CATEGORIES - set(settings.categories)
    return Codes(tuple(code for category in others for code in declines.codes(category)), all_but=True)


def _keep(connection: Connection, found: Incident) -> int:
    """Only what is new makes anybody due: a beginning or an end all of its accounts, a count its gateway alone."""
    site = (found.source, found.site)
    known = _same(found, incidents.load(connection, [site])[site])
    told = _continued(known, found) if known else found
    if told == known:
        return 0
    return _changed(connection, told, turned=known is None or known.ended_at != told.ended_at)


def _end_forgotten(connection: Connection, window: timedelta, now: datetime) -> int:
    """One of which nothing was heard for so long that nobody looks at its payments any more is over too."""
    over = (one for one in incidents.lasting(connection) if one.last_failure_at < now - LOOKED_BACK)
    return sum(
        _changed(connection, replace(one, ended_at=one.last_failure_at + window), turned=True) for one in over
    )


def _changed(connection: Connection, told: Incident, *, turned: bool) -> int:
    incidents.save(connection, told)
    due = [_gateway(told), *(_accounts(connection, told) if turned else ())]
    subjects.mark_due(connection, due)
    if turned:
        log.warning(
            "incident",
            gateway=told.gateway,
            site=told.site,
            accounts=told.accounts,
            failed=told.failed,
            outcome="ended" if told.ended_at else "open",
        )
    return len(due)


def _continued(known: Incident, found: Incident) -> Incident:
    """What was seen of a long one when it was younger still counts; its end too, where only its last part is looked
    at any more and tells nothing new."""
    if (
        known.ended_at
        and found.started_at > known.started_at
        and found.last_failure_at <= known.last_failure_at
    ):
        return known
    return replace(
        found,
        id=known.id,
        case_key=known.case_key,
        started_at=min(known.started_at, found.started_at),
        accounts=max(known.accounts, found.accounts),
        failed=max(known.failed, found.failed),
        succeeded=max(known.succeeded, found.succeeded),
    )


def _same(incident: Incident, known: Sequence[Incident]) -> Incident | None:
    """What is known of it already: late news may move its beginning."""
    for one in known:
        ends = one.ended_at or incident.last_failure_at
        if (
            one.gateway == incident.gateway
            and incident.started_at <= ends
            and (incident.ended_at is None or incident.ended_at >= one.started_at)
        ):
            return one
    return None


def _gateway(one: Incident) -> Due:
    key = external_ids.gateway(one.source, one.site, one.gateway)
    return Due(key, one.source, one.site, f"gateway:{one.gateway}", Urgency.DISPUTE)


def _accounts(connection: Connection, one: Incident) -> list[Due]:
    """Every account whose payment failed while it lasted, those included that are no longer looked at."""
    touched = incidents.touched(connection, one)
    return [Due(key, *external_ids.account_of(key), Urgency.FAILURE) for key in touched]
