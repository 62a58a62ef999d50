"""How far a backfill is survives the process."""

from __future__ import annotations

import json
from collections import Counter

from connector.sync.backfill import Asked, Phase, State
from sync.world import at


def test_the_state_comes_back_as_it_was_kept() -> None:
    state = State(Phase.WRITING, True, cursor="k", accounts=7, left=1, seconds=3.5)
    state.would, state.calls = Counter(changed=3), Counter(recurly=9)
    mark = state.mark(("recurly", "acme"), "invoice")
    mark.until, mark.objects, mark.whole = at(3), 400, True
    state.mark(("recurly", "acme"), "payment")
    assert State.of(json.loads(json.dumps(state.document()))) == state
    assert state.objects() == {"invoice": 400, "payment": 0}


def test_of_nothing_it_is_the_beginning() -> None:
    assert State.of({}) == State()


def test_what_was_asked_for_comes_back_and_tells_whether_it_was_all() -> None:
    all_of_it = Asked((("recurly", "acme"), ("recurly", "eu")))
    some = Asked((("recurly", "acme"),), ("account", "invoice"), at(1))
    for asked in (all_of_it, some):
        assert Asked.of(json.loads(json.dumps(asked.document())), "recurly") == asked
    assert (all_of_it.is_whole, some.is_whole) == (True, False)
