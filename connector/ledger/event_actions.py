"""A person's three acts: an event is worked again, or buried; an account given up on is tried again. Each is of a
run, which tells who, when and why; an event names every run that asked something of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from connector.ledger.event_filter import Filter, Selection

_BURIABLE: Final = "status IN ('pending', 'dead', 'unknown')"
_TOLD: Final = (
    "runs = CASE WHEN CAST(:run_id AS bigint) IS NULL THEN runs ELSE runs || CAST(:run_id AS bigint) END"
)
_DEAD: Final = "status = 'dead' AND (CAST(:account AS text) IS NULL OR key = :account OR code = :account)"


def missing(connection: Connection, ids: tuple[int, ...]) -> list[int]:
    """Those of these ids that are no event's."""
    rows = connection.execute(text("SELECT id FROM event WHERE id = ANY(:ids)"), {"ids": list(ids)})
    known = {row.id for row in rows}
    return [id_ for id_ in ids if id_ not in known]


def count_replayable(connection: Connection, wanted: Filter) -> int:
    """How many of these events ``replay`` would work again."""
    return _count(connection, wanted, _replayable(wanted))


def replay(connection: Connection, wanted: Filter, run_id: int | None = None) -> int:
    """Work these events again, whatever became of them; how many. One that points to nothing cannot be worked, and one
    that was buried is left alone unless it is named, or buried ones are asked for. The attempts that they were settled
    by before stay part of their story."""
    selection = Selection(connection, wanted)
    return connection.execute(
        text(
            "UPDATE event SET status = 'pending', hinted_at = now(), ready_at = now(), lease = NULL, "
            "tries = 0, error = '', settled_at = NULL, run_id = :run_id, attempt_id = NULL, "
            f"earlier = CASE WHEN attempt_id IS NULL THEN earlier ELSE earlier || attempt_id END, {_TOLD} "
            f"WHERE id IN ({selection.every()}) AND {_replayable(wanted)}"
        ),
        {**selection.values, "run_id": run_id},
    ).rowcount


def _replayable(wanted: Filter) -> str:
    """What one person decided about an event by its name is not undone by another's filter."""
    points = "jsonb_array_length(pointers) > 0"
    return points if wanted.ids or wanted.status == "buried" else f"{points} AND status <> 'buried'"


def count_buriable(connection: Connection, wanted: Filter) -> int:
    """How many of these events ``bury`` would bury."""
    return _count(connection, wanted, _BURIABLE)


def bury(connection: Connection, wanted: Filter, run_id: int | None = None) -> int:
    """A person decides that these events need no work; only ones that wait, are dead or unknown. How many. What was
    wrong with them stays said."""
    selection = Selection(connection, wanted)
    return connection.execute(
        text(
            f"UPDATE event SET status = 'buried', lease = NULL, settled_at = now(), {_TOLD} "
            f"WHERE id IN ({selection.every()}) AND {_BURIABLE}"
        ),
        {**selection.values, "run_id": run_id},
    ).rowcount


def _count(connection: Connection, wanted: Filter, condition: str) -> int:
    selection = Selection(connection, wanted)
    statement = text(f"SELECT count(*) FROM event WHERE id IN ({selection.every()}) AND {condition}")
    return int(connection.execute(statement, selection.values).scalar_one())


def count_dead_subjects(connection: Connection, account: str | None) -> int:
    """How many accounts ``retry_subjects`` would try again."""
    statement = text(f"SELECT count(*) FROM subject WHERE {_DEAD}")
    return int(connection.execute(statement, {"account": account}).scalar_one())


def retry_subjects(connection: Connection, account: str | None, run_id: int | None = None) -> int:
    """Dead accounts become due; how many."""
    return connection.execute(
        text(
            "UPDATE subject SET status = 'due', due_at = now(), ready_at = now(), tries = 0, lease = NULL, "
            f"generation = generation + 1, run_id = :run_id WHERE {_DEAD}"
        ),
        {"account": account, "run_id": run_id},
    ).rowcount
