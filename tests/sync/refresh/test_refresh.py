"""STAGE 2: every claimed event ends fetched, waiting, done or dead; and its account becomes due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import SITE, SOURCE, event, make_ready, one, record, rows, statuses, subject
from sqlalchemy import Engine

from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.ledger import circuit_breakers
from connector.models.events import Event, Pointer, Urgency
from connector.models.facts import BillingObject
from connector.sync.refresh.refresh import MOST_TRIES, UNSEEN_TRIES, Outcome, refresh
from sync.fake_api import FakeApi
from sync.world import account, invoice

HERE = (SOURCE, SITE)
WORLD: list[BillingObject] = [
    account(),
    invoice(),
    account(id="acc2", code="eve"),
    invoice(id="inv2", number="1002", account_code="eve"),
]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(list(WORLD))


def run(engine: Engine, api: FakeApi | None, **how: Any) -> Outcome:
    apis = {HERE: api} if api else {}
    return refresh(engine, apis, lambda: datetime.now(UTC), "w", **how)


def work(engine: Engine, api: FakeApi, times: int) -> None:
    for _ in range(times):
        make_ready(engine)
        run(engine, api)


def the_event(engine: Engine, event_id: str = "n1") -> Any:
    return one(engine, "SELECT * FROM event WHERE event_id = :id", id=event_id)


def due(engine: Engine) -> dict[str, int]:
    """Code → urgency of the accounts that are due."""
    return {r.code: r.urgency for r in rows(engine, "SELECT code, urgency FROM subject WHERE status = 'due'")}


def about_account(code: str, event_id: str, **changed: Any) -> Event:
    return event(event_id, pointers=(Pointer("account", (f"code-{code}",)),), **changed)


# ── what works ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_is_linked_to_its_account_and_makes_it_due(engine: Engine, api: FakeApi) -> None:
    record(engine, event())
    assert run(engine, api) == Outcome(claimed=1, due=1, more=False)
    found = the_event(engine)
    assert (found.status, found.subject, found.lease) == ("fetched", subject(), None)
    assert due(engine) == {"bob": Urgency.FAILURE}


def test_ten_events_of_one_account_make_one_account_due_as_urgently_as_the_most_urgent(
    engine: Engine, api: FakeApi
) -> None:
    events = [event(f"n{number}", urgency=Urgency.ROUTINE) for number in range(9)]
    record(engine, *events, event("dispute", urgency=Urgency.DISPUTE))
    assert run(engine, api) == Outcome(claimed=10, due=1, more=False)
    assert due(engine) == {"bob": Urgency.DISPUTE}


def test_a_full_batch_says_that_there_may_be_more(engine: Engine, api: FakeApi) -> None:
    record(engine, *(event(f"n{number}") for number in range(3)))
    assert run(engine, api, limit=2).more
    assert not run(engine, api, limit=2).more


def test_nothing_pending_is_nothing_done(engine: Engine, api: FakeApi) -> None:
    assert run(engine, api) == Outcome(0, 0, more=False)
    assert api.calls == []


def test_an_account_code_may_hold_any_character(engine: Engine) -> None:
    code = "a:account:b/ü%'"
    record(engine, about_account(code, "n1"))
    run(engine, FakeApi([account(code=code)]))
    assert the_event(engine).subject == subject(code)
    assert due(engine) == {code: Urgency.FAILURE}


def test_each_site_is_asked_for_its_own_events(engine: Engine, api: FakeApi) -> None:
    elsewhere = FakeApi([account(), invoice()])
    record(engine, event("here"), event("there", site="eu1"))
    refresh(engine, {HERE: api, (SOURCE, "eu1"): elsewhere}, lambda: datetime.now(UTC), "w")
    subjects = {row.event_id: row.subject for row in rows(engine, "SELECT event_id, subject FROM event")}
    assert subjects == {"here": subject(), "there": "recurly:eu1:account:bob"}
    assert api.asked("invoice") == elsewhere.asked("invoice") == ["inv1"]


# ── 404 ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_that_was_known_and_is_gone_is_news_for_its_account(engine: Engine, api: FakeApi) -> None:
    record(engine, event("n1"))
    run(engine, api)
    rows(engine, "UPDATE subject SET status = 'idle'")
    api.objects = [account()]
    record(engine, event("n2"))
    run(engine, api)
    assert statuses(engine)["n2"] == "fetched"
    assert due(engine) == {"bob": Urgency.FAILURE}
    assert one(engine, "SELECT gone FROM snapshot WHERE object = 'invoice'").gone


def test_an_object_nobody_knows_is_asked_for_again_and_then_done_with_a_note(
    engine: Engine, api: FakeApi
) -> None:
    record(engine, event("n1", "nowhere"))
    for _ in range(UNSEEN_TRIES - 1):
        run(engine, api)
        assert statuses(engine) == {"n1": "pending"}
        make_ready(engine)
    run(engine, api)
    found = the_event(engine)
    assert (found.status, found.subject) == ("done", None)
    assert "404" in found.note
    assert due(engine) == {}


def test_an_object_that_appears_late_is_found(engine: Engine, api: FakeApi) -> None:
    record(engine, event("n1", "late"))
    run(engine, api)
    api.objects.append(invoice(id="late", number="9"))
    work(engine, api, 1)
    assert statuses(engine) == {"n1": "fetched"}


# ── what does not work ────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_events_of_an_object_that_cannot_be_read_are_dead(engine: Engine, api: FakeApi) -> None:
    record(engine, event("n1", "inv1"), event("n2", "inv2"), event("n3", "inv2"))
    api.errors["invoice", "inv2"] = Permanent("It has no currency. Look at it in Recurly.")
    run(engine, api)
    assert statuses(engine) == {"n1": "fetched", "n2": "dead", "n3": "dead"}
    assert the_event(engine, "n2").error == "It has no currency. Look at it in Recurly."


def test_only_the_events_of_an_object_that_may_be_read_later_wait(engine: Engine, api: FakeApi) -> None:
    record(engine, event("n1", "inv1"), event("n2", "inv2"))
    api.errors["invoice", "inv2"] = Transient("500", retry_after=600)
    run(engine, api)
    assert statuses(engine) == {"n1": "fetched", "n2": "pending"}
    found = the_event(engine, "n2")
    assert (found.tries, found.error) == (1, "500")
    assert found.ready_at > datetime.now(UTC) + timedelta(seconds=300), "the time it named is kept to"
    assert run(engine, api).claimed == 0


def test_only_the_events_of_an_account_that_may_be_read_later_wait(engine: Engine, api: FakeApi) -> None:
    record(engine, event("n1", "inv1"), event("n2", "inv2"))
    api.errors["account", "code-eve"] = Transient("500")
    run(engine, api)
    assert statuses(engine) == {"n1": "fetched", "n2": "pending"}
    assert due(engine) == {"bob": Urgency.FAILURE}
    api.errors.clear()
    work(engine, api, 1)
    assert statuses(engine) == {"n1": "fetched", "n2": "fetched"}


def test_an_event_that_never_works_is_given_up_on_with_the_reason(engine: Engine, api: FakeApi) -> None:
    record(engine, event("n1", "inv2"))
    api.errors["invoice", "inv2"] = Transient("It says 500.")
    work(engine, api, MOST_TRIES - 1)
    assert statuses(engine) == {"n1": "pending"}
    work(engine, api, 1)
    assert the_event(engine).status == "dead"
    assert the_event(engine).error == f"Given up after {MOST_TRIES} tries: It says 500."


def test_a_site_without_an_api_key_makes_dead_letters_that_say_so(engine: Engine) -> None:
    record(engine, event())
    run(engine, None)
    assert the_event(engine).status == "dead"
    assert "recurly:acme" in the_event(engine).error
    assert "API key" in the_event(engine).error


# ── a whole site is out ───────────────────────────────────────────────────────────────────────────────────────


def test_while_a_site_is_out_its_events_wait_and_no_try_is_spent(engine: Engine, api: FakeApi) -> None:
    record(engine, event())
    api.down = Unavailable("recurly:acme", "Recurly is unavailable (503).", code="503")
    work(engine, api, 20)
    found = the_event(engine)
    assert (found.status, found.tries, found.lease) == ("pending", 0, None)
    with engine.connect() as connection:
        assert (
            circuit_breakers.open_circuits(connection)["recurly:acme"].reason
            == "Recurly is unavailable (503)."
        )
    assert len(api.calls) == 1, "nobody asks while its circuit is open"


def test_while_one_site_is_out_the_others_go_on(engine: Engine, api: FakeApi) -> None:
    down = FakeApi(down=Unavailable("recurly:eu1", "503"))
    record(engine, event("here"), event("there", site="eu1"))
    refresh(engine, {HERE: api, (SOURCE, "eu1"): down}, lambda: datetime.now(UTC), "w")
    assert statuses(engine) == {"here": "fetched", "there": "pending"}


def test_when_a_site_answers_again_its_next_outage_starts_with_the_shortest_wait(
    engine: Engine, api: FakeApi
) -> None:
    record(engine, event())
    api.down = Unavailable("recurly:acme", "503")
    for _ in range(4):
        work(engine, api, 1)
        rows(engine, "UPDATE circuit SET open_until = now() - interval '1 second'")
    api.down = None
    work(engine, api, 1)
    assert rows(engine, "SELECT 1 FROM circuit") == []


@pytest.mark.parametrize("error", [Transient("500"), Permanent("not JSON")])
def test_an_answer_that_says_nothing_of_single_objects_counts_for_the_whole_batch(
    engine: Engine, api: FakeApi, error: Exception
) -> None:
    record(engine, event("n1"), event("n2", "inv2"))
    api.down = error
    run(engine, api)
    expected = "pending" if isinstance(error, Transient) else "dead"
    assert statuses(engine) == {"n1": expected, "n2": expected}


def test_a_mistake_in_the_settings_is_left_to_the_job(engine: Engine, api: FakeApi) -> None:
    record(engine, event())
    api.down = SetupError("The key is no key.")
    with pytest.raises(SetupError):
        run(engine, api)


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_past_of_an_account_older_than_the_ledger_is_wanted(engine: Engine) -> None:
    born_before = datetime.now(UTC) - timedelta(days=1)
    born_after = datetime.now(UTC) + timedelta(days=1)
    api = FakeApi(
        [
            account(id="o", code="old", created_at=born_before),
            account(id="y", code="young", created_at=born_after),
            account(id="u", code="unsaid", created_at=None),
        ]
    )
    record(engine, *(about_account(code, code) for code in ("old", "young", "unsaid")))
    run(engine, api)
    found = {row.code: row.history for row in rows(engine, "SELECT code, history FROM subject")}
    assert found == {"old": "wanted", "young": "done", "unsaid": "wanted"}


def test_history_is_decided_once(engine: Engine) -> None:
    api = FakeApi([account(created_at=datetime(2020, 1, 1, tzinfo=UTC))])
    record(engine, about_account("bob", "n1"))
    run(engine, api)
    rows(engine, "UPDATE subject SET history = 'done'")
    record(engine, about_account("bob", "n2"))
    run(engine, api)
    assert one(engine, "SELECT history FROM subject").history == "done"
