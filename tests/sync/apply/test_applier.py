"""STAGES 3 and 4 together: what is due is decided and written once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import SITE, SOURCE, due, event, make_ready, one, record, rows, statuses, subject
from sqlalchemy import Engine
from structlog.testing import capture_logs

from connector.errors import CasewireError, Permanent, SetupError, Transient, Unavailable
from connector.ledger import circuit_breakers, snapshots, subjects
from connector.ledger.attempts import Cause
from connector.ledger.subjects import MOST_TRIES
from connector.mappers import fields
from connector.models.facts import Facts
from connector.models.plan import Change, Parent, Plan, Transition
from connector.sync.apply.applier import Applier, Outcome
from sync.fake_crm import FakeCrm, Org
from sync.world import account, invoice, paid_invoice

BOB = subject("bob")
OUT = Unavailable("salesforce", "Salesforce is unavailable (503).", code="503")


def decide(facts: Facts) -> Plan:
    """An account, a case for each invoice that is or was past due, and a timeline row for each new event."""
    if facts.account is None:
        return Plan(facts.subject)
    if facts.account.company == "broken":
        raise ZeroDivisionError("no such currency")
    named = {"Name": facts.account.company}
    changes = [Change("Account", facts.subject, "account", "is", named, on_create={"Owner__c": "first"})]
    seen = {case.key: case for case in facts.cases}
    for bill in facts.invoices:
        key = f"{facts.subject}:{bill.number}"
        state = "open" if bill.state == "past_due" else "resolved"
        moved = key not in seen or seen[key].state != state
        told = {fields.Case.ACCOUNT_KEY: facts.subject, fields.Case.STATE: state, "Balance__c": bill.balance}
        changes.append(
            Change(
                "Case",
                key,
                "past due",
                "it is",
                told,
                parents={"AccountId": Parent("Account", facts.subject)},
                transition=(Transition.OPEN if state == "open" else Transition.RESOLVE) if moved else None,
                transition_fields={"Status": state} if moved else {},
            )
        )
    changes += [
        Change(
            "Billing_Event__c",
            f"event:{seen_event.event_id}",
            "timeline",
            "it happened",
            {"Name": seen_event.kind},
            parents={"Account__c": Parent("Account", facts.subject)},
        )
        for seen_event in facts.events
        if not seen_event.on_timeline
    ]
    return Plan(facts.subject, tuple(changes))


@pytest.fixture
def crm() -> FakeCrm:
    return FakeCrm()


def applier(engine: Engine, crm: FakeCrm, org: Callable[[], Org] = Org) -> Applier:
    return Applier(engine, crm, org, decide, lambda: datetime.now(UTC), "w")


def learn(engine: Engine, *objects: Any, codes: tuple[str, ...] = ("bob",)) -> None:
    """The ledger hears of these objects, and their accounts are due."""
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), objects)
        subjects.mark_due(connection, [due(code) for code in codes])


def happen(engine: Engine, *event_ids: str, code: str = "bob") -> None:
    """Events of an account were fetched."""
    record(engine, *(event(event_id) for event_id in event_ids))
    rows(
        engine,
        "UPDATE event SET status = 'fetched', subject = :subject WHERE event_id = ANY(:ids)",
        subject=subject(code),
        ids=list(event_ids),
    )


def run(engine: Engine, crm: FakeCrm, **how: Any) -> Outcome:
    make_ready(engine, "subject")
    return applier(engine, crm).run(**how)


def state(engine: Engine, code: str = "bob") -> tuple[str, int, str]:
    found = one(engine, "SELECT status, tries, error FROM subject WHERE code = :code", code=code)
    return found.status, found.tries, found.error


def outcomes(engine: Engine) -> list[str]:
    return [row.outcome for row in rows(engine, "SELECT outcome FROM attempt ORDER BY id")]


def circuit_passes(engine: Engine) -> None:
    rows(engine, "UPDATE circuit SET open_until = now() - interval '1 second'")


# ── what works ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_due_account_is_written_with_its_cases_and_its_timeline(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account(), invoice())
    happen(engine, "n1", "n2")
    outcome = run(engine, crm)
    assert (outcome.claimed, outcome.written, outcome.refused, outcome.more) == (1, 4, 0, False)
    assert crm.of("Account")[BOB]["Name"] == "Rivera Books"
    assert crm.of("Case")[f"{BOB}:1001"]["Status"] == "open"
    assert set(crm.of("Billing_Event__c")) == {"event:n1", "event:n2"}
    assert state(engine) == ("idle", 0, "")


def test_the_events_are_done_with_the_attempt_and_the_attempt_tells_every_row(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account(), invoice())
    happen(engine, "n1")
    run(engine, crm, cause=Cause("resync", "ticket 4711"))
    attempt = one(engine, "SELECT * FROM attempt")
    assert (attempt.subject, attempt.trigger, attempt.who) == (BOB, "resync", "ticket 4711")
    assert (attempt.outcome, attempt.written) == ("applied", 3)
    assert one(engine, "SELECT status, attempt_id FROM event") == ("done", attempt.id)
    told = rows(engine, "SELECT object, transition, salesforce_id FROM change ORDER BY id")
    assert [tuple(row) for row in told] == [
        ("Account", None, f"id-Account-{BOB}"),
        ("Case", "open", f"id-Case-{BOB}:1001"),
        ("Billing_Event__c", None, "id-Billing_Event__c-event:n1"),
    ]


def test_what_salesforce_says_already_is_not_sent_again(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account(), invoice())
    run(engine, crm)
    crm.upserts.clear()
    learn(engine)
    assert run(engine, crm).written == 0
    assert crm.upserts == []
    assert outcomes(engine) == ["applied", "unchanged"]


def test_only_what_changed_is_sent(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account(), invoice())
    run(engine, crm)
    crm.upserts.clear()
    learn(engine, paid_invoice())
    run(engine, crm)
    assert crm.sent("Account") == []
    assert [set(row) for row in crm.sent("Case")] == [{fields.Case.STATE, "Balance__c", "Status"}]


def test_two_hundred_accounts_are_one_read_and_one_call_for_each_object(engine: Engine, crm: FakeCrm) -> None:
    codes = tuple(f"c{number}" for number in range(200))
    people = [account(id=code, code=code) for code in codes]
    bills = [invoice(id=code, number=code, account_code=code) for code in codes]
    learn(engine, *people, *bills, codes=codes)
    outcome = run(engine, crm)
    assert (outcome.claimed, outcome.written, outcome.more) == (200, 400, True)
    assert [object_ for object_, _ in crm.upserts] == ["Account", "Case"]
    assert sum(" FROM Case" in query for query in crm.queries) == 1
    assert len(crm.queries) == 2, "and one for the accounts that nothing is known of"


def test_nothing_due_is_no_call(engine: Engine, crm: FakeCrm) -> None:
    assert run(engine, crm) == Outcome()
    assert crm.queries == []


def test_an_account_its_source_has_not_told_us_of_is_nothing_to_write(engine: Engine, crm: FakeCrm) -> None:
    learn(engine)
    run(engine, crm)
    assert outcomes(engine) == ["unchanged"]
    assert crm.records == {}


# ── what the CRM's users own ──────────────────────────────────────────────────────────────────────────────────


def test_an_account_that_the_crm_has_keeps_what_is_its_users_though_nothing_is_known_of_it(
    engine: Engine, crm: FakeCrm
) -> None:
    crm.records["Account", BOB] = {"Id": "001", fields.KEY: BOB, "Owner__c": "Ann"}
    learn(engine, account())
    run(engine, crm)
    assert crm.of("Account")[BOB] == {"Id": "001", fields.KEY: BOB, "Owner__c": "Ann", "Name": "Rivera Books"}


def test_an_account_that_the_crm_lacks_is_made_with_it(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    run(engine, crm)
    assert crm.of("Account")[BOB]["Owner__c"] == "first"


# ── one account's trouble is its own ──────────────────────────────────────────────────────────────────────────


def test_an_account_that_a_rule_cannot_decide_is_a_dead_letter_and_the_others_are_written(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account(), account(id="e", code="eve", company="broken"), codes=("bob", "eve"))
    run(engine, crm)
    assert state(engine, "bob") == ("idle", 0, "")
    status, _, error = state(engine, "eve")
    assert status == "dead"
    assert "ZeroDivisionError: no such currency" in error
    assert list(crm.of("Account")) == [BOB]


def test_an_account_whose_row_is_refused_is_a_dead_letter_and_the_others_are_written(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account(), invoice(), account(id="e", code="eve"), codes=("bob", "eve"))
    happen(engine, "n1")
    crm.refusals["Case", f"{BOB}:1001"] = Permanent("Balance is required.", code="REQUIRED_FIELD_MISSING")
    run(engine, crm)
    assert state(engine, "eve") == ("idle", 0, "")
    assert state(engine, "bob") == ("dead", 0, "Balance is required.")
    assert statuses(engine) == {"n1": "fetched"}
    crm.refusals.clear()
    learn(engine)
    run(engine, crm)
    assert state(engine) == ("idle", 0, "")
    assert statuses(engine) == {"n1": "done"}


def test_a_row_lock_is_tried_again_and_given_up_on_in_the_end(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    crm.refusals["Account", BOB] = Transient("It is locked.", code="UNABLE_TO_LOCK_ROW")
    for tries in range(1, MOST_TRIES):
        run(engine, crm)
        assert state(engine) == ("due", tries, "It is locked.")
    run(engine, crm)
    assert state(engine)[0] == "dead"


# ── records that vanished ─────────────────────────────────────────────────────────────────────────────────────


def test_an_account_deleted_in_salesforce_is_written_again_whole(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account(), invoice())
    run(engine, crm)
    crm.records.clear()
    learn(engine, account(company="New Name", updated_at=datetime.now(UTC)))
    for _ in range(2):
        run(engine, crm)
    assert state(engine) == ("idle", 0, "")
    assert crm.of("Account")[BOB]["Name"] == "New Name"
    assert crm.of("Case")[f"{BOB}:1001"]["Status"] == "open"


def test_a_new_row_whose_parent_was_deleted_in_salesforce_brings_the_parent_back(
    engine: Engine, crm: FakeCrm
) -> None:
    """Though the parent itself has not changed, so that it was not sent: first all is, and then it is known to be
    gone."""
    learn(engine, account())
    run(engine, crm)
    crm.records.clear()
    happen(engine, "n1")
    learn(engine)
    for _ in range(3):
        run(engine, crm)
    assert state(engine) == ("idle", 0, "")
    assert set(crm.of("Account")) == {BOB}
    assert set(crm.of("Billing_Event__c")) == {"event:n1"}


# ── Salesforce is out ─────────────────────────────────────────────────────────────────────────────────────────


def _no_org() -> Org:
    raise SetupError("Missing or not writable in Salesforce: Case: Billing_Rule__c.")


def test_while_salesforce_is_out_accounts_wait_no_try_is_spent_and_nobody_asks(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account())
    happen(engine, "n1")
    crm.query_outage = OUT
    assert run(engine, crm).open
    asked = len(crm.queries)
    for _ in range(3):
        assert run(engine, crm) == Outcome(open=True)
    assert len(crm.queries) == asked
    assert state(engine)[:2] == ("due", 0)
    with engine.connect() as connection:
        assert circuit_breakers.open_circuits(connection)["salesforce"].reason == str(OUT)
    assert statuses(engine) == {"n1": "fetched"}


def test_an_outage_however_long_fills_no_audit_trail_and_loses_nothing(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    crm.query_outage = OUT
    for _ in range(2 * MOST_TRIES):
        run(engine, crm)
        circuit_passes(engine)
    assert outcomes(engine) == []
    crm.query_outage = None
    run(engine, crm)
    assert state(engine) == ("idle", 0, "")
    assert rows(engine, "SELECT 1 FROM circuit") == []


def test_when_salesforce_goes_away_between_objects_what_was_written_is_not_sent_again(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account(), invoice())
    crm.outages["Case"] = OUT
    run(engine, crm)
    assert state(engine)[:2] == ("due", 0)
    crm.outages.clear()
    crm.upserts.clear()
    circuit_passes(engine)
    run(engine, crm)
    assert [object_ for object_, _ in crm.upserts] == ["Case"]
    assert state(engine) == ("idle", 0, "")


@pytest.mark.parametrize(
    "error", [Transient("Timed out."), Permanent("No such field."), SetupError("No key.")]
)
def test_what_concerns_no_single_account_is_no_accounts_fault(
    engine: Engine, crm: FakeCrm, error: CasewireError
) -> None:
    learn(engine, account())
    crm.query_outage = error
    assert run(engine, crm).open
    assert state(engine) == ("due", 0, str(error))


def test_an_org_that_lacks_our_fields_is_said_in_the_status_and_waited_for(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account())
    assert applier(engine, crm, _no_org).run().open
    with engine.connect() as connection:
        found = circuit_breakers.open_circuits(connection)["salesforce"]
    assert found.code == circuit_breakers.NOT_SET_UP
    assert "Billing_Rule__c" in found.reason
    assert state(engine)[:2] == ("due", 0)


def test_a_person_is_answered_though_the_circuit_is_open(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    crm.query_outage = OUT
    run(engine, crm)
    crm.query_outage = None
    with capture_logs() as lines:
        outcome = run(engine, crm, only=[BOB], cause=Cause("resync"))
        run(engine, crm, only=[BOB], cause=Cause("resync"))
    assert (outcome.claimed, outcome.written, outcome.open) == (1, 1, False)
    closed = [line["destination"] for line in lines if line["event"] == "circuit_closed"]
    assert closed == ["salesforce"], "once, and not by every batch that follows"


# ── crashes ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("where", ["Account", "Case", "Billing_Event__c"])
def test_a_worker_that_dies_between_writing_and_settling_changes_nothing_in_the_end(
    engine: Engine, crm: FakeCrm, where: str
) -> None:
    learn(engine, account(), invoice())
    happen(engine, "n1")
    crm.answer_lost[where] = MemoryError()
    with pytest.raises(MemoryError):
        run(engine, crm)
    assert outcomes(engine) == []
    run(engine, crm)
    assert state(engine) == ("idle", 0, "")
    assert statuses(engine) == {"n1": "done"}
    calm = FakeCrm()
    rows(engine, "DELETE FROM mirror")
    rows(engine, "DELETE FROM link")
    rows(engine, "UPDATE event SET status = 'fetched'")
    learn(engine)
    run(engine, calm)
    assert crm.records == calm.records
    assert sorted(crm.created) == sorted(calm.created)


def test_an_answer_that_was_lost_is_asked_for_again(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    crm.answer_lost["Account"] = Transient("The connection broke.")
    run(engine, crm)
    assert state(engine)[0] == "due"
    run(engine, crm)
    assert state(engine) == ("idle", 0, "")
    assert crm.created == [BOB]


def test_what_arrives_while_an_account_is_written_is_decided_next(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())

    class Meanwhile(FakeCrm):
        def upsert(self, *given: Any) -> Any:
            answers = super().upsert(*given)
            if len(self.upserts) == 1:
                learn(engine, account(company="Newer", updated_at=datetime.now(UTC)))
            return answers

    busy = Meanwhile()
    run(engine, busy)
    assert state(engine)[0] == "due"
    run(engine, busy)
    assert busy.of("Account")[BOB]["Name"] == "Newer"
    assert state(engine) == ("idle", 0, "")


def test_an_event_that_came_too_late_for_a_decision_is_not_called_done_by_it(
    engine: Engine, crm: FakeCrm
) -> None:
    learn(engine, account())
    happen(engine, "n1")

    class Meanwhile(FakeCrm):
        def upsert(self, *given: Any) -> Any:
            if not self.upserts:
                happen(engine, "n2")
                learn(engine)
            return super().upsert(*given)

    busy = Meanwhile()
    run(engine, busy)
    assert statuses(engine) == {"n1": "done", "n2": "fetched"}
    run(engine, busy)
    assert statuses(engine) == {"n1": "done", "n2": "done"}
    assert set(busy.of("Billing_Event__c")) == {"event:n1", "event:n2"}


def test_cases_are_read_just_before_they_are_decided(engine: Engine, crm: FakeCrm) -> None:
    closed_at = datetime(2026, 11, 1, tzinfo=UTC)
    crm.records["Case", "k"] = {
        "Id": "500A",
        fields.KEY: "k",
        fields.Case.ACCOUNT_KEY: BOB,
        fields.Case.RULE: "past due",
        fields.Case.STATE: "open",
        "IsClosed": True,
        "ClosedDate": "2026-11-01T00:00:00.000+0000",
    }
    learn(engine, account())
    (decision,) = run(engine, crm).plans
    (case,) = decision.facts.cases
    assert (case.id, case.key, case.rule, case.state) == ("500A", "k", "past due", "open")
    assert (case.closed, case.closed_at) == (True, closed_at)


def test_the_facts_of_a_gone_account_say_so(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account(), invoice())
    rows(engine, "UPDATE snapshot SET gone = true")
    (decision,) = run(engine, crm).plans
    assert decision.facts.gone
    assert decision.facts.account == account()
    assert decision.facts.invoices == ()


def test_an_account_may_ask_to_be_looked_at_again(engine: Engine, crm: FakeCrm) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    learn(engine, account())
    made = Applier(engine, crm, Org, lambda facts: Plan(facts.subject, (), soon), lambda: soon, "w")
    made.run()
    assert one(engine, "SELECT look_again_at FROM subject").look_again_at == soon
