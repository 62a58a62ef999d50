"""Bulk jobs that Salesforce may be working on: kept from before a job has data until what came of it is kept.

A job lives as long as the lease under which its accounts were claimed. Once that is gone (its process was killed, its
lease ran out or was freed) the job is left behind: whoever claims next must see that it has ended first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.mappers.fields import Case


@dataclass(frozen=True, slots=True)
class OrphanedJob:
    """A job whose accounts nobody holds any more. ``ended``: Salesforce is known not to write for it any more."""

    job: str
    object: str
    ended: bool


def begin(
    connection: Connection, job: str, token: str, subject: str, object_: str, keys: Sequence[str]
) -> None:
    """Salesforce has this job. ``subject``: one of the accounts that are held under ``token``.
    ``keys``: the records it is to write."""
    connection.execute(
        text(
            "INSERT INTO bulk_job (job, object, keys, token, subject) "
            "VALUES (:job, :object, :keys, :token, :subject)"
        ),
        {"job": job, "object": object_, "keys": list(keys), "token": token, "subject": subject},
    )


def hand_over(connection: Connection, token: str, subject: str) -> None:
    """Some of what is held under this token is let go: from now on its jobs live as long as this account is held."""
    connection.execute(
        text("UPDATE bulk_job SET subject = :subject WHERE token = :token"),
        {"token": token, "subject": subject},
    )


def end(connection: Connection, job: str, *, told: bool) -> None:
    """It has ended. ``told``: what came of each of its rows is known."""
    connection.execute(
        text("UPDATE bulk_job SET ended_at = now(), told = :told WHERE job = :job"),
        {"job": job, "told": told},
    )


def left_behind(connection: Connection) -> list[OrphanedJob]:
    """The jobs whose accounts may be claimed, oldest first."""
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
    """What came of the jobs under this token is about to be kept. Of those that do not tell what they wrote the records
    are written whole next time; one that is not known to have ended stays."""
    _forget(connection, "token = :this AND ended_at IS NOT NULL", "NOT told", token)


def forget(connection: Connection, job: str) -> None:
    """It has ended, and nobody kept what came of it: its records are written whole next time. Once only: what is
    written after that stands."""
    _forget(connection, "job = :this", "true", job)


def _forget(connection: Connection, which: str, unsure: str, this: str) -> None:
    """Which record it is stays known: a key that somebody typed onto another is seen by that (``sync/astray``). A case
    that is still to be moved to its account stays as it is, as in ``attempts.forget``."""
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
