"""The tables. A migration makes them (``migrations/``); a test holds the two together.

| table       | one row for                                   | status                                             |
|-------------|-----------------------------------------------|----------------------------------------------------|
| event       | a thing a source said happened                | pending → fetched → done · ignored unknown dead buried |
| event_word  | the words of an event, for ``--search``       |                                                    |
| tombstone   | an event whose row retention removed          |                                                    |
| transmission | a sending whose signature does not cover the body itself |                                        |
| observation | what one event of a processor says of an object |                                                  |
| snapshot    | the newest known version of a source's object | link: NULL (not joined to anything) · '' waits · how |
| match_key   | a key of a processor object whose match is open |                                                  |
| match_task  | a key whose objects are to be matched again   |                                                    |
| subject     | an account; a payee, a gateway, an object not joined yet | idle ⇄ due → dead                       |
| incident    | payments of many accounts failing at one gateway | ended_at: NULL while it lasts                   |
| attempt     | one decide + apply of a subject               | outcome: applied unchanged retry dead              |
| change      | one record written, or refused, in an attempt | outcome: written refused                           |
| mirror      | what was last written to a Salesforce record  |                                                    |
| link        | which CRM record an account of billing is     | new · linked · review · waiting                    |
| run         | a command of an admin that does something     | state: running done stopped failed                 |
| run_go      | a process that a person started for a run     |                                                    |
| backfill_account | an account that a backfill found         |                                                    |
| backfill_trouble | what a backfill could not read or decide | code: UNREADABLE NOT_FETCHED UNDECIDED             |
| missed      | a version of an object that no delivery told of |                                                  |
| heard       | five minutes in which a source spoke          |                                                    |
| silence     | a time in which a source was unusually quiet  | ended_at: NULL while it lasts                      |
| discrepancy | where the sides differ about one movement of money | state: explained open cleared       |
| watermark   | how far something was looked through          |                                                    |
| budget      | what a destination last told of its API limit |                                                    |
| circuit     | a destination that is out for now             |                                                    |
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

metadata = MetaData()
_time = DateTime(timezone=True)
_now = text("now()")

event = Table(
    "event",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("content", LargeBinary, nullable=False, server_default=text("''::bytea")),
    Column("signed_at", _time),
    Column("kind", Text, nullable=False),
    Column("fate", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("urgency", SmallInteger, nullable=False),
    Column("occurred_at", _time),
    Column("received_at", _time, nullable=False, server_default=_now),
    Column("hinted_at", _time, nullable=False, server_default=_now),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("strong_id", Boolean, nullable=False),
    Column("format", Text, nullable=False),
    Column("pointers", JSONB, nullable=False),
    Column("carried", JSONB, nullable=False, server_default="[]"),
    Column("body", Text),
    Column("note", Text, nullable=False, server_default=""),
    Column("subject", Text),
    Column("attempt_id", BigInteger),
    Column("ready_at", _time, nullable=False, server_default=_now),
    Column("lease", Text),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("settled_at", _time),
    Column("run_id", BigInteger),
    Column("earlier", ARRAY(BigInteger), nullable=False, server_default="{}"),
    Column("runs", ARRAY(BigInteger), nullable=False, server_default="{}"),
    UniqueConstraint("event_id", "source", "site", name="event_identity"),
    Index(
        *("event_signed_content", "content", "source", "site", "signed_at"),
        unique=True,
        postgresql_where=text("signed_at IS NOT NULL"),
    ),
    Index("event_pending", "urgency", "id", postgresql_where=text("status = 'pending'")),
    Index("event_dead", "id", postgresql_where=text("status IN ('dead', 'unknown')")),
    Index("event_received", "received_at"),
    Index("event_subject", "subject", "id"),
    Index("event_fetched", "subject", "id", postgresql_where=text("status = 'fetched'")),
    Index("event_facets", "source", "kind", "status", "id"),
    Index(
        "event_unfetched",
        "pointers",
        postgresql_using="gin",
        postgresql_ops={"pointers": "jsonb_path_ops"},
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("subject IS NULL"),
    ),
)

event_word = Table(
    "event_word",
    metadata,
    Column("event_id", BigInteger, ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
    Column("words", TSVECTOR, nullable=False),
    Index("event_word_words", "words", postgresql_using="gin"),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("purged_at", _time, nullable=False, server_default=_now),
)

transmission = Table(
    "transmission",
    metadata,
    Column("source", Text, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("seen_at", _time, nullable=False, server_default=_now),
    Index("transmission_seen", "seen_at"),
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("source", Text, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("object", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("alias", Text),
    Column("subject", Text, nullable=False),
    Column("version", _time),
    Column("observed_at", _time, nullable=False),
    Column("gone", Boolean, nullable=False, server_default=text("false")),
    Column("data", JSONB, nullable=False),
    Column("refs", ARRAY(Text), nullable=False, server_default="{}"),
    Column("link", Text),
    Column("first_seen_at", _time, nullable=False, server_default=_now),
    Column("happened_at", _time),
    Column("learnt_at", _time),
    Column("ask_at", _time),
    Column("asks", SmallInteger, nullable=False, server_default="0"),
    Index("snapshot_alias", "source", "site", "object", "alias"),
    Index("snapshot_subject", "subject"),
    Index(
        "snapshot_billing_refs",
        "refs",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("link IS NULL"),
    ),
    Index(
        "snapshot_charge_refs",
        "refs",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("object = 'charge'"),
    ),
    Index(
        "snapshot_customer",
        "source",
        text("left(data->>'customer', 255)"),
        "subject",
        "id",
        postgresql_where=text("link > '' AND link <> 'payee' AND NOT starts_with(link, 'customer ')"),
    ),
    Index(
        "snapshot_invoice_payments",
        "source",
        "site",
        text("(data->>'invoice_id')"),
        postgresql_where=text("object = 'payment'"),
    ),
    Index("snapshot_waiting", "source", "object", "id", postgresql_where=text("link = ''")),
    Index("snapshot_ask", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
    Index("snapshot_happened", "happened_at", postgresql_where=text("happened_at IS NOT NULL")),
)

match_key = Table(
    "match_key",
    metadata,
    Column("key", Text(collation="C"), primary_key=True),
    Column("place", Text(collation="C"), primary_key=True),
    Column("source", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("id", Text, nullable=False),
    Index("match_key_object", "source", "object", "id"),
)

match_task = Table(
    "match_task",
    metadata,
    Column("key", Text(collation="C"), primary_key=True),
    Column("generation", BigInteger, nullable=False, server_default="1"),
    Column("place", Text(collation="C"), nullable=False, server_default=""),
    Column("ready_at", _time, nullable=False, server_default=_now),
    Index("match_task_ready", "ready_at"),
)

observation = Table(
    "observation",
    metadata,
    Column("source", Text, primary_key=True),
    Column("object", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("told_by", Text, primary_key=True),
    Column("data", JSONB, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("started_at", _time, nullable=False),
    Column("last_failure_at", _time, nullable=False),
    Column("ended_at", _time),
    Column("accounts", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("succeeded", Integer, nullable=False),
    Index("incident_site", "source", "site", "started_at"),
)

subject = Table(
    "subject",
    metadata,
    Column("key", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("urgency", SmallInteger, nullable=False),
    Column("generation", BigInteger, nullable=False, server_default="1"),
    Column("due_at", _time),
    Column("ready_at", _time, nullable=False, server_default=_now),
    Column("lease", Text),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("error_code", Text, nullable=False, server_default=""),
    Column("look_again_at", _time),
    Column("history", Text, nullable=False, server_default="unknown"),
    Column("history_ready_at", _time, nullable=False, server_default=_now),
    Column("first_seen_at", _time, nullable=False, server_default=_now),
    Column("applied_at", _time),
    Column("run_id", BigInteger),
    Index("subject_due", "urgency", "due_at", postgresql_where=text("status = 'due'")),
    Index("subject_code", "code"),
    Index("subject_dead", "key", postgresql_where=text("status = 'dead'")),
    Index("subject_look_again", "look_again_at", postgresql_where=text("look_again_at IS NOT NULL")),
    Index("subject_history", "history_ready_at", postgresql_where=text("history = 'wanted'")),
)

run = Table(
    "run",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("command", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("options", JSONB, nullable=False, server_default="{}"),
    Column("state", Text, nullable=False),
    Column("progress", JSONB, nullable=False, server_default="{}"),
    Column("error", Text, nullable=False, server_default=""),
    Column("started_at", _time, nullable=False, server_default=_now),
    Column("touched_at", _time, nullable=False, server_default=_now),
    Column("ended_at", _time),
    Index("run_command", "command", "id"),
)

backfill_account = Table(
    "backfill_account",
    metadata,
    Column("run_id", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", Text, primary_key=True),
)

run_go = Table(
    "run_go",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("run_id", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("writes", Boolean, nullable=False),
    Column("began_at", _time, nullable=False, server_default=_now),
    Index("run_go_run", "run_id", "id"),
)

backfill_trouble = Table(
    "backfill_trouble",
    metadata,
    Column("run_id", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("object", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("subject", Text),
    Column("code", Text, primary_key=True),
    Column("error", Text, nullable=False),
    Column("found_at", _time, nullable=False, server_default=_now),
    Index("backfill_trouble_subject", "run_id", "subject"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("who", Text, nullable=False, server_default=""),
    Column("started_at", _time, nullable=False),
    Column("ended_at", _time, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("error_code", Text, nullable=False, server_default=""),
    Column("written", Integer, nullable=False, server_default="0"),
    Column("refused", Integer, nullable=False, server_default="0"),
    Column("run_id", BigInteger, ForeignKey("run.id", name="attempt_run", ondelete="SET NULL")),
    Column("go_id", BigInteger, ForeignKey("run_go.id", name="attempt_go", ondelete="SET NULL")),
    Index("attempt_subject", "subject", "id"),
    Index("attempt_run_id", "run_id", "id", postgresql_where=text("run_id IS NOT NULL")),
)

change = Table(
    "change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("attempt_id", BigInteger, ForeignKey("attempt.id", ondelete="CASCADE"), nullable=False),
    Column("object", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("salesforce_id", Text),
    Column("transition", Text),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Index("change_attempt", "attempt_id"),
    Index("change_record", "object", "key"),
)

mirror = Table(
    "mirror",
    metadata,
    Column("object", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("salesforce_id", Text, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("written_at", _time, nullable=False, server_default=_now),
    Index("mirror_subject", "subject"),
    Index("mirror_place", "object", "salesforce_id"),
    Index(
        "mirror_moved_case",
        text("(fields->>'Billing_Account_Key__c')"),
        postgresql_where=text("object = 'Case' AND fields->>'Billing_Account_Key__c' <> subject"),
    ),
)

link = Table(
    "link",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("account_id", Text),
    Column("contact_id", Text),
    Column("person", Boolean, nullable=False, server_default=text("false")),
    Column("how", Text, nullable=False, server_default=""),
    Column("candidates", JSONB, nullable=False, server_default="[]"),
    Column("since", _time, nullable=False, server_default=_now),
    Index("link_account", "account_id", unique=True),
    Index("link_held", "subject", postgresql_where=text("state IN ('review', 'waiting')")),
)

missed = Table(
    "missed",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("version", _time),
    Column("subject", Text, nullable=False),
    Column("found_at", _time, nullable=False, server_default=_now),
    Column("run_id", BigInteger, ForeignKey("run.id", ondelete="SET NULL")),
    Index("missed_found", "found_at"),
    Index("missed_run", "run_id"),
)

heard = Table(
    "heard",
    metadata,
    Column("source", Text, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("at", _time, primary_key=True),
    Column("events", Integer, nullable=False),
    Column("last_at", _time, nullable=False),
    Index("heard_at", "at"),
)

silence = Table(
    "silence",
    metadata,
    Column("source", Text, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("since", _time, primary_key=True),
    Column("noticed_at", _time, nullable=False, server_default=_now),
    Column("ended_at", _time),
    Index("silence_lasts", "source", "site", unique=True, postgresql_where=text("ended_at IS NULL")),
)

discrepancy = Table(
    "discrepancy",
    metadata,
    Column("key", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("difference", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("movement", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("account", Text),
    Column("at", _time, nullable=False),
    Column("amount", Numeric),
    Column("currency", Text),
    Column("sides", JSONB, nullable=False),
    Column("link", Text),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("first_seen_at", _time, nullable=False, server_default=_now),
    Column("last_seen_at", _time, nullable=False, server_default=_now),
    Column("opened_at", _time),
    Column("cleared_at", _time),
    Column("run_id", BigInteger),
    Index("discrepancy_subject", "subject", "state"),
    Index("discrepancy_unsettled", "at", postgresql_where=text("state <> 'cleared'")),
)

watermark = Table(
    "watermark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", _time, nullable=False),
)

budget = Table(
    "budget",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("used", BigInteger, nullable=False),
    Column("allowed", BigInteger, nullable=False),
    Column("told_at", _time, nullable=False),
)

bulk_job = Table(
    "bulk_job",
    metadata,
    Column("job", Text, primary_key=True),
    Column("object", Text, nullable=False),
    Column("keys", ARRAY(Text), nullable=False),
    Column("token", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("begun_at", _time, nullable=False, server_default=_now),
    Column("ended_at", _time),
    Column("told", Boolean, nullable=False, server_default=text("false")),
)

circuit = Table(
    "circuit",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("opened_at", _time, nullable=False, server_default=_now),
    Column("open_until", _time, nullable=False),
    Column("failures", Integer, nullable=False, server_default="1"),
    Column("code", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False),
)
