"""How far a backfill is survives the process."""

from __future__ import annotations

import json
from collections import Counter

from connector.sync.backfill import BackfillOptions, Checkpoint, Phase
from connector.sync.refresh import change_feed
from sync.world import at


def test_the_state_comes_back_as_it_was_kept() -> None:
    state = Checkpoint(Phase.WRITING, True, cursor="k", accounts=7, left=1, seconds=3.5)
    state.would, state.calls = Counter(changed=3), Counter(recurly=9)
    mark = state.mark(("recurly", "acme"), "invoice")
    mark.until, mark.objects, mark.complete = at(3), 400, True
    state.mark(("recurly", "acme"), "payment")
    state.past(("recurly", "acme"), "account").complete = True
    state.agreed, state.narrow = True, 8
    assert Checkpoint.of(json.loads(json.dumps(state.document()))) == state
    assert state.objects() == {"invoice": 400, "payment": 0}


def test_of_nothing_it_is_the_beginning() -> None:
    assert Checkpoint.of({}) == Checkpoint()


def test_what_was_asked_for_comes_back_and_tells_whether_it_was_all() -> None:
    all_of_it = BackfillOptions((("recurly", "acme"), ("recurly", "eu")))
    some = BackfillOptions((("recurly", "acme"),), ("account", "invoice"), at(1))
    for asked in (all_of_it, some):
        assert BackfillOptions.of(json.loads(json.dumps(asked.document())), "recurly") == asked
    assert (all_of_it.is_complete, some.is_complete) == (True, False)


def test_a_site_is_whole_when_all_its_kinds_are_read() -> None:
    state, site = Checkpoint(), ("recurly", "acme")
    assert not state.is_begun(site)
    for kind in change_feed.KINDS:
        assert not state.is_complete(site)
        state.past(site, kind).complete = True
        assert state.is_begun(site)
    assert state.is_complete(site)


def test_changes_are_the_records_that_would_be_written() -> None:
    would = Counter({"accounts": 3, "create Account": 2, "update Billing_Invoice__c": 5, "calls": 9})
    assert Checkpoint(would=would).changes() == 7
