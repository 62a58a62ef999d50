"""Taking back what a dead worker held: a lease begins with its worker's name."""

from __future__ import annotations

from sqlalchemy import Connection, text


def release_all(connection: Connection, worker: str) -> int:
    """Free everything leased to ``worker``. Called when a worker of that name starts: its predecessor is dead."""
    freed = 0
    for table, status in (("event", "pending"), ("subject", "due")):
        freed += connection.execute(
            text(
                f"UPDATE {table} SET lease = NULL, ready_at = now() "
                "WHERE status = :status AND starts_with(lease, :prefix)"
            ),
            {"status": status, "prefix": f"{worker}:"},
        ).rowcount
    return freed
