"""Bringing a processor's object to the account it belongs to: what could match, and moving it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from connector.ledger import match_queue, observations, subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids as keys
from connector.mappers import match_keys
from connector.mappers.fields import Case, Event
from connector.mappers.match_keys import CUSTOMER, REFERENCE
from connector.models.facts import Kind, ProcessorObject

CHARGES_OF_A_REFERENCE = 100
"""A payment has a few charges. More that share one reference tell nothing more of it."""


@dataclass(frozen=True, slots=True)
class InvoicePayment:
    """A payment of an invoice, as far as it can contradict a match."""

    type: str
    gateway: str | None
    amount: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object whose account is known and that names a key. ``gateway``: of a payment, what its billing system calls
    the gateway. ``currency``, ``total`` and ``payments``: of an invoice."""

    source: str
    site: str
    object: str
    subject: str
    gateway: str | None = None
    currency: str | None = None
    total: Decimal | None = None
    payments: tuple[InvoicePayment, ...] = ()


def candidates(connection: Connection, keys_: Collection[str]) -> dict[str, list[Candidate]]:
    """What billing systems have under each of these keys. One look into an index for each key (``OFFSET 0`` keeps the
    planner to that): how many processor objects name it makes no difference."""
    rows = connection.execute(
        text(
            """
            SELECT wanted.key, s.source, s.site, s.object, s.subject, s.data->>'gateway' AS gateway,
                   s.data->>'currency' AS currency, s.data->>'total' AS total, p.payments
            FROM unnest(CAST(:keys AS text[])) AS wanted(key)
            CROSS JOIN LATERAL (
                SELECT source, site, object, id, subject, data FROM snapshot
                WHERE refs @> ARRAY[wanted.key] AND link IS NULL AND NOT gone OFFSET 0) AS s
            LEFT JOIN LATERAL (
                SELECT jsonb_agg(jsonb_build_array(data->>'type', data->>'gateway', data->>'amount', data->>'currency')
                                 ORDER BY id) AS payments
                FROM snapshot WHERE object = 'payment' AND source = s.source AND site = s.site
                  AND data->>'invoice_id' = s.id AND NOT gone) AS p ON s.object = 'invoice'
            ORDER BY wanted.key, s.source, s.site, s.object, s.id
            """
        ),
        {"keys": sorted(set(keys_))},
    )
    found: dict[str, list[Candidate]] = defaultdict(list)
    for row in rows:
        found[row.key].append(_candidate(row))
    return found


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(
        row.source,
        row.site,
        row.object,
        row.subject,
        gateway=row.gateway,
        currency=row.currency,
        total=_decimal(row.total),
        payments=tuple(
            InvoicePayment(type_ or "", gateway, _decimal(amount), currency)
            for type_, gateway, amount, currency in row.payments or ()
        ),
    )


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


_BY_MORE = "link > '' AND link <> 'payee' AND NOT starts_with(link, 'customer ')"
"""Matched by more than the customer. What was matched by that alone would be evidence for itself."""


@dataclass(frozen=True, slots=True, order=True)
class ReferencedCustomer:
    """A customer that an object names, itself or by a charge behind it."""

    source: str
    customer: str
    object: str
    id: str


def customer_candidates(
    connection: Connection, wanted: Collection[ReferencedCustomer]
) -> dict[ReferencedCustomer, list[Candidate]]:
    """The accounts to which other objects of the same customer were matched. At most two for each: a second is a doubt,
    and a third no greater one."""
    ordered = sorted(wanted)
    which = (
        f"source = wanted.source AND left(data->>'customer', 255) = wanted.customer AND {_BY_MORE} "
        "AND data->>'customer' = wanted.customer AND (object, id) <> (wanted.object, wanted.id)"
    )
    rows = connection.execute(
        text(
            f"""
            SELECT wanted.source, wanted.customer, wanted.object, wanted.id, owner.subject
            FROM unnest(CAST(:sources AS text[]), CAST(:customers AS text[]), CAST(:objects AS text[]),
                        CAST(:ids AS text[])) AS wanted(source, customer, object, id)
            CROSS JOIN LATERAL (
                (SELECT subject FROM snapshot WHERE {which} ORDER BY source, left(data->>'customer', 255), subject
                 LIMIT 1)
                UNION
                (SELECT subject FROM snapshot WHERE {which}
                 ORDER BY source DESC, left(data->>'customer', 255) DESC, subject DESC LIMIT 1)) AS owner
            ORDER BY 1, 2, 3, 4, 5
            """
        ),
        {
            "sources": [one.source for one in ordered],
            "customers": [one.customer for one in ordered],
            "objects": [one.object for one in ordered],
            "ids": [one.id for one in ordered],
        },
    )
    found: dict[ReferencedCustomer, list[Candidate]] = defaultdict(list)
    for row in rows:
        named = ReferencedCustomer(row.source, row.customer, row.object, row.id)
        found[named].append(Candidate(row.source, "", row.object, row.subject))
    return found


def charges(connection: Connection, keys_: Collection[str]) -> list[ProcessorObject]:
    """The processors' charges that go by one of these references; an invoice or a customer may have many others."""
    rows = connection.execute(
        text(
            """
            SELECT DISTINCT charge.source, charge.id, charge.data FROM unnest(CAST(:keys AS text[])) AS wanted(key)
            CROSS JOIN LATERAL (
                SELECT source, id, data FROM snapshot WHERE object = 'charge' AND refs @> ARRAY[wanted.key]
                LIMIT :most) AS charge
            ORDER BY charge.source, charge.id
            """
        ),
        {"keys": sorted({key for key in keys_ if key.startswith(REFERENCE)}), "most": CHARGES_OF_A_REFERENCE},
    )
    return [observations.decode(row.data) for row in rows]


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


@dataclass(frozen=True, slots=True)
class MatchUpdate:
    """``due``: the subjects that became due; ``keys``: what may be matched again because of it."""

    due: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def move(
    connection: Connection, one: observations.ProcessorSnapshot, due: Due, matched_by: str
) -> MatchUpdate | None:
    """Make an object the subject's ``due``, with its events and with what was written about it: an account's, or its
    own again (``matched_by`` is empty). None while a worker holds it, or the account that it leaves: then it is tried
    again a little later.

    What was written for it goes on under the new subject: its record, its timeline and its case are the same as
    before. A charge that does not say its customer is asked about: mandates are found by that alone.
    """
    if not _is_as_read(connection, one):
        return MatchUpdate()
    object_ = observations.key_of(one.item)
    if one.subject != due.key:
        if not _is_free(connection, one, due):
            return None
        _move_events(connection, one, due.key)
        _move_mirror(connection, one, due.key)
    _keep_match(connection, object_, due.key, matched_by)
    match_queue.register(connection, [object_])
    became_due = [due]
    if one.subject == due.key and one.item.kind is Kind.CHARGE:
        # only how its account is known changes: records say that, and a charge has none
        became_due = []
    elif one.waits:
        connection.execute(text("DELETE FROM subject WHERE key = :own"), {"own": one.subject})
    elif one.subject != due.key:
        became_due.append(Due(one.subject, *keys.account_of(one.subject), due.urgency))
    subjects.mark_due(connection, became_due)
    changed = _customer_keys(connection, one, due.key, matched_by)
    if one.item.kind is Kind.CHARGE:
        # what is about the charge may know nothing else
        own = match_keys.of_processor(one.item, REFERENCE)
        changed += tuple(match_queue.shared(connection, own, object_))
    match_queue.enqueue(connection, changed, always=True)
    return MatchUpdate(tuple(each.key for each in became_due), changed)


def _is_as_read(connection: Connection, one: observations.ProcessorSnapshot) -> bool:
    """Whether nobody has matched it meanwhile; nobody does, and no event is given to it, until this transaction
    ends."""
    source, object_, id_ = observations.key_of(one.item)
    row = connection.execute(
        text(
            "SELECT subject, link FROM snapshot WHERE source = :source AND site = '' AND object = :object AND id = :id "
            "FOR UPDATE"
        ),
        {"source": source, "object": object_, "id": id_},
    ).one_or_none()
    return row is not None and (row.subject, row.link) == (one.subject, one.link)


def _is_free(connection: Connection, one: observations.ProcessorSnapshot, due: Due) -> bool:
    """Whether no worker holds the subject that it leaves; nobody claims it until this transaction ends.

    An account whose mirror was dropped is due to be written whole. Until then nothing tells where its cases are.
    """
    rows = connection.execute(
        text(
            "SELECT key, status, lease IS NOT NULL AND ready_at > now() AS held FROM subject WHERE key = ANY(:keys) "
            "ORDER BY key FOR UPDATE"
        ),
        {"keys": [one.subject, due.key]},
    )
    left = next((row for row in rows if row.key == one.subject), None)
    if left is None:
        return True
    if left.held:
        return False
    if one.waits or left.status != "due":
        return True
    return not _is_forgotten(connection, one.subject)


def _is_forgotten(connection: Connection, subject: str) -> bool:
    """Whether something was written for it, and nothing tells what."""
    return bool(
        connection.execute(
            text(
                "SELECT EXISTS (SELECT 1 FROM attempt WHERE subject = :subject AND written > 0) "
                "AND NOT EXISTS (SELECT 1 FROM mirror WHERE subject = :subject)"
            ),
            {"subject": subject},
        ).scalar_one()
    )


def _move_events(connection: Connection, one: observations.ProcessorSnapshot, subject: str) -> None:
    """They are told again, because a row of the timeline is written once. An event is its main object's."""
    source, object_, id_ = observations.key_of(one.item)
    which = "e.subject = :left" if one.waits else "e.id = ANY(:ids)"
    ids: list[int] = []
    if not one.waits:
        rows = connection.execute(
            text(
                "SELECT e.id, e.carried FROM observation o JOIN event e "
                "ON (e.source, e.site, e.event_id) = (o.source, '', o.told_by) "
                "WHERE (o.source, o.object, o.id) = (:source, :object, :id) AND e.subject = :left"
            ),
            {"source": source, "object": object_, "id": id_, "left": one.subject},
        )
        ids = [row.id for row in rows if _is_about(row.carried, observations.key_of(one.item))]
    connection.execute(
        text(
            "UPDATE event e SET subject = :subject, "
            f"status = CASE WHEN status = 'done' THEN 'fetched' ELSE status END WHERE {which}"
        ),
        {"subject": subject, **({"left": one.subject} if one.waits else {"ids": ids})},
    )


def _is_about(carried: Sequence[Any], object_: observations.Key) -> bool:
    return (
        bool(carried)
        and observations.key_of(observations.main_object([observations.decode(data) for data in carried]))
        == object_
    )


def _move_mirror(connection: Connection, one: observations.ProcessorSnapshot, subject: str) -> None:
    """What was written about the object. Of an object that waits that is all that was written for its subject."""
    if one.waits:
        which, values = "subject = :left", {}
    else:
        own = _own(one)
        rows = connection.execute(
            text(
                "SELECT object, key FROM mirror WHERE subject = :left AND (key = :own OR starts_with(key, :own || ':') "
                f"OR (object = '{Event.OBJECT}' AND fields->>'{Event.ABOUT}' = :own))"
            ),
            {"left": one.subject, "own": own},
        )
        found = [row for row in rows if row.object != Case.OBJECT or keys.is_case_of(row.key, own)]
        which = "(object, key) IN (SELECT * FROM unnest(CAST(:objects AS text[]), CAST(:keys AS text[])))"
        values = {"objects": [row.object for row in found], "keys": [row.key for row in found]}
    connection.execute(
        text(f"UPDATE mirror SET subject = :subject WHERE subject = :left AND {which}"),
        {"subject": subject, "left": one.subject, **values},
    )


def _own(one: observations.ProcessorSnapshot) -> str:
    """The key of its record, which is also its subject while it waits."""
    source, object_, id_ = observations.key_of(one.item)
    return keys.unjoined(source, object_, id_)


def _keep_match(connection: Connection, object_: observations.Key, subject: str, matched_by: str) -> None:
    connection.execute(
        text(
            """
            UPDATE snapshot SET subject = :subject, link = :matched_by,
                ask_at = CASE WHEN CAST(:matched_by AS text) = '' AND object <> 'charge' THEN now()
                              WHEN object = 'charge' AND data->>'customer' IS NULL AND link = '' THEN now()
                              ELSE ask_at END,
                asks = CASE WHEN CAST(:matched_by AS text) = '' THEN 0 ELSE asks END
            WHERE source = :source AND site = '' AND object = :object AND id = :id
            """
        ),
        {
            "subject": subject,
            "matched_by": matched_by,
            "source": object_[0],
            "object": object_[1],
            "id": object_[2],
        },
    )


def _customer_keys(
    connection: Connection, one: observations.ProcessorSnapshot, subject: str, matched_by: str
) -> tuple[str, ...]:
    """The key of its customer, where this tells something new of whose customer that is."""
    own = match_keys.of_processor(one.item, CUSTOMER)
    if not own:
        return ()
    left = not one.waits and one.subject != subject and not match_keys.is_by_customer(one.link)
    tells = bool(matched_by) and not match_keys.is_by_customer(matched_by)
    if left or (tells and not _is_known_customer(connection, one, subject)):
        return own
    return ()


def _is_known_customer(connection: Connection, one: observations.ProcessorSnapshot, subject: str) -> bool:
    """Whether another object told the same of its customer before."""
    return bool(
        connection.execute(
            text(
                f"SELECT EXISTS (SELECT 1 FROM snapshot WHERE source = :source AND {_BY_MORE} "
                "AND left(data->>'customer', 255) = :customer AND subject = :subject "
                "AND (object, id) <> (:object, :id))"
            ),
            {
                "source": one.item.source,
                "customer": one.item.customer,
                "subject": subject,
                "object": str(one.item.kind),
                "id": one.item.id,
            },
        ).scalar_one()
    )
