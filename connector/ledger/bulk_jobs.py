"""Bulk jobs that Salesforce may be working on: recorded before a job has data, deleted when its outcome is recorded.

A job belongs to the lease under which its accounts were claimed. When the lease is gone (the process was killed, the
lease expired or was released) the job is orphaned: the worker that claims next must make sure first that it has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.mappers.fields import Case


@dataclass(frozen=True, slots=True)
class OrphanedJob:
    """A job whose accounts are not leased any more. ``ended``: it is known that Salesforce has stopped writing."""

    job: str
    object: str
    ended: bool


def begin(
    connection: Connection, job: str, token: str, subject: str, object_: str, keys: Sequence[str]
) -> None:
    """Record a new job. ``subject``: one of the accounts leased under ``token``. ``keys``: the records to write."""
    connection.execute(
        text(
            "INSERT INTO bulk_job (job, object, keys, token, subject) "
            "VALUES (:job, :object, :keys, :token, :subject)"
        ),
        {"job": job, "object": object_, "keys": list(keys), "token": token, "subject": subject},
    )


def hand_over(connection: Connection, token: str, subject: str) -> None:
    """Register the jobs of this token under another leased account, as the former one is released."""
    connection.execute(
        text("UPDATE bulk_job SET subject = :subject WHERE token = :token"),
        {"token": token, "subject": subject},
    )


def end(connection: Connection, job: str, *, results_read: bool) -> None:
    """Record that the job has ended. ``results_read``: the result of each row is known."""
    connection.execute(
        text("UPDATE bulk_job SET ended_at = now(), told = :told WHERE job = :job"),
        {"job": job, "told": results_read},
    )


def left_behind(connection: Connection) -> list[OrphanedJob]:
    """The orphaned jobs, oldest first: their accounts can be claimed."""
    rows = connection.execute(
        text(
            """
            SELECT job, object, ended_at IS NOT NULL AS ended FROM bulk_job
            WHERE NOT EXISTS (SELECT 1 FROM subject WHERE subject.key = bulk_job.subject
                              AND subject.lease = bulk_job.token AND subject.ready_at > now())
            ORDER BY begun_at, job
            """
        )
    )
    return [OrphanedJob(row.job, row.object, row.ended) for row in rows]


def settle(connection: Connection, token: str) -> None:
    """Delete the ended jobs of this token, as their outcome is recorded now. If the results of a job are unknown, its
    records are written with all fields next time. A job that may still be running stays."""
    _forget(connection, "token = :this AND ended_at IS NOT NULL", "NOT told", token)


def forget(connection: Connection, job: str) -> None:
    """Delete an orphaned job that has ended: its records are written with all fields next time. This clears the mirror
    once; later writes are kept."""
    _forget(connection, "job = :this", "true", job)


def _forget(connection: Connection, which: str, unsure: str, this: str) -> None:
    """Clear the fields of the mirror but keep the record ids, which detect key conflicts
    (``sync/apply/key_conflicts.py``). A case that is still to be moved to its account stays, as in
    ``attempts.forget``."""
    moving = f"mirror.object = '{Case.OBJECT}' AND mirror.fields->>'{Case.ACCOUNT_KEY}' <> mirror.subject"
    connection.execute(
        text(
            f"""
            WITH over AS (DELETE FROM bulk_job WHERE {which} RETURNING object, keys, told),
                 records AS (SELECT object, unnest(keys) AS key FROM over WHERE {unsure})
            UPDATE mirror SET fields = '{{}}' FROM records
            WHERE mirror.object = records.object AND mirror.key = records.key AND ({moving}) IS NOT TRUE
            """
        ),
        {"this": this},
    )
