"""Faults in SQL and in what the ledger keeps: a clause that is missing, a comparison that is off by one."""

from __future__ import annotations

from bench.mutants.model import mutants

LEDGER = [
    *mutants(
        "ledger/subjects",
        [
            ("one.urgency < most_urgent[one.key].urgency", "one.urgency > most_urgent[one.key].urgency"),
            ("for key in sorted(most_urgent)]", "for key in most_urgent]"),
            ("generation = subject.generation + 1,", "generation = subject.generation,"),
            (
                "WHEN subject.status = 'due' OR subject.look_again_at IS NOT NULL",
                "WHEN subject.status = 'due'",
            ),
            (
                "THEN LEAST(subject.urgency, excluded.urgency)",
                "THEN GREATEST(subject.urgency, excluded.urgency)",
            ),
            (
                "due_at = CASE WHEN subject.status = 'due' THEN subject.due_at ELSE now() END",
                "due_at = now()",
            ),
            ("CASE WHEN subject.lease IS NULL THEN now() ELSE subject.ready_at END", "now()"),
            (
                "tries = CASE WHEN subject.status = 'due' THEN subject.tries ELSE 0 END",
                "tries = subject.tries",
            ),
            ("tries = CASE WHEN subject.status = 'due' THEN subject.tries ELSE 0 END", "tries = 0"),
            ("run_id = COALESCE(excluded.run_id, subject.run_id)", "run_id = excluded.run_id"),
            ("key = ANY(:only) AND (lease IS NULL OR ready_at <= now())", "key = ANY(:only)"),
            (
                "key = ANY(:only) AND (lease IS NULL OR ready_at <= now())",
                "key = ANY(:only) AND lease IS NULL",
            ),
            (
                "status = 'due' AND ready_at <= now() AND tries >= :at_least",
                "status = 'due' AND tries >= :at_least",
            ),
            ("tries >= :at_least AND tries < :below", "tries >= :at_least AND tries <= :below"),
            ("AND urgency BETWEEN :least AND :most", "AND urgency <= :most"),
            ("AND urgency BETWEEN :least AND :most", "AND urgency >= :least"),
            ("(WORN, MOST_TRIES, 1))", "(WORN, MOST_TRIES, limit))"),
            ("ORDER BY urgency, due_at, key LIMIT", "ORDER BY due_at, key LIMIT"),
            ("ORDER BY urgency, due_at, key LIMIT", "ORDER BY urgency, key LIMIT"),
            ("tries = tries + 1, status = 'due'", "tries = tries, status = 'due'"),
            ("tries = tries + 1, status = 'due'", "tries = tries + 1"),
            ("WHERE key = :key AND lease = :token", "WHERE key = :key"),
            (
                "status = CASE WHEN generation > :generation THEN 'due'",
                "status = CASE WHEN generation >= :generation THEN 'due'",
            ),
            (
                "WHEN generation > :generation AND :status <> 'due' THEN now()",
                "WHEN generation > :generation THEN now()",
            ),
            ("tries = CASE WHEN :status = 'due' THEN tries - :refund ELSE 0 END", "tries = tries - :refund"),
            ("THEN COALESCE(CAST(:known_at AS timestamptz), now())", "THEN now()"),
            (
                "AND generation = :generation AND history <> 'wanted' THEN NULL",
                "AND generation = :generation THEN NULL",
            ),
            (
                "AND generation = :generation AND history <> 'wanted' THEN NULL",
                "AND history <> 'wanted' THEN NULL",
            ),
            (" AND urgency >= :least ORDER BY", " ORDER BY"),
            ("WHERE look_again_at <= now() AND status = 'idle'", "WHERE look_again_at <= now()"),
            ("AND ready_at <= now() AND tries >= :most", "AND ready_at <= now() AND tries > :most"),
            ("AND ready_at <= now() AND tries >= :most", "AND tries >= :most"),
            ("WHERE key = ANY(:keys) AND history = 'unknown'", "WHERE key = ANY(:keys)"),
            ("OR history = :before)", "OR true)"),
            ("WHERE history = 'wanted' AND history_ready_at <= now()\n", "WHERE history = 'wanted'\n"),
        ],
        "tests/ledger/test_subjects.py",
    ),
    *mutants(
        "ledger/retention",
        [
            (
                "SELECT key FROM discrepancy WHERE state = 'cleared' \"\n    \"AND cleared_at",
                'SELECT key FROM discrepancy WHERE true "\n    "AND cleared_at',
            ),
            ("status IN ('done', 'ignored', 'buried')", "status IN ('done', 'ignored', 'buried', 'dead')"),
            ("f\"WHERE digest = {DIGEST.format('event')} AND purged_at <", 'f"WHERE purged_at <'),
            ("AND purged_at < now() - interval '1 minute'", "AND true"),
            ('ORDER BY received_at LIMIT :most "', 'ORDER BY received_at DESC LIMIT :most "'),
            (
                "AND body IS NOT NULL AND received_at < now() - make_interval(days => :days) LIMIT",
                "AND body IS NOT NULL LIMIT",
            ),
            ("found_at < now() - make_interval(days => :days) LIMIT", "true LIMIT"),
        ],
        "tests/ledger/test_retention.py",
    ),
    *mutants(
        "ledger/attempts",
        [
            ("ORDER BY n RETURNING id", "ORDER BY n DESC RETURNING id"),
            ("sum(c.written for c in a.changes)", "len(a.changes)"),
            ('["written" if c.written else "refused" for', '["written" for'),
            ("for c in a.changes if c.mirror is not None]", "for c in a.changes if c.written and c.mirror]"),
            ("written_at = now(),\n", "\n"),
            ("WHEN event.attempt_id IS NULL THEN event.earlier\n", "WHEN true THEN event.earlier\n"),
            ("WHERE event.id = new.event_id AND event.status = 'fetched'", "WHERE event.id = new.event_id"),
            ("if one.cause.trigger == WEBHOOK", "if True"),
            ("id_: one.cause.run_id or replayed.get(id_)", "id_: replayed.get(id_) or one.cause.run_id"),
            ("AND writes\n", "\n"),
            ("ORDER BY id DESC LIMIT 1) AS go", "ORDER BY id LIMIT 1) AS go"),
            ('AND {key} <> subject"', '"'),
            ("AND ({moving}) IS NOT TRUE", ""),
        ],
        "tests/ledger/test_attempts.py",
        "tests/ledger/test_runs.py",
        "tests/sync/test_joining.py",
    ),
    *mutants(
        "ledger/acts",
        [
            ("status IN ('pending', 'dead', 'unknown')", "status IN ('pending', 'dead', 'unknown', 'done')"),
            ("f\"{points} AND status <> 'buried'\"", "points"),
            ('points if wanted.ids or wanted.status == "buried"', "points if wanted.ids"),
            ('points if wanted.ids or wanted.status == "buried"', 'points if wanted.status == "buried"'),
            ("jsonb_array_length(pointers) > 0", "jsonb_array_length(pointers) >= 0"),
            ('OR key = :account OR code = :account)"', 'OR key = :account)"'),
            (
                'f"generation = generation + 1, run_id = :run_id WHERE {_DEAD}"',
                'f"run_id = :run_id WHERE {_DEAD}"',
            ),
        ],
        "tests/ledger/test_acts.py",
    ),
    *mutants(
        "ledger/backfills",
        [
            ("AND a.subject > :after AND status = 'due'", "AND a.subject >= :after AND status = 'due'"),
            ("AND (lease IS NULL OR ready_at <= now()) ORDER BY", "AND ready_at <= now() ORDER BY"),
            ('AND subject > :after "', 'AND subject >= :after "'),
            ("AND earlier.id < ours.id AND earlier.outcome", "AND earlier.outcome"),
            ("WHEN created THEN 'created' WHEN written THEN 'updated'", "WHEN written THEN 'updated'"),
            ("tried.written = 0 AND s.status = 'idle'", "tried.written = 0"),
            ("AND status <> 'idle' AND error <> ''", "AND error <> ''"),
        ],
        "tests/sync/backfill/test_backfill.py",
        "tests/sync/backfill/test_troubles.py",
    ),
    *mutants(
        "ledger/runs",
        [
            ("ended_at = NULL WHERE id = :id", "ended_at = ended_at WHERE id = :id"),
            ("AND who = :who AND state = 'running'\"", 'AND who = :who"'),
            (
                "COALESCE(max(touched_at) > now() - :rest, false)",
                "COALESCE(max(touched_at) < now() - :rest, false)",
            ),
            ("AND options @> CAST(:options AS jsonb)", "AND true"),
            ("(NOT :unfinished OR state <> 'done')", "(NOT :unfinished OR state = 'running')"),
            ("AND state = 'done' ORDER BY id\"", 'ORDER BY id"'),
            ("OR started_at >= :since)", "OR started_at > :since + interval '1 day')"),
            ("AND error <> '' \"", '"'),
        ],
        "tests/ledger/test_runs.py",
        "tests/test_jobs_night.py",
    ),
    *mutants(
        "ledger/silences",
        [
            (
                "received_at >= COALESCE((SELECT max(at) FROM heard), now() - :kept)",
                "received_at >= now() - :kept",
            ),
            (
                "DO UPDATE SET events = excluded.events,",
                "DO UPDATE SET events = heard.events + excluded.events,",
            ),
            ("DELETE FROM heard WHERE at < now() - :kept", "DELETE FROM heard WHERE at > now()"),
            ("WHERE ended_at IS NULL AND since < now() - :kept", "WHERE ended_at IS NULL"),
            ("WHERE source = :source AND site = :site ORDER BY at", "WHERE source = :source ORDER BY at"),
            ('AND site = :site AND ended_at IS NULL"', 'AND site = :site"'),
            ("WHERE ended_at IS NULL ORDER BY since, source, site", "ORDER BY since, source, site"),
        ],
    ),
    *mutants(
        "ledger/watermarks",
        [
            ("GREATEST(watermark.at, excluded.at)", "excluded.at"),
            ("LEAST(watermark.at, excluded.at)", "excluded.at"),
            ("AND at > now() - :every)", "AND at >= now() + :every)"),
            ('"ORDER BY at DESC, name"', '"ORDER BY at, name"'),
            ("found is not None and found < moment", "found is not None"),
            (
                "GREATEST(now(), :moment) WHERE name = :name AND at < :moment",
                "GREATEST(now(), :moment) WHERE name = :name",
            ),
            ("DO UPDATE SET at = now() WHERE watermark.at <= now() - :every", "DO UPDATE SET at = now()"),
        ],
        "tests/ledger/test_lists.py",
        "tests/test_jobs_watch.py",
        "tests/sync/test_missed.py",
    ),
    *mutants(
        "ledger/missed",
        [
            ("AND snapshot.learnt_at IS NOT NULL\n", "\n"),
            (
                "COALESCE(subject.status, 'idle') = 'idle' AND subject.lease IS NULL",
                "COALESCE(subject.status, 'idle') = 'idle'",
            ),
            ("COALESCE(subject.status, 'idle') = 'idle' AND subject.lease IS NULL", "subject.lease IS NULL"),
            (
                "(subject.applied_at IS NULL OR subject.applied_at < snapshot.learnt_at)",
                "subject.applied_at < snapshot.learnt_at",
            ),
            ("(subject.applied_at IS NULL OR subject.applied_at < snapshot.learnt_at)", "true"),
            (
                "WHERE event.status = 'pending' AND event.source = :source AND event.site = :site",
                "WHERE event.status = 'pending' AND event.source = :source",
            ),
            (
                "WHERE event.status = 'pending' AND event.source = :source AND event.site = :site",
                "WHERE event.source = :source AND event.site = :site",
            ),
            ("AND pointer->>0 = wanted.object", ""),
            ("SELECT LEAST(received_at, occurred_at) FROM event", "SELECT received_at FROM event"),
            (
                "return min((at for at in moments if at), default=None)",
                "return max((at for at in moments if at), default=None)",
            ),
            ("AND site = '' AND object = :object AND NOT gone", "AND site = '' AND object = :object"),
            ("AND COALESCE(data->>'status', '') <> ALL(:settled)", ""),
            ("WHERE began >= :not_before", "WHERE true"),
        ],
        "tests/sync/test_missed.py",
        "tests/sync/reconcile/test_beginning.py",
    ),
    *mutants(
        "ledger/population",
        [
            ("AND fields->>'{Case.RULE}' = :rule AND fields", "AND fields"),
            ("IS DISTINCT FROM 'resolved')", "<> 'escalated')"),
            ("AND NOT paid.gone AND 'chargeback'", "AND 'chargeback'"),
            ("\"AND paid.data->>'status' <> 'void' AND NOT EXISTS", '"AND NOT EXISTS'),
            ("decided.applied_at >= paid.learnt_at", "decided.applied_at <= paid.learnt_at"),
            ("AND NOT gone AND data->>'state' = 'past_due')", "AND data->>'state' = 'past_due')"),
            ("IN ('needs_response', 'under_review')", "IN ('needs_response')"),
            ("COALESCE(data->>'status', 'needs_response')", "data->>'status'"),
            ("WHERE key > :after AND {where}", "WHERE key >= :after AND {where}"),
        ],
    ),
    *mutants(
        "ledger/mirrors",
        [
            ('WHERE written_at >= :since"', '"'),
            (
                "WHERE outcome = 'written' ORDER BY object, key, id DESC",
                "WHERE true ORDER BY object, key, id DESC",
            ),
            (
                "WHERE outcome = 'written' ORDER BY object, key, id DESC",
                "WHERE outcome = 'written' ORDER BY object, key, id",
            ),
            ("WHERE mirror.object = these.object AND mirror.key = these.key", "WHERE mirror.key = these.key"),
            (
                "owners(connection, records).keys() | told(connection, records).keys()",
                "owners(connection, records).keys()",
            ),
        ],
        "tests/ledger/test_mirrors.py",
        "tests/sync/drift/test_looking.py",
    ),
    *mutants(
        "ledger/transitions",
        [
            ("change.transition IN ('reopen', 'escalate')", "change.transition IN ('reopen')"),
            ("AND attempt.ended_at >= :since))", "AND true))"),
            ("AND change.outcome = 'written' \"", '"'),
        ],
    ),
    *mutants(
        "ledger/troubles",
        [
            ("COALESCE(excluded.subject, backfill_trouble.subject)", "excluded.subject"),
            ("AND t.code = :code AND s.history <> 'done'", "AND t.code = :code"),
            ("AND NOT (t.code = :not_fetched AND s.history = 'done')", ""),
            ("AND (object, ref) > (:object, :ref)", "AND (object, ref) >= (:object, :ref)"),
        ],
        "tests/sync/backfill/test_troubles.py",
        "tests/sync/backfill/test_backfill.py",
    ),
    *mutants(
        "ledger/bulk_jobs",
        [
            (
                "UPDATE bulk_job SET subject = :subject WHERE token = :token",
                "UPDATE bulk_job SET subject = :subject",
            ),
            (
                "AND subject.lease = bulk_job.token AND subject.ready_at > now())",
                "AND subject.ready_at > now())",
            ),
            (
                "AND subject.lease = bulk_job.token AND subject.ready_at > now())",
                "AND subject.lease = bulk_job.token)",
            ),
            ("ORDER BY begun_at, job\n", "ORDER BY begun_at DESC, job\n"),
            ('"token = :this AND ended_at IS NOT NULL"', '"token = :this"'),
            ('AND ended_at IS NOT NULL", "NOT told", token', 'AND ended_at IS NOT NULL", "true", token'),
            ("AND ({moving}) IS NOT TRUE", ""),
        ],
    ),
    *mutants(
        "ledger/circuits",
        [
            (
                "failures = CASE WHEN circuit.open_until > now() THEN circuit.failures\n",
                "failures = CASE WHEN false THEN circuit.failures\n",
            ),
            (
                "open_until = GREATEST(circuit.open_until, now()",
                "open_until = LEAST(circuit.open_until, now()",
            ),
            ("ELSE LEAST(:longest, :shortest * power", "ELSE GREATEST(:longest, :shortest * power"),
            ("power(2, LEAST(circuit.failures, 10))", "power(2, GREATEST(circuit.failures, 10))"),
            ('"WHERE open_until > now()"', '""'),
        ],
    ),
    *mutants(
        "ledger/discrepancies",
        [
            (
                "last_seen_at = GREATEST(discrepancy.last_seen_at, excluded.last_seen_at)",
                "last_seen_at = excluded.last_seen_at",
            ),
            ("WHERE d.subject <> new.subject AND d.opened_at IS NOT NULL", "WHERE d.subject <> new.subject"),
            ("AND at >= looked.since AND at < :until", "AND at >= looked.since"),
            ("AND at >= looked.since AND at < :until", "AND at < :until"),
            ("AND state <> 'cleared' AND last_seen_at < :began", "AND state <> 'cleared'"),
            ("AND (processor = ANY(:asked)", "AND (true"),
            ("AND difference <> 'missing_at_processor'))", "))"),
            ("(state <> 'cleared' OR run_id = :run_id)", "state <> 'cleared'"),
            (
                "WHERE state <> 'cleared' AND site = ANY(:sites) AND at >= :not_before",
                "WHERE site = ANY(:sites) AND at >= :not_before",
            ),
            (
                "min(opened_at) FILTER (WHERE state = 'open') AS opened_at",
                "max(opened_at) FILTER (WHERE state = 'open') AS opened_at",
            ),
            ("AND state = 'open' AND amount IS NOT NULL GROUP BY", "AND amount IS NOT NULL GROUP BY"),
            ("(place <= :most OR written))", "place <= :most)"),
            ("account=row.account if row.has_account else None", "account=row.account"),
        ],
        "tests/sync/reconcile/test_keeping.py",
        "tests/sync/reconcile/test_clearing.py",
        "tests/sync/reconcile/test_reconciling.py",
    ),
    *mutants(
        "ledger/snapshots",
        [
            ("    ORDER BY object, id\n", "\n"),
            (
                "observed_at = excluded.observed_at, gone = false, data",
                "observed_at = excluded.observed_at, data",
            ),
            (
                "THEN snapshot.learnt_at ELSE excluded.learnt_at END",
                "THEN excluded.learnt_at ELSE excluded.learnt_at END",
            ),
            ("snapshot.observed_at)\n        < (COALESCE", "snapshot.observed_at)\n        <= (COALESCE"),
            (
                "    WHERE (COALESCE(snapshot.version, '-infinity'), snapshot.observed_at)\n        < (",
                "    WHERE true OR (COALESCE(snapshot.version, '-infinity'), snapshot.observed_at)\n        < (",
            ),
            ("_version(before) <= _version(object_)", "_version(before) >= _version(object_)"),
            ('float("-inf")', 'float("inf")'),
            ("(snapshot.id = lost.ref OR snapshot.alias = lost.ref)", "snapshot.id = lost.ref"),
            ("AND snapshot.observed_at < :observed_at\n", "\n"),
            (
                "WHERE source = :source AND site = :site AND NOT gone\n",
                "WHERE source = :source AND site = :site\n",
            ),
            (
                'case facts.Invoice(number=number):\n            return f"number-{number}"',
                'case facts.Invoice(number=number):\n            return f"uuid-{object_.uuid}"',
            ),
        ],
        "tests/ledger/test_snapshots.py",
    ),
    *mutants(
        "ledger/told",
        [
            ("json.dumps(encode(item), sort_keys=True)", "item.id"),
            ("    until_committed(connection, Lock.OBSERVING)\n", ""),
            (
                "ON CONFLICT DO NOTHING\n",
                "ON CONFLICT (source, object, id, told_by) DO UPDATE SET data = excluded.data\n",
            ),
            ("PAYEE if item.kind is Kind.PAYOUT else WAITS", "WAITS"),
            (
                "frozenset({Kind.DISPUTE, Kind.REFUND, Kind.FRAUD_WARNING, Kind.MANDATE, Kind.PAYOUT})",
                "frozenset({Kind.DISPUTE, Kind.REFUND, Kind.FRAUD_WARNING, Kind.MANDATE})",
            ),
            ('item.kind in _ASKED_FOR and item.id != ""', "item.kind in _ASKED_FOR"),
            (".replace('\"', '\\\\\"')", ""),
            ("WHERE s.link = '' AND s.refs && CAST", "WHERE s.refs && CAST"),
            ("ORDER BY s.first_seen_at DESC, s.source", "ORDER BY s.source"),
            ("FROM snapshot WHERE ask_at <= now()\n", "FROM snapshot WHERE ask_at IS NOT NULL\n"),
            ("asks = s.asks + 1", "asks = s.asks"),
            ("asks = s.asks - :refund", "asks = s.asks"),
            (
                "WHERE s.source = wanted.source AND s.site = '' AND s.object = wanted.object AND s.id",
                "WHERE s.source = wanted.source AND s.site = '' AND s.id",
            ),
        ],
    ),
    *mutants(
        "ledger/transfers",
        [
            (
                "AND ref = ANY(:refs) AND s.object = 'payment' AND NOT s.gone",
                "AND ref = ANY(:refs) AND s.object = 'payment'",
            ),
            (
                "AND s.site IN (SELECT DISTINCT site FROM subject WHERE source = 'recurly') AND NOT s.gone",
                "AND s.site IN (SELECT DISTINCT site FROM subject WHERE source = 'recurly')",
            ),
            ("if one not in found[row.name]:", "if True:"),
            ("s.data->>'type' = 'refund' ORDER BY", "true ORDER BY"),
            ('s.happened_at < :until "', 's.happened_at <= :until "'),
            ("s.happened_at >= :since AND", "s.happened_at > :since AND"),
            ('AND s.site = ANY(:sites) "', '"'),
        ],
        "tests/sync/reconcile/test_reconciling.py",
        "tests/sync/reconcile/test_timing.py",
        "tests/sync/reconcile/test_agreeing.py",
    ),
    *mutants(
        "ledger/links",
        [
            (
                "WHERE state = ANY(:which) AND NOT {_GONE} ORDER BY since, subject",
                "WHERE state = ANY(:which) ORDER BY since, subject",
            ),
            (
                "WHERE state = ANY(:which) AND NOT {_GONE} ORDER BY since, subject",
                "WHERE state = ANY(:which) AND NOT {_GONE} ORDER BY subject",
            ),
            ("WHERE NOT ({_HELD} AND {_GONE}) GROUP BY", "WHERE NOT {_GONE} GROUP BY"),
            ('AND starts_with(how, :made)"', '"'),
            ("    until_committed(connection, Lock.LINKING)\n", ""),
            ("_tell_again(connection, released - taken)", "_tell_again(connection, released)"),
            ("for subject, link in found.items() if not link.held]", "for subject, link in found.items()]"),
            ("WHERE subject = ANY(:subjects) AND {_HELD}", "WHERE subject = ANY(:subjects)"),
            ("WHERE subject = ANY(:subjects) AND status = 'done'", "WHERE subject = ANY(:subjects)"),
            ("account_id = :account_id AND subject <> :subject)", "account_id = :account_id)"),
            ("CASE WHEN link.state = excluded.state THEN link.since ELSE now() END", "now()"),
        ],
    ),
    *mutants(
        "ledger/incidents",
        [
            ("AND data->>'type' IN ('purchase', 'authorization', 'capture')", "AND true"),
            ("AND (code = ANY(:codes)) <> :all_but", "AND code = ANY(:codes)"),
            (
                "HAVING count(DISTINCT subject) * 2 >= :at_least",
                "HAVING count(DISTINCT subject) >= :at_least",
            ),
            (
                "HAVING count(DISTINCT subject) * 2 >= :at_least",
                "HAVING count(DISTINCT subject) * 2 > :at_least",
            ),
            (
                "UNION SELECT source, site, gateway FROM incident WHERE ended_at IS NULL)",
                "UNION SELECT source, site, gateway FROM incident WHERE false)",
            ),
            (
                "AND happened_at BETWEEN :started_at AND :last_failure_at",
                "AND happened_at > :started_at AND happened_at <= :last_failure_at",
            ),
            ("AND data->>'gateway' = :gateway AND data", "AND data"),
            (
                "WHERE ended_at IS NULL OR ended_at > now() - :kept ORDER BY",
                "WHERE ended_at IS NULL ORDER BY",
            ),
        ],
        "tests/sync/test_outages.py",
    ),
    *mutants(
        "ledger/leases",
        [
            (
                "WHERE key = ANY(:keys) AND lease = :token ORDER BY key FOR UPDATE)",
                "WHERE key = ANY(:keys) ORDER BY key FOR UPDATE)",
            ),
            (
                "WHERE key = ANY(:keys) AND lease = :token ORDER BY key FOR UPDATE)",
                "WHERE key = ANY(:keys) AND lease = :token ORDER BY key DESC FOR UPDATE)",
            ),
            ("\"WHERE history = 'wanted' AND history_ready_at > now()\"", "\"WHERE history = 'wanted'\""),
        ],
        "tests/ledger/test_leases.py",
        "tests/ledger/test_locks.py",
    ),
    *mutants(
        "ledger/inbox",
        [
            (
                "WHERE NOT (strong_id AND EXISTS (SELECT 1 FROM tombstone",
                "WHERE NOT (EXISTS (SELECT 1 FROM tombstone",
            ),
            ("deliveries = event.deliveries + 1", "deliveries = event.deliveries"),
            (
                "hinted_at = CASE WHEN event.strong_id THEN event.hinted_at ELSE now() END",
                "hinted_at = now()",
            ),
            ("OR event.status NOT IN ('fetched', 'done')", "OR event.status NOT IN ('fetched')"),
            ("for identity in sorted(rows)]", "for identity in rows]"),
            ("inserted.remove(identity)\n", "pass\n"),
            ("for e in reversed(events)}", "for e in events}"),
        ],
        "tests/ledger/test_inbox.py",
        "tests/ledger/test_locks.py",
    ),
    *mutants(
        "ledger/events",
        [
            (
                "for at_least, below, most in ((0, WORN, limit), (WORN, MOST_TRIES, 1))",
                "for at_least, below, most in ((0, WORN, limit), (WORN, MOST_TRIES, limit))",
            ),
            (
                "AND tries >= :at_least AND tries < :below\n",
                "AND tries < :below\n",
                "The second claim is made only where the first found nothing: no event with fewer tries is there.",
            ),
            ("ORDER BY urgency, id LIMIT", "ORDER BY id LIMIT"),
            ("COALESCE(new.subject, event.subject)", "new.subject"),
            ("WHERE event.id = new.id AND event.lease = :token", "WHERE event.id = new.id"),
            ("WHERE id = ANY(:ids) AND lease = :token\n", "WHERE id = ANY(:ids)\n"),
            ('"WHERE id = ANY(:ids) AND lease = :token"', '"WHERE id = ANY(:ids)"'),
            (
                "WHERE status = 'pending' AND ready_at <= now() AND tries >= :most",
                "WHERE status = 'pending' AND tries >= :most",
            ),
            ("SELECT min(received_at) FROM event", "SELECT max(received_at) FROM event"),
        ],
    ),
]
