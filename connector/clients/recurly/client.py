"""Fetches what events point to, in as few calls as the API allows, and answers with facts.

Plain ids go in lists of 200 (``ids=`` may stand beside no other parameter, not even ``limit``; unknown ids
are left out in silence). What a list leaves out, and what is only known by its code, uuid or number, is asked
for one by one, trying its references in order. Credit payments have no ``ids=`` list.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from connector.clients.errors import NotFound
from connector.clients.recurly import errors
from connector.clients.recurly.rate_limit import BudgetSnapshot, RateBudget
from connector.clients.recurly.results import Failed, Fetched, UnreadableItem, merged, translated
from connector.clients.recurly.transport import Endpoint, Transport, TransportPool
from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.models.facts import DeletedObject

IDS_IN_A_LIST: Final = 200
_GET: Final = {
    "account": "get_account",
    "subscription": "get_subscription",
    "invoice": "get_invoice",
    "payment": "get_transaction",
    "credit_payment": "get_credit_payment",
}
_LIST: Final = {
    "account": "list_accounts",
    "subscription": "list_subscriptions",
    "invoice": "list_invoices",
    "payment": "list_transactions",
    "credit_payment": "list_credit_payments",
}
_BY_IDS: Final = frozenset(_LIST) - {"credit_payment"}
_LIST_OF_ACCOUNT: Final = {
    "subscription": "list_account_subscriptions",
    "payment": "list_account_transactions",
    "credit_payment": "list_account_credit_payments",
    "invoice": "list_account_invoices",  # last: what it embeds yields to what was listed itself
}
_BY_CHANGE: Final = {"sort": "updated_at"}
"""``begin_time`` is about the field that is sorted by, which is ``created_at`` where none is named."""
_PAGES: Final = {"limit": 200, **_BY_CHANGE, "order": "asc"}
"""Ascending by updated_at: in any other order rows that change while we page can be missed."""

Refs = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecurlyConfig:
    """One site. ``api_url`` overrides ``region``. ``threads``: calls side by side. ``reserve``: the share of
    the rate limit left to others. ``max_wait``: seconds a call may wait for its turn. ``yields``: the reserve is not
    even touched where calls are short."""

    site: str
    api_key: str = field(repr=False)
    region: str = "us"
    api_url: str | None = None
    timeout: float = 10.0
    threads: int = 4
    reserve: float = 0.1
    max_wait: float = 5.0
    yields: bool = False


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list's answer and what it left out, still to be asked for singly."""

    fetched: Fetched
    left_out: tuple[Refs, ...] = ()


class RecurlyClient:
    """Safe between threads and after a fork. Raises Unavailable when the whole site cannot be asked."""

    def __init__(
        self,
        config: RecurlyConfig,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not config.api_key or not config.api_key.isascii():
            raise SetupError(f"RECURLY_API_KEY of site {config.site} is empty or not plain text.")
        self._site = config.site
        self._threads = config.threads
        self._budget = RateBudget(
            f"recurly:{config.site}",
            clock=clock,
            sleep=sleep,
            reserve=config.reserve,
            max_wait=config.max_wait,
            yields=config.yields,
        )
        endpoint = Endpoint.of(config.region, config.api_url)
        connect = partial(endpoint.connection, config.timeout)
        self._transports = TransportPool(
            lambda: Transport(config.site, config.api_key, connect, self._budget, self._count)
        )
        self._calls = 0
        self._counting = threading.Lock()

    @property
    def calls(self) -> int:
        """Requests sent so far, repeated ones included."""
        return self._calls

    @property
    def budget(self) -> BudgetSnapshot:
        """The remaining rate limit of the site, as last reported."""
        return self._budget.snapshot()

    def close(self) -> None:
        """Close idle connections. The client may be used again."""
        self._transports.close()

    def check(self) -> None:
        """One cheap call that fails as every other would."""
        with self._transports.one() as wire:
            wire.list_accounts(params={"limit": 1}).take(1)

    @property
    def api_version(self) -> str:
        """The version of Recurly's API that is spoken."""
        with self._transports.one() as wire:
            return str(wire.api_version())

    def sites(self) -> tuple[str, ...]:
        """The subdomains of the sites that the key reads: one, as a rule."""
        with self._transports.one() as wire:
            return tuple(str(site.subdomain) for site in _all_pages(wire.list_sites()))

    def fetch(self, kind: str, refs_list: Sequence[Refs]) -> Fetched:
        """The objects behind the references. All references answer 404 → ``Gone`` under the first of them."""
        wanted = _once(refs_list)
        by_id = _by_plain_id(wanted) if kind in _BY_IDS else {}
        singly = [refs for refs in wanted if refs not in set(by_id.values())]
        tasks = [partial(self._list_by_ids, kind, chunk) for chunk in _chunks(by_id)]
        tasks += [partial(self._ask_singly, kind, refs) for refs in singly]
        first = self._side_by_side(tasks)
        again = [partial(self._single, kind, refs) for answer in first for refs in answer.left_out]
        return merged([answer.fetched for answer in first] + self._side_by_side(again))

    def changed(self, kind: str, since: datetime | None = None) -> Iterator[Fetched]:
        """Everything of one kind that changed since then, or ever, oldest change first, 200 at a time. An object that
        cannot be read fails alone: reading continues after it."""
        asked = {**_PAGES, **({"begin_time": since} if since else {})}
        with self._transports.one() as wire:
            for page in _pages(getattr(wire, _LIST[kind])(params=asked)):
                yield translated(kind, page)

    def count(self, kind: str, since: datetime | None = None) -> int:
        """How many objects of a kind changed since then, or there are: one call."""
        asked = {**_BY_CHANGE, "begin_time": since} if since else {}
        with self._transports.one() as wire:
            return int(getattr(wire, _LIST[kind])(params=asked).count())

    def history(self, code: str) -> Fetched:
        """An account by its code with everything it ever had, for a full resync."""
        ref = f"code-{code}"
        account = self._single("account", (ref,))
        if not account.found:
            return account
        tasks = [partial(self._list_of_account, kind, ref) for kind in _LIST_OF_ACCOUNT]
        try:
            return merged([account, *self._side_by_side(tasks)])
        except NotFound:
            return Fetched(gone=(DeletedObject("account", ref),))

    def _list_by_ids(self, kind: str, chunk: Mapping[str, Refs]) -> _Listed:
        """If the list is refused its members are asked for singly, so that one that cannot be read does not
        hold back the others."""
        try:
            with self._transports.one() as wire:
                resources = _all_pages(getattr(wire, _LIST[kind])(params={"ids": list(chunk)}))
        except Unavailable:
            raise
        except Transient as error:
            return _Listed(Fetched(failed=tuple(Failed(kind, refs, error) for refs in chunk.values())))
        except (Permanent, NotFound):
            return _Listed(Fetched(), tuple(chunk.values()))
        read = [resource for resource in resources if not isinstance(resource, UnreadableItem)]
        seen = {str(getattr(resource, "id", "")) for resource in read}
        left_out = tuple(refs for plain, refs in chunk.items() if plain not in seen)
        return _Listed(translated(kind, read), left_out)

    def _ask_singly(self, kind: str, refs: Refs) -> _Listed:
        return _Listed(self._single(kind, refs))

    def _single(self, kind: str, refs: Refs) -> Fetched:
        for ref in refs:
            try:
                with self._transports.one() as wire:
                    return translated(kind, [getattr(wire, _GET[kind])(ref)], refs)
            except NotFound:
                continue
            except Unavailable:
                raise
            except (Transient, Permanent) as error:
                return Fetched(failed=(Failed(kind, refs, error),))
        return Fetched(gone=(DeletedObject(kind, refs[0]),))

    def _list_of_account(self, kind: str, ref: str) -> Fetched:
        with self._transports.one() as wire:
            return translated(
                kind, _all_pages(getattr(wire, _LIST_OF_ACCOUNT[kind])(ref, params=dict(_PAGES)))
            )

    def _side_by_side(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """All results in order, or the first error once the calls under way have ended."""
        if len(tasks) <= 1:
            return [task() for task in tasks]
        with ThreadPoolExecutor(min(self._threads, len(tasks)), f"recurly-{self._site}") as pool:
            futures = [pool.submit(task) for task in tasks]
            try:
                return [future.result() for future in futures]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _count(self) -> None:
        with self._counting:
            self._calls += 1


def _all_pages(pager: Any) -> list[Any]:
    return [item for page in _pages(pager) for item in page]


def _pages(pager: Any) -> Iterator[list[Any]]:
    """Page by page, following ``next`` as it is; the client's own item iterator stops at an empty page."""
    pages = pager.pages()
    while True:
        try:
            page = next(pages, None)
        except AttributeError as error:
            raise errors.not_a_list() from error
        if page is None:
            return
        yield page


def _once(refs_list: Sequence[Refs]) -> list[Refs]:
    """Each object once: references are the same object's if their first forms agree."""
    first: dict[str, Refs] = {}
    for refs in refs_list:
        if refs:
            first[refs[0]] = tuple(dict.fromkeys(first.get(refs[0], ()) + refs))
    return list(first.values())


def _by_plain_id(wanted: Sequence[Refs]) -> dict[str, Refs]:
    """References that can be fetched in a list. A single one is fetched directly, as its 404 shows at once that it is
    gone."""
    plain = {refs[0]: refs for refs in wanted if refs[0].isascii() and refs[0].isalnum()}
    return plain if len(plain) > 1 else {}


def _chunks(by_id: Mapping[str, Refs]) -> Iterator[dict[str, Refs]]:
    items = iter(by_id.items())
    while chunk := dict(islice(items, IDS_IN_A_LIST)):
        yield chunk
