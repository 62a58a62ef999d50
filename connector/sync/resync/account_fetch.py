"""Fetch the facts of chosen accounts again, in the cheaper of two ways.

One account costs ``HISTORY_CALLS``: the account and four lists. The change feed costs one call for every 200 objects of
the whole site. So a few accounts are fetched one by one, and for many the cheaper way is computed. An account that the
feed does not list is fetched alone: so a removed account is noticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy import Engine
from tenacity import Retrying

from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.ledger import subject_status, subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.retry import while_unavailable
from connector.sync.refresh import change_feed
from connector.sync.refresh.change_feed import Page, Site
from connector.sync.refresh.history_fetch import fetch_history
from connector.sync.refresh.object_fetcher import SourceApi

FEW: Final = 200
"""So many accounts are always fetched one by one: a thousand calls at most."""
HISTORY_CALLS: Final = 5
PAGE: Final = 200
MOST_WAITS: Final = 5
"""How often the source may be away, one time after the other, before that is the answer."""
WAIT_SECONDS: Final = 30.0


class Tell(Protocol):
    """Is told how many calls were made, of how many as far as that is known."""

    def __call__(self, done: int, note: str = "", *, total: int | None = None) -> None: ...


def is_cheaper_one_by_one(accounts: int, known: Mapping[str, int]) -> bool:
    """``known``: how many objects of each kind the ledger knows of the site; there may be more."""
    return accounts <= FEW or accounts * HISTORY_CALLS <= pages_of(known)


def pages_of(known: Mapping[str, int]) -> int:
    """The calls that reading the whole feed takes, as far as the ledger knows the site."""
    return sum(max(-(-known.get(kind, 0) // PAGE), 1) for kind in change_feed.KINDS)


@dataclass(slots=True)
class AccountFetcher:
    """``wait``: lets seconds pass while a source has no calls left. ``troubles``: the accounts that could not be
    fetched, each with why."""

    engine: Engine
    apis: Mapping[Site, SourceApi]
    tell: Tell
    wait: Callable[[float], None]
    troubles: dict[str, str] = field(default_factory=dict)
    _calls: int = 0
    _expected: int = 0

    def fetch(self, wanted: Sequence[Due]) -> None:
        """All that these accounts are now. What is no account of billing has nothing to fetch."""
        by_site: dict[Site, list[Due]] = defaultdict(list)
        for one in wanted:
            if is_account(one):
                by_site[one.source, one.site].append(one)
        for site, some in by_site.items():
            if site not in self.apis:
                self.troubles |= {one.key: no_key(site) for one in some}
            elif is_cheaper_one_by_one(len(some), self._known(site)):
                self._one_by_one(some)
            else:
                listed = self.everything([site])
                self._one_by_one([one for one in some if one.key not in listed])

    def changed(self, sites: Sequence[Site], since: datetime) -> dict[str, Site]:
        """The accounts of which anything changed since then."""
        return {
            one.key: site
            for site in sites
            for page in self._pages(site, since)
            for one in change_feed.owners(site, page.objects)
        }

    def everything(self, sites: Sequence[Site]) -> dict[str, Site]:
        """Every account there is; all of their pasts are known then."""
        found: dict[str, Site] = {}
        for site in sites:
            self._expect(pages_of(self._known(site)))
            for page in self._pages(site, None):
                if page.kind == "account":
                    found |= {one.key: site for one in change_feed.owners(site, page.objects)}
        listed = sorted(found)
        for start in range(0, len(listed), PAGE):
            self._are_whole(listed[start : start + PAGE])
        return found

    def _pages(self, site: Site, since: datetime | None) -> Iterator[Page]:
        for kind in change_feed.KINDS:
            for page in self._of_kind(site, kind, since):
                self._count(1, f"{kind} up to {page.until:%Y-%m-%d}" if page.until else kind)
                yield page

    def _of_kind(self, site: Site, kind: str, since: datetime | None) -> Iterator[Page]:
        """Page by page, each kept. While the source is away it is waited for, and gone on where it was."""
        for attempt in self._attempts():
            with attempt:
                for page in change_feed.pages(self.engine, self._api(site), kind, since):
                    change_feed.keep(self.engine, site, page)
                    since, attempt.retry_state.attempt_number = page.until or since, 1
                    yield page

    def _one_by_one(self, wanted: Sequence[Due]) -> None:
        self._expect(len(wanted) * HISTORY_CALLS)
        for one in wanted:
            self._history(one)
            self._count(HISTORY_CALLS, one.code)

    def _history(self, one: Due) -> None:
        api = self._api((one.source, one.site))
        try:
            self._attempts()(fetch_history, self.engine, api, one, due=False)
        except Unavailable:
            raise
        except (Transient, Permanent) as error:
            self.troubles[one.key] = str(error)

    def _attempts(self) -> Retrying:
        return while_unavailable(MOST_WAITS, WAIT_SECONDS, self.wait, self._report_wait)

    def _report_wait(self, seconds: float, error: BaseException) -> None:
        self.tell(self._calls, f"waiting {seconds:.0f} s: {error}", total=self._expected or None)

    def _api(self, site: Site) -> SourceApi:
        if site not in self.apis:
            raise SetupError(no_key(site))
        return self.apis[site]

    def _known(self, site: Site) -> dict[str, int]:
        with self.engine.connect() as connection:
            return subject_status.objects(connection, *site)

    def _are_whole(self, some: Sequence[str]) -> None:
        """A history that is wanted stays so: it is what makes its account due."""
        with self.engine.begin() as connection:
            subjects.decide_history(connection, some, ())

    def _expect(self, calls: int) -> None:
        self._expected = self._calls + calls

    def _count(self, calls: int, note: str) -> None:
        self._calls += calls
        self._expected = max(self._expected, self._calls) if self._expected else 0
        self.tell(self._calls, note, total=self._expected or None)


def no_key(site: Site) -> str:
    """Which site that is among the settings is not known here."""
    return (
        f"Site {site[1]} has no API key: set RECURLY_API_KEY (for a further site: RECURLY_API_KEY__<SITE>)."
    )


def is_account(one: Due) -> bool:
    """Whether it is an account of billing, not a payee, a gateway, or an object that waits for its account."""
    return one.key == external_ids.subject(one.source, one.site, one.code)
