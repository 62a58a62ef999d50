"""What a backfill could not read or decide, each with why: one row for each, gone when it could be after all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from connector.redaction import redact_text

UNREADABLE: Final = "UNREADABLE"
"""An object that billing lists and that cannot be read. Whose it is is known only if it was read before."""
NOT_FETCHED: Final = "NOT_FETCHED"
"""The past of an account."""
UNDECIDED: Final = "UNDECIDED"
"""What would change for an account; said by a look, which leaves no other trace."""
ACCOUNT: Final = "account"


@dataclass(frozen=True, slots=True)
class BackfillError:
    """``object`` and ``ref``: what it is about. ``subject``: the account it belongs to, as far as that is known."""

    object: str
    ref: str
    subject: str | None
    code: str
    error: str


def keep(connection: Connection, run_id: int, found: Iterable[BackfillError]) -> None:
    """Each once, as it was met last."""
    rows = [
        {
            "run": run_id,
            "object": one.object,
            "ref": one.ref,
            "subject": one.subject,
            "code": one.code,
            "error": redact_text(one.error),
        }
        for one in found
    ]
    if rows:
        connection.execute(
            text(
                """
                INSERT INTO backfill_trouble (run_id, object, ref, subject, code, error)
                VALUES (:run, :object, :ref, :subject, :code, :error)
                ON CONFLICT (run_id, object, ref, code) DO UPDATE SET
                    subject = COALESCE(excluded.subject, backfill_trouble.subject), error = excluded.error,
                    found_at = now()
                """
            ),
            rows,
        )


def forget_objects(connection: Connection, run_id: int, objects: Sequence[tuple[str, str]]) -> None:
    """These could be read: (object, id)."""
    connection.execute(
        text(
            "DELETE FROM backfill_trouble USING unnest(CAST(:objects AS text[]), CAST(:refs AS text[])) "
            "AS read(object, ref) WHERE run_id = :run AND code = :code "
            "AND backfill_trouble.object = read.object AND backfill_trouble.ref = read.ref"
        ),
        {
            "run": run_id,
            "code": UNREADABLE,
            "objects": [object_ for object_, _ in objects],
            "refs": [id_ for _, id_ in objects],
        },
    )


def forget(connection: Connection, run_id: int, keys: Sequence[str], code: str) -> None:
    """This is no longer the matter with these accounts."""
    connection.execute(
        text("DELETE FROM backfill_trouble WHERE run_id = :run AND subject = ANY(:keys) AND code = :code"),
        {"run": run_id, "keys": list(keys), "code": code},
    )


def not_fetched(connection: Connection, run_id: int, keys: Sequence[str]) -> set[str]:
    """Those of these accounts whose past could not be fetched, by the run or by anybody since."""
    rows = connection.execute(
        text(
            "SELECT t.subject FROM backfill_trouble t JOIN subject s ON s.key = t.subject "
            "WHERE t.run_id = :run AND t.subject = ANY(:keys) AND t.code = :code AND s.history <> 'done'"
        ),
        {"run": run_id, "keys": list(keys), "code": NOT_FETCHED},
    )
    return {row.subject for row in rows}


def of_accounts(connection: Connection, run_id: int, keys: Sequence[str]) -> list[dict[str, Any]]:
    """What these accounts lack to be decided: account, state, code and error. A past that a worker has fetched since
    is no trouble any more, and ``dead`` or ``due`` says more than undecided."""
    rows = connection.execute(
        text(
            """
            SELECT t.subject AS account, CASE WHEN s.status = 'idle' THEN 'undecided' ELSE s.status END AS state,
                   t.code, t.error
            FROM backfill_trouble t JOIN subject s ON s.key = t.subject
            WHERE t.run_id = :run AND t.subject = ANY(:keys) AND t.code <> :unreadable
              AND NOT (t.code = :not_fetched AND s.history = 'done') ORDER BY t.subject, t.code
            """
        ),
        {"run": run_id, "keys": list(keys), "unreadable": UNREADABLE, "not_fetched": NOT_FETCHED},
    )
    return [dict(row._mapping) for row in rows]


def count_unreadable(connection: Connection, run_id: int) -> int:
    """How many objects could not be read."""
    rows = connection.execute(
        text("SELECT count(*) FROM backfill_trouble WHERE run_id = :run AND code = :code"),
        {"run": run_id, "code": UNREADABLE},
    )
    return int(rows.scalar_one())


def unreadable(
    connection: Connection, run_id: int, after: tuple[str, str], limit: int
) -> list[dict[str, Any]]:
    """The next of them behind this one: object, ref, account (None where nobody knows) and error."""
    rows = connection.execute(
        text(
            "SELECT object, ref, subject AS account, error FROM backfill_trouble "
            "WHERE run_id = :run AND code = :code AND (object, ref) > (:object, :ref) "
            "ORDER BY object, ref LIMIT :limit"
        ),
        {"run": run_id, "code": UNREADABLE, "object": after[0], "ref": after[1], "limit": limit},
    )
    return [dict(row._mapping) for row in rows]
