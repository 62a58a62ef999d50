"""What the answers of Salesforce mean for one account: done, again, or a dead letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connector.errors import Unavailable
from connector.ledger.attempts import Cause, Mirrored
from connector.ledger.subjects import MOST_TRIES, Claimed
from connector.models.events import Urgency
from connector.models.plan import Change, Plan
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.apply.outcomes import (
    ASTRAY,
    Decision,
    Refused,
    Results,
    Settlement,
    Written,
    settle_early,
    settle_one,
)
from connector.sync.apply.row_diff import Row, row_for
from sync.fake_crm import Org
from sync.world import NOW, SUBJECT, facts

ROW, OTHER = ("Case", "k1"), ("Case", "k2")
MIRROR = {ROW: Mirrored("500A", {"Subject": "old"})}


def row(key: str, *, exists: bool = False) -> Row:
    made = row_for(Change("Case", key, "rule", "why", {"Subject": "new"}), None, exists=exists, org=Org())
    assert made
    return made


def settle(
    results: Results,
    *,
    rows: Sequence[Row] = (row("k1"),),
    tries: int = 1,
    mirror: Any = None,
    read: bool = True,
    failure: str = "",
    relinked: bool = False,
) -> Settlement:
    return settle_one(decision(rows, tries, mirror, read, failure), results, relinked=relinked)


def decision(
    rows: Sequence[Row], tries: int = 1, mirror: Any = None, read: bool = True, failure: str = ""
) -> Decision:
    subject = Claimed(SUBJECT, "recurly", "acme", "bob", Urgency.ROUTINE, 7, tries)
    reading = LoadedFacts(facts(), NOW, (11, 12), mirror or {}) if read else None
    return Decision(subject, reading, Plan(SUBJECT, (), NOW, Urgency.DISPUTE), tuple(rows), failure)


def results(*written: tuple[str, str], out: bool = False, created: bool = True, **refused: bool) -> Results:
    """``refused``: key → whether it may work later."""
    return Results(
        {record: Written("500A", created, row(record[1])) for record in written},
        {("Case", key): Refused("X", f"{key} is refused.", later) for key, later in refused.items()},
        Unavailable("salesforce", "It is out.", code="503") if out else None,
    )


# ── done ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_whose_rows_are_all_written_is_done_with_its_events() -> None:
    made = settle(results(ROW))
    assert (made.outcome, made.settled.status, made.event_ids) == ("applied", "idle", (11, 12))
    assert (made.settled.generation, made.settled.look_again_at) == (7, NOW)
    assert made.settled.look_again_as is Urgency.DISPUTE
    (change,) = made.changes
    assert (change.written, change.salesforce_id, change.mirror) == (True, "500A", {"Subject": "new"})


def test_an_account_that_needs_nothing_is_done_with_its_events() -> None:
    made = settle(results(), rows=())
    assert (made.outcome, made.settled.status, made.event_ids) == ("unchanged", "idle", (11, 12))


def test_an_account_is_as_current_as_its_facts_were_when_they_were_read() -> None:
    """What was learnt while it was written is not in it, and the account must not look settled for that."""
    assert settle(results(ROW)).settled.known_at == NOW


def test_an_account_that_is_partly_sent_waits_for_salesforce() -> None:
    made = settle(results(ROW, out=True), rows=[row("k1"), row("k2")])
    assert (made.outcome, made.event_ids) == ("waiting", ())
    assert made.settled.known_at is None


def test_what_was_refused_before_salesforce_went_away_is_settled_as_refused() -> None:
    made = settle(results(ROW, out=True, k2=False), rows=[row("k1"), row("k2")], tries=2)
    assert made.outcome == "dead"


def test_an_account_that_is_another_record_and_was_written_whole_is_done() -> None:
    made = settle(results(ROW), relinked=True)
    assert (made.outcome, made.forget) == ("applied", False)


def test_a_record_that_was_made_has_not_vanished_where_nobody_thought_it_was_there() -> None:
    made = settle(results(ROW, created=True))
    assert (made.outcome, made.forget, made.changes[0].mirror) == ("applied", False, {"Subject": "new"})


def test_an_account_that_is_tried_again_at_once_is_told_from_one_that_waits() -> None:
    again = settle(vanished(), rows=[partly("k1")], mirror=MIRROR)
    later, out = settle(results(k1=True), tries=3), settle(results(out=True))
    assert [made.at_once for made in (again, later, out, settle(results(ROW)))] == [True, False, False, False]


def test_how_many_records_were_refused_is_told() -> None:
    made = settle(results(OTHER, k1=False), rows=[row("k1"), row("k2")])
    assert (made.refused, settle(results(ROW)).refused) == (1, 0)


def test_where_salesforce_was_asked_what_it_holds_the_mirror_is_not_to_blame() -> None:
    made = settle_one(decision([row("k1")], mirror=MIRROR), results(k1=False), org_read=True)
    assert (made.outcome, made.forget) == ("dead", False)


def test_a_row_that_has_key_conflict_is_not_sent_whole_again() -> None:
    found = Results({}, {ROW: Refused(ASTRAY, "It was written to another.", transient=False)})
    made = settle_one(decision([row("k1")], mirror=MIRROR), found)
    assert (made.outcome, made.forget) == ("dead", False)


def test_what_was_sent_is_mirrored_not_what_was_planned() -> None:
    sent = row_for(Change("Case", "k1", "rule", "why", {}), None, exists=False, org=Org())
    assert sent
    made = settle(Results({ROW: Written("500A", True, sent)}))
    assert made.changes[0].mirror == {}


def test_an_account_with_nothing_left_to_send_is_done_though_salesforce_went_away() -> None:
    assert settle(results(ROW, out=True)).outcome == "applied"
    assert settle(results(out=True), rows=()).outcome == "unchanged"


# ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tries", [1, MOST_TRIES])
def test_while_salesforce_is_out_an_account_waits_and_spends_no_try(tries: int) -> None:
    made = settle(results(out=True), tries=tries)
    assert (made.outcome, made.settled.status, made.settled.spend) == ("waiting", "due", False)
    assert (made.settled.error, made.settled.error_code) == ("It is out.", "503")
    assert (made.changes, made.event_ids) == ((), ())


def test_what_was_written_before_it_went_away_is_known() -> None:
    made = settle(results(ROW, out=True), rows=[row("k1"), row("k2")])
    assert made.outcome == "waiting"
    assert [change.key for change in made.changes] == ["k1"]
    assert made.changes[0].mirror == {"Subject": "new"}


def test_an_account_that_could_not_be_read_waits() -> None:
    assert settle(results(out=True), rows=(), read=False).outcome == "waiting"


# ── refused ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_may_work_later_is_tried_again() -> None:
    made = settle(results(k1=True), tries=3)
    assert (made.outcome, made.settled.status, made.settled.spend) == ("retry", "due", True)
    assert made.settled.wait > 0
    assert (made.settled.error, made.settled.error_code) == ("k1 is refused.", "X")
    assert made.event_ids == ()


def test_what_never_works_later_is_given_up_on_in_the_end() -> None:
    assert settle(results(k1=True), tries=MOST_TRIES - 1).outcome == "retry"
    assert settle(results(k1=True), tries=MOST_TRIES).outcome == "dead"


def test_what_can_never_work_is_a_dead_letter_that_says_why() -> None:
    made = settle(results(k1=False))
    assert (made.outcome, made.settled.status, made.settled.error) == ("dead", "dead", "k1 is refused.")
    assert made.event_ids == (), "its events stay on the account, for when it is mended"


def test_of_several_refusals_the_one_that_no_retry_mends_decides() -> None:
    made = settle(results(k1=True, k2=False), rows=[row("k1"), row("k2")])
    assert (made.outcome, made.settled.error) == ("dead", "k2 is refused.")


def test_a_refused_and_a_written_row_are_both_told() -> None:
    made = settle(results(OTHER, k1=False), rows=[row("k1"), row("k2")])
    assert [(c.key, c.written, c.error, c.mirror) for c in made.changes] == [
        ("k1", False, "k1 is refused.", None),
        ("k2", True, "", {"Subject": "new"}),
    ]


# A row may be refused only because a record it rests on was deleted in Salesforce.


def test_a_first_refusal_of_an_account_that_is_partly_known_is_tried_once_more_with_everything() -> None:
    made = settle(results(OTHER, k1=False), rows=[row("k1"), row("k2")], mirror=MIRROR)
    assert (made.outcome, made.settled.status, made.settled.wait, made.forget) == ("retry", "due", 0.0, True)
    assert [change.mirror for change in made.changes] == [None, None], "a forgotten mirror stays forgotten"


def test_that_holds_where_only_the_parent_is_known_and_the_refused_row_is_new() -> None:
    mirror = {("Account", "a"): Mirrored("001", {})}
    assert settle(results(k1=False), mirror=mirror).forget


@pytest.mark.parametrize(("tries", "mirror"), [(2, MIRROR), (1, {})])
def test_with_everything_sent_a_refusal_is_final(tries: int, mirror: Any) -> None:
    made = settle(results(k1=False), tries=tries, mirror=mirror)
    assert (made.outcome, made.forget) == ("dead", False)


def test_a_record_that_had_vanished_makes_all_of_the_account_be_written_again() -> None:
    made = settle(vanished(), rows=[partly("k1")], mirror=MIRROR)
    assert (made.outcome, made.settled.status, made.forget) == ("retry", "due", True)
    assert made.settled.error_code == "RECORD_VANISHED"


def test_a_record_that_was_there_has_not_vanished() -> None:
    assert settle(results(ROW, created=False), rows=[row("k1", exists=True)]).outcome == "applied"


def partly(key: str) -> Row:
    """A row that sends one field of the two that its record has."""
    change = Change("Case", key, "rule", "why", {"Subject": "new", "State__c": "open"})
    made = row_for(change, Mirrored("500A", {"Subject": "old", "State__c": "open"}), exists=True, org=Org())
    assert made
    return made


def vanished(**refused: bool) -> Results:
    """The record of the first was gone: what was sent made a new one."""
    found = results(**refused)
    found.written[ROW] = Written("500A", True, partly("k1"))
    return found


def test_of_a_record_that_had_vanished_only_what_was_sent_is_known() -> None:
    made = settle(vanished(k2=False), rows=[partly("k1"), row("k2")], tries=2)
    assert (made.outcome, made.changes[0].mirror) == ("dead", {"Subject": "new"})


def test_what_a_transition_sent_is_not_called_known_of_it() -> None:
    change = Change("Case", "k1", "rule", "why", {"Subject": "new"}, transition_fields={"Status": "Open"})
    moved = row_for(change, None, exists=True, org=Org())
    assert moved
    found = Results({ROW: Written("500A", True, moved)}, {OTHER: Refused("X", "No.", transient=False)})
    assert settle(found, rows=[moved, row("k2")], tries=2).changes[0].mirror == {"Subject": "new"}


def test_an_account_with_such_a_record_is_written_whole_also_if_it_is_not_over() -> None:
    rows = [partly("k1"), row("k2")]
    gone = settle_early(decision(rows), vanished())
    found = vanished()
    found.unavailable = Unavailable("salesforce", "It is out.")
    for made in (gone, settle(found, rows=rows), settle(vanished(k2=True), rows=rows, tries=2)):
        assert made.forget
        assert [change.mirror for change in made.changes if change.written] == [None]


# What was written to another record is put right by what was last written to both.


def astray() -> Results:
    found = vanished()
    found.refused[OTHER] = Refused(ASTRAY, "It was written to another.", transient=False)
    return found


def test_where_a_row_has_key_conflict_nothing_is_forgotten() -> None:
    rows = [partly("k1"), row("k2")]
    out = astray()
    out.unavailable = Unavailable("salesforce", "It is out.")
    assert not settle_early(decision(rows), astray()).forget
    assert not settle(astray(), rows=rows, relinked=True).forget
    assert not settle(out, rows=[*rows, row("k3")]).forget


def test_an_account_that_is_another_record_is_written_whole_to_that_one() -> None:
    assert settle(results(k1=False), relinked=True).forget


# ── failed ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("out", [False, True])
def test_an_account_whose_facts_a_rule_cannot_decide_is_a_dead_letter(out: bool) -> None:
    made = settle(results(out=out), rows=(), failure="A rule failed.")
    assert (made.outcome, made.settled.error, made.settled.error_code) == (
        "dead",
        "A rule failed.",
        "RULE_FAILED",
    )


def test_an_attempt_tells_who_and_when_and_what() -> None:
    attempt = settle(results(ROW)).attempt(Cause("resync", "Ann"), NOW, NOW)
    assert (attempt.subject, attempt.cause, attempt.outcome) == (SUBJECT, Cause("resync", "Ann"), "applied")
    assert (attempt.started_at, attempt.ended_at, attempt.event_ids) == (NOW, NOW, (11, 12))
