"""What billing lists and cannot be read is told of with why, and no more once it could be."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from connector.ledger import backfill_errors, snapshots
from connector.ledger.backfill_errors import UNREADABLE, BackfillError
from connector.models.facts import BillingObject
from connector.sync.refresh.change_feed import Site
from connector.sync.refresh.object_fetcher import FailedObject


def keep(
    connection: Connection,
    run_id: int,
    site: Site,
    read: Sequence[BillingObject],
    failed: Sequence[FailedObject],
    subject: str | None = None,
) -> None:
    """``subject``: whose they are; else who they belonged to when they could be read."""
    backfill_errors.forget_objects(connection, run_id, [(one.object, one.id) for one in read])
    if not failed:
        return
    known = snapshots.find(connection, *site, [(one.object, one.refs[0]) for one in failed])
    owners = {where: one.subject for where, one in known.items()}
    backfill_errors.keep(
        connection,
        run_id,
        [
            BackfillError(
                one.object,
                one.refs[0],
                subject or owners.get((one.object, one.refs[0])),
                UNREADABLE,
                str(one.error),
            )
            for one in failed
        ],
    )
