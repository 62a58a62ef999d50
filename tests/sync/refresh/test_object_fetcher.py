"""What events point to, and what belongs to it, is known after as few calls as possible."""

from __future__ import annotations

import pytest
from samples import SITE, SOURCE, event, make_ready, record, rows, subject
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import events, snapshots
from connector.models.events import Event, Pointer
from connector.models.facts import BillingObject
from connector.sync.refresh.object_fetcher import Failures, Fetcher
from sync.fake_api import FakeApi
from sync.world import account, invoice, payment, subscription

WORLD: list[BillingObject] = [
    account(),
    subscription(),
    invoice(subscription_ids=("sub1",)),
    payment(),
    account(id="acc2", code="eve"),
    invoice(id="inv2", number="1002", account_code="eve"),
]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(list(WORLD))


def fetch(engine: Engine, api: FakeApi, *given: Event) -> Failures:
    """Record these events, claim all that waits, fetch."""
    record(engine, *given)
    return refetch(engine, api)


def refetch(engine: Engine, api: FakeApi) -> Failures:
    make_ready(engine)
    with engine.begin() as connection:
        claimed = events.claim(connection, "w:1", 1000)
    return Fetcher(engine, SOURCE, SITE, api).fetch(claimed)


def known(engine: Engine, *codes: str) -> set[str]:
    """The objects the ledger knows of these accounts."""
    with engine.connect() as connection:
        found = snapshots.load(connection, [subject(code) for code in codes])
    return {f"{one.value.object} {one.value.id}" for some in found.values() for one in some}


def about(object_: str, *refs: str, event_id: str = "n1") -> Event:
    return event(event_id, pointers=(Pointer(object_, refs),))


# ── the circle is closed ──────────────────────────────────────────────────────────────────────────────────────


def test_a_payment_brings_its_invoice_the_invoices_subscriptions_and_the_account(
    engine: Engine, api: FakeApi
) -> None:
    assert fetch(engine, api, about("payment", "pay1")) == {}
    assert known(engine, "bob") == {"payment pay1", "invoice inv1", "subscription sub1", "account acc1"}
    assert len(api.calls) == 4


def test_what_belongs_to_an_object_is_asked_for_by_its_id_where_that_is_known(engine: Engine) -> None:
    api = FakeApi([account(), invoice(account_id="acc1")])
    fetch(engine, api, about("invoice", "inv1"))
    assert api.calls == [("invoice", (("inv1",),)), ("account", (("acc1", "code-bob"),))]


def test_an_account_needs_nothing_else(engine: Engine, api: FakeApi) -> None:
    fetch(engine, api, about("account", "code-bob"))
    assert api.calls == [("account", (("code-bob",),))]


def test_a_known_subscription_is_not_fetched_for_its_invoice(engine: Engine, api: FakeApi) -> None:
    fetch(engine, api, about("subscription", "sub1"))
    api.calls.clear()
    fetch(engine, api, about("invoice", "inv1", event_id="n2"))
    assert api.asked("subscription") == []


# ── one place in one list ─────────────────────────────────────────────────────────────────────────────────────


def test_ten_events_about_one_invoice_are_one_place_in_one_list(engine: Engine, api: FakeApi) -> None:
    fetch(engine, api, *(about("invoice", "inv1", event_id=f"n{number}") for number in range(10)))
    assert api.asked("invoice") == ["inv1"]
    assert api.asked("account") == ["code-bob"]


def test_the_objects_of_many_events_are_asked_for_in_one_call_for_each_kind(engine: Engine) -> None:
    people = [account(id=f"a{n}", code=f"c{n}") for n in range(30)]
    bills = [invoice(id=f"i{n}", number=f"{n}", account_code=f"c{n}", account_id=f"a{n}") for n in range(30)]
    api = FakeApi([*people, *bills])
    fetch(engine, api, *(about("invoice", f"i{n}", event_id=f"n{n}") for n in range(30)))
    assert [(kind, len(refs)) for kind, refs in api.calls] == [("invoice", 30), ("account", 30)]


def test_an_object_fetched_since_the_event_arrived_is_not_fetched_again(engine: Engine, api: FakeApi) -> None:
    record(engine, about("invoice", "inv1"), about("invoice", "number-1001", event_id="n2"))
    refetch(engine, api)
    api.calls.clear()
    refetch(engine, api)
    assert api.calls == []


def test_an_object_fetched_before_the_event_arrived_is_fetched_again_by_its_id(
    engine: Engine, api: FakeApi
) -> None:
    fetch(engine, api, about("invoice", "inv1"))
    rows(engine, "DELETE FROM event")
    api.calls.clear()
    fetch(engine, api, about("invoice", "number-1001", event_id="n2"))
    assert api.calls == [
        ("invoice", (("inv1", "number-1001"),)),
        ("account", (("acc1", "code-bob"),)),
    ]


def test_an_object_that_changes_while_it_is_fetched_is_fetched_for_the_event_about_that(
    engine: Engine, api: FakeApi
) -> None:
    def meanwhile() -> None:
        api.meanwhile = lambda: None
        record(engine, about("invoice", "inv1", event_id="n2"))

    api.meanwhile = meanwhile
    fetch(engine, api, about("invoice", "inv1"))
    refetch(engine, api)
    assert api.asked("invoice") == ["inv1", "inv1"]


def test_an_account_is_as_fresh_as_the_newest_event_about_what_belongs_to_it(
    engine: Engine, api: FakeApi
) -> None:
    """However old the other events of the batch are."""
    record(engine, about("invoice", "inv2", event_id="an old one of eve's"))
    rows(engine, "UPDATE event SET hinted_at = now() - interval '1 hour'")
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), [account(company="Old")])
    api.replace(account(company="New"))
    fetch(engine, api, about("invoice", "inv1", event_id="a new one of bob's"))
    with engine.connect() as connection:
        companies = {
            one.value.company  # type: ignore[union-attr]
            for one in snapshots.load(connection, [subject("bob")])[subject("bob")]
            if one.value.object == "account"
        }
    assert companies == {"New"}


# ── what cannot be read ───────────────────────────────────────────────────────────────────────────────────────


def test_an_object_that_cannot_be_read_does_not_hold_back_the_others(engine: Engine, api: FakeApi) -> None:
    refused = Permanent("It has no currency.")
    api.errors["invoice", "inv2"] = refused
    failures = fetch(engine, api, about("invoice", "inv1"), about("invoice", "inv2", event_id="n2"))
    assert failures == {("invoice", "inv2"): refused}
    assert known(engine, "bob") >= {"invoice inv1", "account acc1"}


@pytest.mark.parametrize(
    ("kind", "ref"), [("account", "code-bob"), ("invoice", "inv1"), ("subscription", "sub1")]
)
def test_what_belongs_to_an_account_and_cannot_be_read_now_is_the_trouble_of_that_account(
    engine: Engine, api: FakeApi, kind: str, ref: str
) -> None:
    later = Transient("500")
    api.errors[kind, ref] = later
    failures = fetch(engine, api, about("payment", "pay1"), about("invoice", "inv2", event_id="n2"))
    assert failures["account", "code-bob"] is later
    assert ("account", "code-eve") not in failures
    assert known(engine, "eve") == {"invoice inv2", "account acc2"}


@pytest.mark.parametrize(
    ("kind", "ref"), [("account", "code-bob"), ("invoice", "inv1"), ("subscription", "sub1")]
)
def test_what_was_missed_is_fetched_when_the_event_comes_back(
    engine: Engine, api: FakeApi, kind: str, ref: str
) -> None:
    """Though the object it points to is known by then."""
    api.errors[kind, ref] = Transient("500")
    fetch(engine, api, about("payment", "pay1"))
    api.errors.clear()
    assert refetch(engine, api) == {}
    assert known(engine, "bob") == {"payment pay1", "invoice inv1", "subscription sub1", "account acc1"}


def test_what_was_not_reached_before_a_crash_is_fetched_by_the_next_worker(
    engine: Engine, api: FakeApi
) -> None:
    def crash() -> None:
        if api.calls[-1][0] == "account":
            raise MemoryError

    api.meanwhile = crash
    with pytest.raises(MemoryError):
        fetch(engine, api, about("invoice", "inv1"))
    assert known(engine, "bob") == {"invoice inv1"}
    api.meanwhile = lambda: None
    refetch(engine, api)
    assert known(engine, "bob") == {"invoice inv1", "account acc1", "subscription sub1"}


def test_a_site_that_cannot_be_asked_at_all_is_told_as_it_is(engine: Engine, api: FakeApi) -> None:
    api.down = Unavailable("recurly:acme", "503")
    with pytest.raises(Unavailable):
        fetch(engine, api, about("invoice", "inv1"))


# ── gone ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_that_is_no_longer_there_is_gone_not_an_error(engine: Engine, api: FakeApi) -> None:
    fetch(engine, api, about("invoice", "inv1"))
    api.objects = [account()]
    assert fetch(engine, api, about("invoice", "number-1001", event_id="n2")) == {}
    with engine.connect() as connection:
        found = snapshots.load(connection, [subject("bob")])[subject("bob")]
    assert {one.value.object: one.gone for one in found} == {
        "account": False,
        "invoice": True,
        "subscription": False,
    }
