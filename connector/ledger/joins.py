"""Bringing a processor's object to the account it belongs to: what could match, and moving it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from connector.facts import ProcessorObject
from connector.ledger import subjects, told
from connector.ledger.subjects import Due
from connector.mappers.references import REFERENCE


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object whose account is known and that names a reference. ``gateway``: of a payment, what its billing
    system calls the gateway."""

    source: str
    site: str
    object: str
    subject: str
    gateway: str | None


def candidates(connection: Connection, refs: Sequence[str]) -> dict[str, list[Candidate]]:
    """What is known under each of these references and belongs to somebody."""
    rows = connection.execute(
        text(
            """
            SELECT ref, s.source, s.site, s.object, s.subject, s.data->>'gateway' AS gateway
            FROM snapshot s CROSS JOIN LATERAL unnest(s.refs) AS ref
            WHERE s.refs && CAST(:refs AS text[]) AND ref = ANY(:refs) AND NOT s.gone
              AND (s.link IS NULL OR s.link NOT IN ('', 'payee'))
            ORDER BY ref, s.source, s.site, s.object, s.id
            """
        ),
        {"refs": sorted(set(refs))},
    )
    found: dict[str, list[Candidate]] = defaultdict(list)
    for row in rows:
        found[row.ref].append(Candidate(row.source, row.site, row.object, row.subject, row.gateway))
    return found


def charges(connection: Connection, refs: Sequence[str]) -> list[ProcessorObject]:
    """The processors' charges that go by one of these references; an invoice or a customer may have many others."""
    rows = connection.execute(
        text("SELECT data FROM snapshot WHERE object = 'charge' AND refs && CAST(:refs AS text[])"),
        {"refs": sorted({ref for ref in refs if ref.startswith(REFERENCE)})},
    )
    return [told.decode(row.data) for row in rows]


def knows_customer(connection: Connection, subject: str, source: str) -> bool:
    """Whether it is known what this processor calls the customer of an account."""
    return bool(
        connection.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM snapshot WHERE subject = :subject AND source = :source "
                "AND data->>'customer' IS NOT NULL)"
            ),
            {"subject": subject, "source": source},
        ).scalar_one()
    )


def join(connection: Connection, one: told.Told, due: Due, how: str) -> bool:
    """Make an object the account's, with its events and with what was written about it. False while a worker holds
    it: then it waits a little longer.

    What was said about it on its own subject goes on under the account: the case that a triage queue may have got is
    the same case. A charge that does not say its customer is asked about: mandates are found by that alone.
    """
    if not _waits(connection, one):
        return True
    if not _free(connection, one.subject):
        return False
    source, object_, id_ = told.key_of(one.item)
    connection.execute(
        text(
            "UPDATE snapshot SET subject = :subject, link = :how, "
            "ask_at = CASE WHEN object = 'charge' AND data->>'customer' IS NULL THEN now() ELSE ask_at END "
            "WHERE source = :source AND site = '' AND object = :object AND id = :id"
        ),
        {"subject": due.key, "how": how, "source": source, "object": object_, "id": id_},
    )
    own = {"subject": due.key, "own": one.subject}
    connection.execute(
        text(
            "UPDATE event SET subject = :subject, status = CASE WHEN status = 'done' THEN 'fetched' ELSE status END "
            "WHERE subject = :own"
        ),
        own,
    )
    connection.execute(text("UPDATE mirror SET subject = :subject WHERE subject = :own"), own)
    connection.execute(text("DELETE FROM subject WHERE key = :own"), {"own": one.subject})
    subjects.mark_due(connection, [due])
    return True


def _waits(connection: Connection, one: told.Told) -> bool:
    """Whether nobody has joined it meanwhile; nobody does, and no event is given to it, until this transaction ends."""
    source, object_, id_ = told.key_of(one.item)
    row = connection.execute(
        text(
            "SELECT link FROM snapshot WHERE source = :source AND site = '' AND object = :object AND id = :id "
            "FOR UPDATE"
        ),
        {"source": source, "object": object_, "id": id_},
    ).one_or_none()
    return row is not None and row.link == told.WAITS


def _free(connection: Connection, subject: str) -> bool:
    """Whether no worker holds a subject; nobody claims it until this transaction ends."""
    row = connection.execute(
        text(
            "SELECT lease IS NOT NULL AND ready_at > now() AS held FROM subject WHERE key = :key FOR UPDATE"
        ),
        {"key": subject},
    ).one_or_none()
    return row is None or not row.held
