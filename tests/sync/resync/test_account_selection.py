"""Which accounts a person means, and that their facts are fetched anew by as few calls as that takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.ledger import snapshots, subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.sync.resync import account_fetch
from connector.sync.resync.account_fetch import AccountFetcher, is_cheaper_one_by_one, no_key, pages_of
from connector.sync.resync.account_selection import Choice, gather
from sync.fake_api import FakeApi
from sync.world import account, at, invoice

HERE = (SOURCE, SITE)
ABROAD = (SOURCE, "eu")


def customer(code: str, day: int = 1, **changed: Any) -> Any:
    return account(id=f"acc-{code}", code=code, updated_at=at(day), **changed)


def bill(code: str, day: int, **changed: Any) -> Any:
    return invoice(
        id=f"inv-{code}",
        number=f"9{code}",
        account_code=code,
        updated_at=at(day),
        **{"state": "paid"} | changed,
    )


@pytest.fixture
def api() -> FakeApi:
    """Ann changed on the 1st, Bob on the 3rd by an invoice, Eve, who owes, on the 9th."""
    return FakeApi(
        [customer("ann"), customer("bob"), customer("eve"), bill("bob", 3), bill("eve", 9, state="past_due")]
    )


class Desk:
    """A reader that remembers what it was told, and how long it waited."""

    def __init__(self, engine: Engine, **apis: FakeApi) -> None:
        self.engine = engine
        self.told: list[tuple[int, int | None]] = []
        self.waited: list[float] = []
        sites = {(SOURCE, name): api for name, api in apis.items()}
        self.reader = AccountFetcher(engine, sites, self._tell, self.waited.append)

    def gather(self, *sites: account_fetch.Site, **said: Any) -> list[str]:
        """The codes that were chosen; of what is no account the whole key."""
        found = gather(self.engine, self.reader, Choice(sites or (HERE,), **said))
        return [external_ids.account_of(one.key)[2] or one.key for one in found]

    def _tell(self, done: int, note: str = "", *, total: int | None = None) -> None:
        self.told.append((done, total))


@pytest.fixture
def desk(engine: Engine, api: FakeApi) -> Desk:
    return Desk(engine, acme=api)


def singly(api: FakeApi) -> list[str]:
    """The accounts that were fetched one by one."""
    return [code.removeprefix("code-") for code in api.asked("account")]


def feed_calls(api: FakeApi) -> int:
    return sum(kind.startswith("changed ") for kind, _ in api.calls)


def known(engine: Engine, *wanted: Due, history: str = "unknown") -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, wanted)
    rows(engine, "UPDATE subject SET status = 'idle', history = :history", history=history)


def stored(engine: Engine, objects: Sequence[Any]) -> None:
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), objects)


# ── named ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_named_is_fetched_alone_in_that_order(desk: Desk, api: FakeApi, engine: Engine) -> None:
    assert desk.gather(named=(due("eve"), due("ann"))) == ["eve", "ann"]
    assert (singly(api), feed_calls(api)) == (["eve", "ann"], 0)
    assert one(engine, "SELECT count(*) AS n FROM snapshot").n == 3
    assert rows(engine, "SELECT 1 FROM subject") == [], "looking makes nobody due"
    assert desk.told[-1] == (10, 10)


def test_what_cannot_be_fetched_is_a_trouble_of_its_own(desk: Desk, api: FakeApi) -> None:
    api.errors["invoice", "inv-bob"] = Transient("Recurly answered 500.")
    assert desk.gather(named=(due("bob"), due("eve"))) == ["bob", "eve"]
    assert desk.reader.troubles == {subject("bob"): "Recurly answered 500."}


def test_a_site_without_a_key_is_a_trouble_of_its_accounts(desk: Desk) -> None:
    abroad = Due(external_ids.subject(*ABROAD, "kim"), *ABROAD, "kim", Urgency.ROUTINE)
    desk.gather(named=(abroad, due("ann")))
    assert desk.reader.troubles == {abroad.key: no_key(ABROAD)}


def test_what_is_no_account_has_nothing_to_fetch(desk: Desk, api: FakeApi) -> None:
    payee = Due("stripe:payee:p1", "stripe", "", "payee:p1", Urgency.ROUTINE)
    assert desk.gather(named=(payee,)) == [payee.key]
    assert api.calls == []


def test_conditions_narrow_what_is_named(desk: Desk, api: FakeApi, engine: Engine) -> None:
    stored(engine, api.objects)
    assert desk.gather(named=(due("bob"), due("eve")), state="past_due") == ["eve"]
    assert desk.gather(named=(due("bob"), due("eve")), rule="payment_failed") == []


# ── by what the ledger knows ──────────────────────────────────────────────────────────────────────────────────


def test_a_state_is_what_the_ledger_knows_and_is_then_fetched(
    desk: Desk, api: FakeApi, engine: Engine
) -> None:
    stored(engine, api.objects)
    known(engine, due("ann"), due("eve"))
    api.replace(bill("eve", 10))
    assert desk.gather(state="past_due") == ["eve"], (
        "though she has paid meanwhile: that is what is to be written"
    )
    assert singly(api) == ["eve"]


# ── by the change feed ────────────────────────────────────────────────────────────────────────────────────────


def test_since_is_who_changed_or_owns_what_changed(desk: Desk, api: FakeApi, engine: Engine) -> None:
    known(engine, due("ann"), due("bob"), due("eve"), history="done")
    assert desk.gather(since=at(3)) == ["bob", "eve"]
    assert singly(api) == [], "what changed is known by the feed"
    assert desk.gather(since=at(3), named=(due("ann"), due("eve"))) == ["eve"]
    assert desk.gather(since=at(3), state="past_due") == ["eve"], "as the feed says now"


def test_of_what_changed_the_accounts_without_a_past_are_fetched_whole(
    desk: Desk, api: FakeApi, engine: Engine
) -> None:
    known(engine, due("bob"), history="done")
    assert desk.gather(since=at(3)) == ["bob", "eve"]
    assert singly(api) == ["eve"]


def test_everything_is_what_the_feed_lists_and_what_the_ledger_knows_beside_it(
    desk: Desk, api: FakeApi, engine: Engine
) -> None:
    payee = Due("stripe:payee:p1", "stripe", "", "payee:p1", Urgency.ROUTINE)
    known(engine, due("ann"), due("zoe"), payee)
    stored(engine, [customer("zoe")])
    assert desk.gather(everything=True) == ["ann", "bob", "eve", "zoe", payee.key]
    assert singly(api) == ["zoe"], "who is not listed may be gone"
    assert one(engine, "SELECT gone FROM snapshot WHERE id = 'acc-zoe'").gone
    assert one(engine, "SELECT history FROM subject WHERE code = 'ann'").history == "done"
    assert desk.gather(everything=True, state="past_due") == ["eve"], "though she was never due"


def test_everything_of_one_site_leaves_the_others_alone(engine: Engine, api: FakeApi) -> None:
    desk = Desk(engine, acme=api, eu=FakeApi([customer("kim")]))
    assert desk.gather(HERE, ABROAD, everything=True) == ["ann", "bob", "eve", "kim"]
    assert desk.gather(ABROAD, everything=True, site="eu") == ["kim"]


def test_a_feed_without_a_key_says_which_to_set(desk: Desk) -> None:
    with pytest.raises(SetupError, match="RECURLY_API_KEY"):
        desk.gather(ABROAD, everything=True)


# ── the cheaper way ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("accounts", "invoices", "singly"),
    [(1, 0, True), (200, 0, True), (201, 0, False), (201, 190_000, False), (201, 201_000, True)],
)
def test_few_are_fetched_one_by_one_and_of_many_the_calls_are_counted(
    accounts: int, invoices: int, singly: bool
) -> None:
    assert is_cheaper_one_by_one(accounts, {"invoice": invoices}) is singly


def test_a_page_of_each_kind_is_read_at_least() -> None:
    assert pages_of({}) == 5
    assert pages_of({"account": 201, "invoice": 200, "dispute": 10_000}) == 6


def test_many_that_are_named_are_read_by_the_feed_and_those_it_lacks_alone(
    desk: Desk, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_fetch, "FEW", 2)
    assert desk.gather(named=(due("ann"), due("eve"), due("zoe"))) == ["ann", "eve", "zoe"]
    assert singly(api) == ["zoe"]
    assert feed_calls(api) == 3


# ── a source that is away ─────────────────────────────────────────────────────────────────────────────────────


def away_for(api: FakeApi, calls: int, seconds: float | None = 7.0) -> None:
    """The next calls find no one; what was asked before stays answered."""
    left = [calls]

    def meanwhile() -> None:
        api.down = Unavailable("recurly:acme", "No calls left.", retry_after=seconds) if left[0] > 0 else None
        left[0] -= 1

    api.meanwhile = meanwhile


def test_a_source_that_is_away_is_waited_for(desk: Desk, api: FakeApi) -> None:
    away_for(api, 2)
    assert desk.gather(everything=True) == ["ann", "bob", "eve"]
    assert desk.waited == [7.0, 7.0]
    away_for(api, 1, seconds=None)
    assert desk.gather(named=(due("ann"),)) == ["ann"]
    assert desk.waited == [7.0, 7.0, 30.0]
    assert desk.reader.troubles == {}


@pytest.mark.parametrize("said", [{"everything": True}, {"named": (due("ann"),)}])
def test_but_not_for_ever(desk: Desk, api: FakeApi, said: dict[str, Any]) -> None:
    away_for(api, 100)
    with pytest.raises(Unavailable):
        desk.gather(**said)
    assert len(desk.waited) == account_fetch.MOST_WAITS


def test_a_walk_goes_on_where_it_was(desk: Desk, engine: Engine) -> None:
    """The second page of accounts finds nobody at first: the first is not read again from the beginning."""
    api = FakeApi([customer(f"c{day:02}", day) for day in range(1, 9)])
    desk = Desk(engine, acme=api)
    asked: list[datetime | None] = []
    changed = api.changed

    def watched(kind: str, since: datetime | None) -> Any:
        asked.append(since)
        return changed(kind, since)

    api.changed = watched  # type: ignore[method-assign]
    calls = [0]

    def meanwhile() -> None:
        calls[0] += 1
        api.down = Unavailable("recurly:acme", "away", retry_after=1.0) if calls[0] == 3 else None

    api.meanwhile = meanwhile
    assert len(desk.gather(everything=True)) == 8
    assert asked[:2] == [None, at(4)]


def test_what_cannot_be_read_at_all_ends_it(desk: Desk, api: FakeApi) -> None:
    api.down = Permanent("The key is refused.")
    with pytest.raises(Permanent):
        desk.gather(everything=True)
