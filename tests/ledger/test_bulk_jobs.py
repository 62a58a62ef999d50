"""A bulk job is left behind in the moment in which its accounts can be claimed; what it may have written is unknown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from samples import due, make_ready, rows, subject
from sqlalchemy import Engine

from connector.ledger import attempts, bulk_jobs, leases, subjects
from connector.ledger.attempts import Attempt, Cause, RowChange
from connector.ledger.bulk_jobs import OrphanedJob
from connector.mappers.fields import Case

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TOKEN = "backfill-1:abc"
JOB = "750000000000001AAA"


@pytest.fixture
def job(engine: Engine) -> str:
    """Of two accounts of a backfill that lives."""
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob"), due("eve")])
        first, _ = subjects.claim(connection, TOKEN, 2)
        bulk_jobs.begin(connection, JOB, TOKEN, first.key, "Case", ["k1", "k2"])
    return JOB


def left(engine: Engine) -> list[OrphanedJob]:
    with engine.connect() as connection:
        return bulk_jobs.left_behind(connection)


def wrote(engine: Engine, *keys: str, **fields: str) -> None:
    changes = tuple(
        RowChange("Case", key, "r", "why", {}, {}, None, f"500{key}", mirror={"A": "1", **fields})
        for key in keys
    )
    with engine.begin() as connection:
        attempts.record(connection, [Attempt(subject("bob"), Cause(), NOW, NOW, "applied", changes=changes)])


def known(engine: Engine) -> list[str]:
    """Of which it is known what they say."""
    return sorted(row.key for row in rows(engine, "SELECT key FROM mirror WHERE fields <> '{}'"))


def ended(engine: Engine, *, results_read: bool) -> None:
    with engine.begin() as connection:
        bulk_jobs.end(connection, JOB, results_read=results_read)


def settle(engine: Engine, token: str = TOKEN) -> None:
    with engine.begin() as connection:
        bulk_jobs.settle(connection, token)


def test_a_job_whose_accounts_are_held_is_not_left_behind(engine: Engine, job: str) -> None:
    assert left(engine) == []


def test_it_is_when_the_lease_runs_out(engine: Engine, job: str) -> None:
    make_ready(engine, "subject")
    assert left(engine) == [OrphanedJob(job, "Case", ended=False)]
    ended(engine, results_read=True)
    assert left(engine) == [OrphanedJob(job, "Case", ended=True)]


def test_it_is_when_who_comes_next_frees_the_lease(engine: Engine, job: str) -> None:
    with engine.begin() as connection:
        leases.release_all(connection, "backfill-1")
    assert len(left(engine)) == 1


def test_it_is_when_another_has_claimed_its_accounts(engine: Engine, job: str) -> None:
    make_ready(engine, "subject")
    with engine.begin() as connection:
        assert len(subjects.claim(connection, "w:1", 2)) == 2
    assert len(left(engine)) == 1


def test_a_job_that_told_what_it_wrote_is_over_when_that_is_kept(engine: Engine, job: str) -> None:
    wrote(engine, "k1", "k2", "k3")
    ended(engine, results_read=True)
    settle(engine)
    assert known(engine) == ["k1", "k2", "k3"]
    assert rows(engine, "SELECT 1 FROM bulk_job") == []


def test_of_one_that_did_not_tell_the_records_are_written_whole(engine: Engine, job: str) -> None:
    wrote(engine, "k1", "k2", "k3")
    ended(engine, results_read=False)
    settle(engine)
    assert known(engine) == ["k3"]
    places = rows(engine, "SELECT key, salesforce_id FROM mirror ORDER BY key")
    assert places == [("k1", "500k1"), ("k2", "500k2"), ("k3", "500k3")], "which records they are is known"
    assert rows(engine, "SELECT 1 FROM bulk_job") == []


def test_one_that_is_not_known_to_have_ended_stays_as_those_of_others_do(engine: Engine, job: str) -> None:
    wrote(engine, "k1")
    settle(engine)
    ended(engine, results_read=True)
    settle(engine, "w:1")
    assert len(rows(engine, "SELECT 1 FROM bulk_job")) == 1
    assert known(engine) == ["k1"]


def test_what_a_job_left_behind_was_about_is_forgotten_once(engine: Engine, job: str) -> None:
    """Two workers may have found it; what the first has written since is not forgotten by the second."""
    wrote(engine, "k1", "k3")
    for expected in (["k3"], ["k1", "k3"]):
        with engine.begin() as connection:
            bulk_jobs.forget(connection, job)
        assert known(engine) == expected
        wrote(engine, "k1")


def test_a_case_that_is_to_be_moved_to_its_account_is_not_forgotten(engine: Engine, job: str) -> None:
    wrote(engine, "k1", **{Case.ACCOUNT_KEY: subject("joe")})
    with engine.begin() as connection:
        bulk_jobs.forget(connection, job)
    assert known(engine) == ["k1"]


def test_what_is_let_go_hands_over_the_jobs_of_its_own_lease_only(engine: Engine, job: str) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("ann")])
        (ann,) = subjects.claim(connection, "w:2", 1)
        bulk_jobs.begin(connection, "another", "w:2", ann.key, "Case", ["k3"])
        bulk_jobs.hand_over(connection, TOKEN, subject("eve"))
    found = {row.job: row.subject for row in rows(engine, "SELECT job, subject FROM bulk_job")}
    assert found == {job: subject("eve"), "another": ann.key}
    assert left(engine) == []


def test_the_oldest_job_that_is_left_behind_comes_first(engine: Engine, job: str) -> None:
    with engine.begin() as connection:
        bulk_jobs.begin(connection, "an older one", TOKEN, subject("bob"), "Case", ["k3"])
    rows(engine, "UPDATE bulk_job SET begun_at = begun_at - interval '1 hour' WHERE job = 'an older one'")
    make_ready(engine, "subject")
    assert [one.job for one in left(engine)] == ["an older one", job]
