"""Which events an admin means: the filter that ``events list``, ``replay``, ``bury`` and ``dead retry`` share.

Every condition reads an index, so that the answer takes as long with a million events as with a thousand:

| condition               | index                                                                             |
|-------------------------|-----------------------------------------------------------------------------------|
| source, kind, status    | ``event_facets``; the distinct combinations are read first, each is then one range |
| account                 | ``event_subject``; ``event_unfetched`` for events that were never fetched           |
| since, until            | translated into a range of ids by ``event_received``                               |
| search                  | ``event_word``, filled by the scheduler; newer events are compared one by one      |

A filter is a union of *branches* that share no event. A branch is one equality, so that PostgreSQL reads its newest
events from the end of an index instead of guessing (an OR or a LIKE made it read the whole table).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connector.ledger.locks import Lock, until_committed
from connector.mappers import external_ids

SEARCHED_CHARACTERS: Final = 100_000
"""Of a body; a tsvector holds a mebibyte at most."""
LONGEST_WORD: Final = 64
LATE_SECONDS: Final = 300
"""An id is taken a moment after ``received_at``, the start of the transaction. No transaction of the receiver takes
longer: a range of ids that is wider by so much holds every event of a range of times."""
SETTLE_SECONDS: Final = 60
"""Events younger than this are not put into the word index: one with a lower id may still be committed."""

# what a search compares with: id, kind and body in lower case; a word is a run of letters and digits
_TEXT: Final = f"lower(concat_ws(' ', event.event_id, event.kind, left(event.body, {SEARCHED_CHARACTERS})))"
_WORDS: Final = "regexp_split_to_table({0}, '[^[:alnum:]]+') AS word WHERE word <> ''"
_VECTOR: Final = (
    f"array_to_tsvector(ARRAY(SELECT DISTINCT left(word, {LONGEST_WORD}) FROM {_WORDS.format(_TEXT)}))"
)
_TEXT_MATCHES: Final = f"{_TEXT} LIKE :search AND {_TEXT} ~ :word_start"
_WORD_QUERY: Final = (
    f"(SELECT CAST(string_agg('''' || left(word, {LONGEST_WORD}) || ''':*', ' & ') AS tsquery) "
    f"FROM {_WORDS.format('lower(:term)')})"
)
_INDEXED_UP_TO: Final = "COALESCE((SELECT max(event_id) FROM event_word), 0)"

_FACETS: Final = """
    WITH RECURSIVE facet AS (
        (SELECT source, kind, status FROM event ORDER BY source, kind, status LIMIT 1)
        UNION ALL
        SELECT following.* FROM facet CROSS JOIN LATERAL (
            SELECT source, kind, status FROM event
            WHERE (event.source, event.kind, event.status) > (facet.source, facet.kind, facet.status)
            ORDER BY source, kind, status LIMIT 1
        ) AS following
    )
    SELECT source, kind, status FROM facet
    """

_FIRST_ID_SINCE: Final = (
    "id >= COALESCE((SELECT min(id) FROM (SELECT id FROM event WHERE received_at >= "
    f":since - interval '{LATE_SECONDS} seconds' ORDER BY received_at LIMIT 1000) AS early), {2**63 - 1})"
)
_LAST_ID_UNTIL: Final = (
    "id <= COALESCE((SELECT max(id) FROM (SELECT id FROM event WHERE received_at < "
    f":until + interval '{LATE_SECONDS} seconds' ORDER BY received_at DESC LIMIT 1000) AS late), 0)"
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; None and no ids are no condition. ``account`` is an account code or a subject key: an event that
    was never fetched is found by the code that it points to. ``kind`` may hold ``*``. ``search``: the text stands in
    id, kind or body, at the start of a word. ``before``: ids below this one, for the next page."""

    source: str | None = None
    kind: str | None = None
    status: str | None = None
    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None
    before: int | None = None
    ids: tuple[int, ...] = ()
    limit: int = 50


@dataclass(frozen=True, slots=True)
class _Branch:
    """One equality and the conditions beside it. ``each``: rows that the equality is tried with one by one
    (a FROM item), so that each of them is one range of an index."""

    where: str
    each: str = ""

    def newest(self) -> str:
        ids = f"SELECT id FROM event WHERE {self.where} ORDER BY id DESC LIMIT :limit"
        return f"SELECT found.id FROM {self.each} CROSS JOIN LATERAL ({ids}) AS found" if self.each else ids

    def every(self) -> str:
        joined = f"event CROSS JOIN {self.each}" if self.each else "event"
        return f"SELECT event.id FROM {joined} WHERE {self.where}"


class Selection:
    """A filter prepared for one connection: SQL that yields ids, and the values for it."""

    def __init__(self, connection: Connection, wanted: Filter) -> None:
        self.values: dict[str, Any] = {"limit": wanted.limit}
        self._connection = connection
        self._wanted = wanted
        self._branches = self._prepare()

    def newest(self) -> str:
        """SQL for the ids of the newest ``limit`` events, newest first. Values: ``values``."""
        union = " UNION ALL ".join(f"({branch.newest()})" for branch in self._branches)
        return f"SELECT id FROM ({union}) AS branches ORDER BY id DESC LIMIT :limit"

    def every(self) -> str:
        """SQL for the ids of all events, in no order. Values: ``values``."""
        return " UNION ALL ".join(f"({branch.every()})" for branch in self._branches)

    def _prepare(self) -> Sequence[_Branch]:
        wanted = self._wanted
        plain = self._id_and_time()
        if wanted.ids:
            return [_Branch(_and(plain, self._facets_plain(), self._account_plain(), self._search_plain()))]
        if wanted.account is not None:
            rest = _and(plain, self._facets_plain(), self._search_plain())
            return [_Branch(_and(branch.where, rest), branch.each) for branch in self._account()]
        if wanted.search is not None:
            rest = _and(plain, self._facets_plain())
            return [_Branch(_and(branch.where, rest), branch.each) for branch in self._search()]
        if (wanted.source, wanted.kind, wanted.status) != (None, None, None):
            return [_Branch(_and(branch.where, plain), branch.each) for branch in self._facets()]
        return [_Branch(plain)]

    def _id_and_time(self) -> str:
        wanted = self._wanted
        conditions: Mapping[str, object] = {
            "id = ANY(:ids)": list(wanted.ids) or None,
            "id < :before": wanted.before,
            f"received_at >= :since AND {_FIRST_ID_SINCE}": wanted.since,
            f"received_at < :until AND {_LAST_ID_UNTIL}": wanted.until,
        }
        self.values |= {
            "ids": list(wanted.ids),
            "before": wanted.before,
            "since": wanted.since,
            "until": wanted.until,
        }
        return _and(*(clause for clause, value in conditions.items() if value is not None))

    def _facets_plain(self) -> str:
        wanted = self._wanted
        conditions = {
            "source = :source": wanted.source,
            "kind LIKE :kind": wanted.kind,
            "status = :status": wanted.status,
        }
        self.values |= {
            "source": wanted.source,
            "kind": _like(wanted.kind or "").replace("*", "%"),
            "status": wanted.status,
        }
        return _and(*(clause for clause, value in conditions.items() if value is not None))

    def _facets(self) -> Sequence[_Branch]:
        """One range of ``event_facets`` for each combination of source, kind and status that exists."""
        where = self._facets_plain()
        found = self._connection.execute(text(f"{_FACETS} WHERE {where}"), self.values).all()
        self.values |= {
            "sources": [row.source for row in found],
            "kinds": [row.kind for row in found],
            "statuses": [row.status for row in found],
        }
        each = (
            "unnest(CAST(:sources AS text[]), CAST(:kinds AS text[]), CAST(:statuses AS text[])) "
            "AS facet(source, kind, status)"
        )
        same = "event.source = facet.source AND event.kind = facet.kind AND event.status = facet.status"
        return [_Branch(same, each)]

    def _account(self) -> Sequence[_Branch]:
        """Events of its subjects, one for each site that has the code; and those not fetched that point to it."""
        account = self._wanted.account or ""
        code = external_ids.account_of(account)[2] or account
        subjects = self._connection.execute(
            text("SELECT key FROM subject WHERE code = :account AND key LIKE '%:account:%'"),
            {"account": account},
        ).scalars()
        self.values |= {
            "account": account,
            "account_code": code,
            "subjects": sorted({account, *subjects}),
            "account_pointer": json.dumps([["account", [f"code-{code}"]]]),
        }
        return [
            _Branch("event.subject = account.key", "unnest(CAST(:subjects AS text[])) AS account(key)"),
            _Branch(
                "subject IS NULL AND pointers @> CAST(:account_pointer AS jsonb) AND CAST(:account AS text) "
                "IN (:account_code, concat(source, ':', site, ':account:', CAST(:account_code AS text)))"
            ),
        ]

    def _account_plain(self) -> str:
        if self._wanted.account is None:
            return ""
        _, unfetched = self._account()
        return f"(subject = ANY(:subjects) OR ({unfetched.where}))"

    def _search(self) -> Sequence[_Branch]:
        condition = self._search_plain()
        # a value, not a subquery: PostgreSQL expects few ids above it, and reads only those
        words, self.values["indexed"] = self._connection.execute(
            text(f"SELECT {_WORD_QUERY} IS NOT NULL, {_INDEXED_UP_TO}"), self.values
        ).one()
        if not words:  # nothing but punctuation: no word can lead to it
            return [_Branch(condition)]
        return [
            _Branch(f"id > :indexed AND {condition}"),
            _Branch(
                f"id IN (SELECT event_id FROM event_word WHERE words @@ {_WORD_QUERY}) "
                f"AND id <= :indexed AND {condition}"
            ),
        ]

    def _search_plain(self) -> str:
        if self._wanted.search is None:
            return ""
        term = self._wanted.search.lower()
        self.values |= {"term": term, "search": f"%{_like(term)}%", "word_start": _word_start(term)}
        return _TEXT_MATCHES


def extend_word_index(engine: Engine, limit: int) -> int:
    """Put the words of up to ``limit`` events into the index of ``--search``, oldest first; how many."""
    with engine.begin() as connection:
        until_committed(connection, Lock.EVENT_WORDS)
        return connection.execute(
            text(
                f"""
                INSERT INTO event_word (event_id, words)
                SELECT id, {_VECTOR} FROM event
                WHERE id > {_INDEXED_UP_TO} AND id < COALESCE((SELECT min(id) FROM (
                    SELECT id FROM event WHERE received_at >= now() - interval '{SETTLE_SECONDS} seconds'
                    ORDER BY received_at LIMIT 1000) AS young), {2**63 - 1})
                ORDER BY id LIMIT :limit
                ON CONFLICT DO NOTHING
                """
            ),
            {"limit": limit},
        ).rowcount


def forget_purged_words(connection: Connection, ids: Sequence[int]) -> None:
    """Remove from the word index what only stood in the bodies of these events. Call it in the transaction that
    removed the bodies, after ``Lock.EVENT_WORDS`` was taken."""
    connection.execute(
        text(
            f"UPDATE event_word SET words = {_VECTOR} FROM event WHERE id = event_word.event_id AND id = ANY(:ids)"
        ),
        {"ids": list(ids)},
    )


def _and(*conditions: str) -> str:
    return " AND ".join(condition for condition in conditions if condition) or "true"


def _like(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _word_start(term: str) -> str:
    """A regular expression: the term at the start of a word. One that begins with punctuation starts anywhere."""
    escaped = "".join(character if character.isalnum() else f"\\{character}" for character in term)
    return f"(^|[^[:alnum:]]){escaped}" if term[:1].isalnum() else escaped
