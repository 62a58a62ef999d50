"""Newcomers in bulk: some are linked by their Id and some are made, whatever happens in the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from samples import make_ready, rows, subject
from sqlalchemy import Engine

from connector.policy import Mapped
from connector.sync.apply import record_writer
from connector.sync.apply.applier import Outcome
from sandbox.salesforce.access import permissions
from sandbox.salesforce.rulebook import validation_rule
from sync.linking.conftest import Crm, Whole, account, codes, learn, whole

MANY = 30
SITE = {"object": "Account", "field": "Website", "from": "account.first_name"}
NAME = 'Shop, "{}"\nBooks 😀'
"""What CSV has to quote."""


class Killed(BaseException):
    """The worker dies."""


@pytest.fixture
def casewire(engine: Engine, crm: Crm, monkeypatch: pytest.MonkeyPatch) -> Whole:
    """So many that are there, and so many that are not."""
    monkeypatch.setattr(record_writer, "IN_BULK", MANY)
    crm.desk.write("Account", [{"Name": f"There {n}", "AccountNumber": f"there-{n}"} for n in range(MANY)])
    there = [account(f"there-{n}", email=None, company=NAME.format(n)) for n in range(MANY)]
    learn(engine, *there, *(account(f"new-{n}", email=None, company=NAME.format(n)) for n in range(MANY)))
    key = {"by": "field", "field": "AccountNumber", "value": "account_code"}
    return whole(engine, crm, linking={"keys": [key]})


def run(casewire: Whole, waiting: Callable[[], object] = lambda: None) -> Outcome:
    """``waiting``: what happens at each look at a job."""
    make_ready(casewire.engine, "subject")
    return casewire.applier().run(limit=10_000, bulk_wait=lambda _: waiting() and None)


def each_once(casewire: Whole) -> None:
    accounts = casewire.crm.rows("Account")
    assert len(accounts) == 2 * MANY
    assert len(set(codes(accounts))) == 2 * MANY
    for row in accounts:
        code = row["Billing_Key__c"].rpartition(":")[2]
        assert row.get("AccountNumber") == (code if code.startswith("there") else None)
        assert row["Billing_Company__c"] == " ".join(NAME.format(code.partition("-")[2]).split())
    assert rows(casewire.engine, "SELECT * FROM subject WHERE status <> 'idle'") == []


def test_two_jobs_and_a_handful_of_calls_do_it(casewire: Whole, crm: Crm) -> None:
    assert crm.calls(lambda: run(casewire)) <= 45, "most of them read what shape the org has"
    jobs = Counter(job.order.operation for job in crm.org.jobs.of("V2Ingest"))
    assert jobs == {"upsert": 1, "update": 1}
    each_once(casewire)


def test_a_session_that_expires_in_the_middle_is_renewed(casewire: Whole, crm: Crm) -> None:
    logins = crm.client.logins
    run(casewire, crm.org.sessions.revoke_all)
    each_once(casewire)
    assert crm.client.logins > logins


@pytest.mark.parametrize("looks", [0, 1])
def test_a_worker_that_dies_at_any_job_is_followed_by_one_that_does_it_again(
    casewire: Whole, crm: Crm, looks: int
) -> None:
    left = iter([None] * looks)

    def die() -> None:
        if next(left, Killed) is Killed:
            raise Killed

    with pytest.raises(Killed):
        run(casewire, die)
    rows(casewire.engine, "UPDATE subject SET lease = NULL")
    run(casewire)
    each_once(casewire)


def test_rows_that_are_refused_are_theirs_alone(casewire: Whole, crm: Crm) -> None:
    rule = {"object": "Account", "field": "Billing_Company__c", "refused": '"7"'}
    crm.org.rulebook.validations.append(validation_rule(crm.org.schema, rule))
    outcome = run(casewire)
    assert (outcome.written, outcome.refused) == (2 * MANY - 2, 2)
    dead = {row.key for row in rows(casewire.engine, "SELECT key FROM subject WHERE status = 'dead'")}
    assert dead == {subject("there-7"), subject("new-7")}


def test_what_a_job_refuses_whole_is_sent_by_calls_and_each_row_has_its_own_fate(
    casewire: Whole, crm: Crm
) -> None:
    """A field that only some accounts fill is taken away while the first job runs."""
    who = account("new-0", email=None, company=NAME.format(0), first_name="Bob")
    learn(casewire.engine, who)
    hidden = permissions(crm.org.schema, {"Account": {"Website": "none"}})
    casewire.policy = casewire.policy.model_copy(update={"mapping": (Mapped.model_validate(SITE),)})
    run(casewire, lambda: crm.org.permit(hidden))
    dead = {row.key for row in rows(casewire.engine, "SELECT key FROM subject WHERE status <> 'idle'")}
    assert dead == {subject("new-0")}
