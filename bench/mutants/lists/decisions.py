"""Faults in what is decided and in how it is written: cases, refunds, disputes, reconciliation, drift, settling."""

from __future__ import annotations

from bench.mutants.model import mutants

_RULES = "tests/sync/rules/"

DECISIONS = [
    *mutants(
        "sync/refunds/double",
        [
            ("if one.stands and by.over_at is None]", "if one.stands]"),
            ("if one.stands and by.over_at is None]", "if by.over_at is None]"),
            ("key=lambda pair: pair[1].lost)", "key=lambda pair: not pair[1].lost)"),
            ("return sorted(found, key=lambda pair: pair[1].lost)", "return found"),
            ("refund, by = met[-1]", "refund, by = met[0]"),
            ("if by.lost and standing else", "if by.lost else"),
            ("if by.lost and standing else", "if standing else"),
            ("due = by.due_at if standing else None", "due = by.due_at"),
            ("if standing and not any(by.lost for _, by in standing):", "if standing:"),
            ("if _met(one, by)]", "]"),
            ("policy.cases.reopen_window_days if own is None else own", "policy.cases.reopen_window_days"),
            ("or facts.now - last <= window)", "or facts.now - last < window)"),
            ("or facts.now - last <= window)", "or True)"),
            (
                "start is None or start < min(one.ended_at or far, by.over_at or far)",
                "start is None or start <= min(one.ended_at or far, by.over_at or far)",
            ),
            ("min(one.ended_at or far, by.over_at or far)", "max(one.ended_at or far, by.over_at or far)"),
            ("return latest(one.began_at, by.opened_at)", "return one.began_at"),
        ],
        _RULES + "test_refund.py",
        "tests/sync/test_refund_policy.py",
    ),
    *mutants(
        "sync/refunds/eligibility",
        [
            ('one.judgement != "not_eligible")', 'one.judgement == "not_eligible")'),
            ("if s.id in ids or s.uuid in ids}", "if s.id in ids}"),
            ("passed is not None and passed > window", "passed is not None and passed >= window"),
            ("if money.amount >= limit", "if money.amount > limit"),
            ("passed is not None and passed <= one.days", "passed is not None and passed < one.days"),
            ("if prior > settings.policy.max_prior_refunds", "if prior >= settings.policy.max_prior_refunds"),
            (
                "one.stands and moment(start) <= moment(one.began_at) <=",
                "moment(start) <= moment(one.began_at) <=",
            ),
            ("moment(start) <= moment(one.began_at)", "moment(start) < moment(one.began_at)"),
            ("known[: known.index(refund)] if refund in known else known", "known"),
            ("payment.collected_at or payment.created_at", "payment.created_at"),
            ("max((refund.began_at - paid).days, 0)", "(refund.began_at - paid).days"),
            ("min(at.day, monthrange(year, month + 1)[1])", "min(at.day, 28)"),
            ("number % 100 in (11, 12, 13)", "number % 100 in (11, 12)"),
            ("elif allowed and plan not in allowed", "elif plan not in allowed"),
        ],
        "tests/sync/test_refund_policy.py",
    ),
    *mutants(
        "sync/refunds/review",
        [
            ("one.processed and not one.recorded)", "one.processed)"),
            ("if at and at > facts.now)", "if at)"),
            ('in ("success", "void"):', 'in ("success",):'),
            (
                "open=_is_beyond(verdict) and refund.state is State.DONE,\n        evident",
                "open=_is_beyond(verdict),\n        evident",
            ),
            ("(waited is None or waited <= evidence.facts.now)", "True"),
            ('verdict.judgement != "eligible" and not verdict.disputed', 'verdict.judgement != "eligible"'),
            ("_is_beyond(verdict) and refund.recorded is None", "_is_beyond(verdict)"),
        ],
        "tests/sync/test_refund_policy.py",
        _RULES + "test_refund.py",
    ),
    *mutants(
        "sync/evidence/given_back",
        [
            ("if billed is State.VOID or told is None", "if told is None"),
            ("return self.state in (State.DONE, State.UNDER_WAY)", "return self.state is State.DONE"),
            ("if self.processed and (self.state is State.FAILED or not self.recorded)", "if self.processed"),
            (
                "one is not failed and one.root == failed.root and one.state is State.DONE",
                "one is not failed and one.state is State.DONE",
            ),
            (
                "one is not failed and one.root == failed.root and one.state is State.DONE",
                "one is not failed and one.root == failed.root",
            ),
            ("paid.currency == owed.currency and paid.amount >= owed.amount", "paid.amount >= owed.amount"),
            (
                "paid.currency == owed.currency and paid.amount >= owed.amount",
                "paid.currency == owed.currency and paid.amount > owed.amount",
            ),
            (
                "paid.currency == owed.currency and paid.amount >= owed.amount",
                "paid.currency == owed.currency",
            ),
            ('p.type == "refund" and "chargeback" not in (p.origin, p.status)', 'p.type == "refund"'),
            ("same and _apart(one, item) <= _NEAR", "same and _apart(one, item) < _NEAR"),
            ("same and _apart(one, item) <= _NEAR", "_apart(one, item) <= _NEAR"),
            ("same and _apart(one, item) <= _NEAR", "same"),
            (
                "and failed and moment(one.created_at) >= moment(item.at)",
                "and failed and moment(one.created_at) > moment(item.at)",
            ),
            ("is State.FAILED and not failed:", "is State.FAILED:"),
            ("if not any(told is other for other in found.values())]", "]"),
            ("min(free, key=", "max(free, key="),
        ],
        "tests/sync/test_refund_policy.py",
        _RULES + "test_refund.py",
    ),
    *mutants(
        "sync/evidence/objections",
        [
            ("{Status.LOST, Status.ACCEPTED, Status.EXPIRED}", "{Status.LOST, Status.ACCEPTED}"),
            ("{Status.LOST, Status.ACCEPTED, Status.EXPIRED}", "{Status.LOST, Status.EXPIRED}"),
            ("{Status.WON, Status.WITHDRAWN}", "{Status.WON}"),
            ("moment(self.opened_at) <= moment(at) and", "moment(self.opened_at) < moment(at) and"),
            ("moment(at) < moment(self.over_at)", "moment(at) <= moment(self.over_at)"),
            ("item.stage is not Stage.INQUIRY or item.status in _LOST", "item.stage is not Stage.INQUIRY"),
            ("item.stage is not Stage.INQUIRY or item.status in _LOST", "True"),
            ("item.due_at if item.status is Status.NEEDS_RESPONSE else None", "item.due_at"),
            ("(one.original_id or one.id) == payment.id and", "one.id == payment.id and"),
            (
                '(p.origin != "chargeback", moment(p.created_at), p.uuid))[:1]',
                "(moment(p.created_at), p.uuid))[:1]",
            ),
            (
                "lost=not void",
                "lost=True",
                "A voided chargeback is over, and only of what stands it is asked whether it is lost.",
            ),
        ],
        "tests/sync/test_refund_policy.py",
        _RULES + "test_refund.py",
    ),
    *mutants(
        "sync/evidence/__init__",
        [
            ('frozenset({"charge", "legacy"})', 'frozenset({"charge"})'),
            ('frozenset({"declined", "error"})', 'frozenset({"declined"})'),
            ("            if applied.voided_at is None:\n", "            if True:\n"),
            ("return (taken or named)[-1]", "return named[-1]"),
            (
                "return collected[0] if len(collected) == 1 else None",
                "return collected[0] if collected else None",
            ),
            ('invoice.state == "past_due" or invoice.dunning_events_sent > 0', 'invoice.state == "past_due"'),
            ("number.endswith(named) if item.truncated else number == named", "number.endswith(named)"),
            (
                'c.action == "write_off" or c.original_invoice_number in self._write_offs',
                'c.action == "write_off"',
            ),
            (
                "(i for i in self.facts.invoices if i.id == named[0] or i.number == named[1])",
                "(i for i in self.facts.invoices if i.id == named[0])",
            ),
        ],
        _RULES + "test_payment_failed.py",
        _RULES + "test_dispute.py",
        _RULES + "test_refund.py",
        "tests/sync/test_checklist.py",
    ),
    *mutants(
        "sync/evidence/holding",
        [
            ("self.until is None or now < self.until", "self.until is None or now <= self.until"),
            ("_incident(declined[-1], facts, policy)", "_incident(declined[0], facts, policy)"),
            (
                "return max(found, key=lambda one: one.started_at)",
                "return min(found, key=lambda one: one.started_at)",
            ),
        ],
        "tests/sync/test_outages.py",
    ),
    *mutants(
        "sync/lifecycle/steps",
        [
            ("if not problem.evident or problem.held", "if not problem.evident"),
            (
                "problem.lasting and _is_old(problem.last_signal_at, window, now)",
                "_is_old(problem.last_signal_at, window, now)",
            ),
            ("ours = case.state != RESOLVED and not case.closed", "ours = case.state != RESOLVED"),
            ("if not case.closed or not _is_back(problem, case)", "if not case.closed"),
            (
                "signal is not None and closed is not None and signal > closed",
                "signal is not None and closed is not None and signal >= closed",
            ),
            ("back_at - case.closed_at <= window", "back_at - case.closed_at < window"),
            ("moment is not None and now - moment > window", "moment is not None and now - moment >= window"),
            ("return not problem.lasting or _signalled_after(problem, case)", "return True"),
            ("not step.is_new and reached > step.escalation", "reached > step.escalation"),
            (
                "not step.is_new and reached > step.escalation",
                "not step.is_new and reached >= step.escalation",
            ),
            ("bool(known.subject) and known.subject != facts.subject", "known.subject != facts.subject"),
            ("in_queue=case is None or case.in_queue", "in_queue=True"),
            ("Step(cycle + 1, Transition.OPEN", "Step(cycle, Transition.OPEN"),
        ],
        "tests/sync/test_lifecycle.py",
    ),
    *mutants(
        "sync/lifecycle/__init__",
        [
            ("max(window, timedelta(days=policy.cases.reopen_window_days))", "window"),
            (
                "max(window, timedelta(days=policy.cases.reopen_window_days))",
                "min(window, timedelta(days=policy.cases.reopen_window_days))",
            ),
            ("if case is None or step.follows is None:", "if case is None or True:"),
        ],
        "tests/sync/test_lifecycle.py",
        _RULES + "test_refund.py",
    ),
    *mutants(
        "sync/lifecycle/writing",
        [
            ("        values.pop(F.OWNER, None)\n", "        pass\n"),
            ("        values.pop(F.PRIORITY)\n", "        pass\n"),
            ("for step in settings.steps[:reached]", "for step in settings.steps"),
            (
                "F.ACTION: page(_str(always[F.ACTION]), ADVICE) if still else None",
                "F.ACTION: page(_str(always[F.ACTION]), ADVICE)",
            ),
            ("F.RESOLVED_AT: None if still else problem.resolved_at", "F.RESOLVED_AT: problem.resolved_at"),
            ("if case.state == RESOLVED else _end(", "if case.state != RESOLVED else _end("),
            ("    if case.closed:\n        return change\n", ""),
            (
                "lookup: None for lookup in _LOOKUPS if lookup not in problem.parents",
                "lookup: None for lookup in ()",
            ),
        ],
        "tests/sync/test_lifecycle.py",
        _RULES + "test_dispute.py",
    ),
    *mutants(
        "sync/rules/dispute",
        [
            ("item.due_at if item.status is Status.NEEDS_RESPONSE else None", "item.due_at"),
            ("item.at if item.status is Status.NEEDS_RESPONSE else joined.began_at(item, facts)", "item.at"),
            ('    Status.WITHDRAWN: "Withdrawn",\n', ""),
            (
                'Status.EXPIRED: "The money is lost: no evidence came in time."',
                'Status.EXPIRED: "The money stays with us."',
            ),
            ('Stage.PRE_ARBITRATION: "Pre-arbitration"', 'Stage.PRE_ARBITRATION: "Arbitration"'),
            (
                "min((at for at in moments if at), default=None)",
                "max((at for at in moments if at), default=None)",
            ),
        ],
        _RULES + "test_dispute.py",
    ),
    *mutants(
        "sync/rules/chargeback",
        [
            (
                'payment.status == "chargeback" or payment.origin == "chargeback"',
                'payment.status == "chargeback"',
            ),
            (
                'payment.status == "chargeback" or payment.origin == "chargeback"',
                'payment.origin == "chargeback"',
            ),
            ('any(item.status != "void" for item in found)', 'all(item.status != "void" for item in found)'),
            ("payment.original_id or payment.id", "payment.id"),
            ("Money(abs(payment.amount), payment.currency)", "Money(payment.amount, payment.currency)"),
            (
                'item.type == "refund" and item.status == "success" and item.origin != "chargeback"',
                'item.type == "refund" and item.status == "success"',
            ),
            (
                'item.type == "refund" and item.status == "success" and item.origin != "chargeback"',
                'item.type == "refund" and item.origin != "chargeback"',
            ),
            ("if policy.rules.dispute.enabled else None", "if True else None"),
        ],
        _RULES + "test_chargeback.py",
    ),
    *mutants(
        "sync/rules/payment_failed",
        [
            ("invoice.total < settings.minimum_amount", "invoice.total <= settings.minimum_amount"),
            (
                "invoice.dunning_events_sent >= settings.dunning_step",
                "invoice.dunning_events_sent > settings.dunning_step",
            ),
            (
                'invoice.collection_method == "manual" and evidence.was_past_due(invoice)',
                "evidence.was_past_due(invoice)",
            ),
            (
                "settings.at_once_when_final and bool(final_declines(declined))",
                "bool(final_declines(declined))",
            ),
            ('if invoice.balance <= 0 else "Lost"', 'if invoice.balance < 0 else "Lost"'),
            ("invoice.balance if unpaid else invoice.total", "invoice.balance"),
            ("and not (held and not unpaid)", ""),
            ("HELD if held and unpaid and held", "HELD if held and held"),
            (
                "failed.created_at <= event.occurred_at <= paid.created_at",
                "failed.created_at < event.occurred_at <= paid.created_at",
            ),
            (
                "failed.created_at <= event.occurred_at <= paid.created_at",
                "event.occurred_at <= paid.created_at",
            ),
            ("last = declined[-1] if declined else None", "last = declined[0] if declined else None"),
            ('"merchant", ', ""),
            ('"voided": "Voided"', '"voided": "Lost"'),
        ],
        _RULES + "test_payment_failed.py",
    ),
    *mutants(
        "sync/rules/refund",
        [
            ("if one.recorded and one.recorded.status in FAILED]", "if one.recorded]"),
            ("evident=failed and joined.is_evident", "evident=joined.is_evident"),
            ("open=failed and done is None", "open=failed"),
            ("if one.over_at is None] if payment else []", "] if payment else []"),
            ("yield _continued(root, failed[-1], problem) if told else problem", "yield problem"),
            ("done.recorded.collected_at or done.recorded.created_at", "done.recorded.created_at"),
            ('"Canceled" if item.status is Status.CANCELED else "Voided"', '"Voided"'),
        ],
        _RULES + "test_refund.py",
        "tests/sync/test_refund_policy.py",
    ),
    *mutants(
        "sync/reconcile/comparing",
        [
            ('    "scheduled": Standing.PENDING,\n', '    "scheduled": Standing.NOT_MOVED,\n'),
            ('    "error": Standing.NOT_MOVED,\n', '    "error": Standing.PENDING,\n'),
            ("Status.AUTHORIZED: Standing.NOT_MOVED", "Status.AUTHORIZED: Standing.PENDING"),
            ("Status.WITHDRAWN: Standing.NOT_MOVED", "Status.WITHDRAWN: Standing.MOVED"),
            ("Status.EXPIRED: Standing.MOVED", "Status.EXPIRED: Standing.NOT_MOVED"),
            ("Status.UNDER_REVIEW: Standing.PENDING", "Status.UNDER_REVIEW: Standing.MOVED"),
            ("{Standing.MOVED, Standing.PENDING, Standing.TAKEN_BACK}", "{Standing.MOVED, Standing.PENDING}"),
            (
                "{Standing.MOVED, Standing.PENDING, Standing.TAKEN_BACK}",
                "{Standing.MOVED, Standing.TAKEN_BACK}",
            ),
            (
                "(apart := _apart(amounts)) > policy.amount_tolerance",
                "(apart := _apart(amounts)) >= policy.amount_tolerance",
            ),
            ("max(values) - min(values)", "values[0] - values[-1]"),
            (
                "lost and transfer.processor in policy.chargebacks_in_recurly",
                "transfer.processor in policy.chargebacks_in_recurly",
            ),
            ("lost and transfer.processor in policy.chargebacks_in_recurly", "lost"),
            (
                "transfer.item is None or transfer.item.invoice_number or transfer.account",
                "transfer.item is None or transfer.item.invoice_number",
            ),
            (
                "transfer.item is None or transfer.item.invoice_number or transfer.account",
                "transfer.item is None or transfer.account",
            ),
            ("Standing.MOVED if transfer.charged_back else Standing.NOT_MOVED", "Standing.NOT_MOVED"),
            ("recurly.status == VOID and item and item.refunded", "item and item.refunded"),
            ("recurly.status == VOID and item and item.refunded", "recurly.status == VOID and item"),
            ("all(abs(a - b) > tolerance", "any(abs(a - b) > tolerance"),
            ("all(abs(a - b) > tolerance", "all(abs(a - b) >= tolerance"),
            ("now - transfer.at < timedelta(hours=hours)", "now - transfer.at <= timedelta(hours=hours)"),
            (
                "policy.bank_debit_hours if transfer.bank else policy.settlement_hours",
                "policy.settlement_hours",
            ),
            (
                "seen.standing is Standing.PENDING or seen.status == Status.AUTHORIZED",
                "seen.standing is Standing.PENDING",
            ),
            (
                "(Difference.MISSING_AT_PROCESSOR, Difference.MISSING_IN_RECURLY)",
                "(Difference.MISSING_AT_PROCESSOR,)",
            ),
            (
                "Difference.MISSING_IN_RECURLY and transfer.unheard",
                "Difference.MISSING_AT_PROCESSOR and transfer.unheard",
            ),
        ],
        "tests/sync/reconcile/test_comparing.py",
    ),
    *mutants(
        "sync/reconcile/pairing",
        [
            (
                "_same_amount(item, one) and _apart(item, one) <= within",
                "_same_amount(item, one) and _apart(item, one) < within",
            ),
            ("_same_amount(item, one) and _apart(item, one) <= within", "_apart(item, one) <= within"),
            (
                "            if one.id not in self.taken\n            and one.id not in self.over",
                "            if one.id not in self.over",
            ),
            ("            and one.id not in self.over\n", ""),
            ("            and could_be(item.source, one.payment.gateway)\n", ""),
            (
                "return not stands, not _same_amount(item, known), _apart(item, known)",
                "return stands, not _same_amount(item, known), _apart(item, known)",
            ),
            ("same and item.currency in (None, payment.currency)", "same"),
            ("if at < before]", "if at <= before]"),
            (
                "number.endswith(item.invoice_number) if item.truncated else number == item.invoice_number",
                "number == item.invoice_number",
            ),
            ("self.failed.setdefault(found.id, item)\n            return None", "return None"),
        ],
        "tests/sync/reconcile/test_comparing.py",
    ),
    *mutants(
        "sync/reconcile/coming",
        [
            ("if one.ahead or _changed_at(one) > settled}", "if _changed_at(one) > settled}"),
            ("if one.ahead or _changed_at(one) > settled}", "if one.ahead}"),
            ("one.kind is Movement.DISPUTE and one.item is not None", "one.item is not None"),
            ("return one.paid.updated_at or one.at", "return one.at"),
        ],
        "tests/sync/reconcile/test_timing.py",
        "tests/sync/reconcile/test_filling.py",
        "tests/sync/reconcile/test_reconciling.py",
    ),
    *mutants(
        "sync/drift/comparing",
        [
            ('value in (True, "true")', "value is True"),
            ('if field.type in NUMBERS or field.type == "int"', "if field.type in NUMBERS"),
            ('if value is None or value == "":', "if value is None:"),
            (".replace(microsecond=0)", ""),
            ("[:15] == id_[:15]", " == id_"),
            ('.replace("\\r\\n", "\\n").replace("\\r", "\\n").strip() or None', ".strip() or None"),
            (
                '.replace("\\r\\n", "\\n").replace("\\r", "\\n").strip() or None',
                '.replace("\\r\\n", "\\n").replace("\\r", "\\n") or None',
            ),
            (".casefold() or None", " or None"),
            ("ROUND_HALF_UP)\n", '"ROUND_DOWN")\n'),
        ],
    ),
    *mutants(
        "sync/drift/owned",
        [
            ('frozenset({"double", "currency", "percent"})', 'frozenset({"double", "currency"})'),
            ('if one.when == "always"]', "]"),
            ("field.writable and field.type not in _UNREADABLE and", "field.type not in _UNREADABLE and"),
            ("(field.type != REFERENCE or leads)", "True"),
            ("field.type != REFERENCE or len(field.targets) != 1", "field.type != REFERENCE"),
            ('frozenset({"encryptedstring", "base64"})', 'frozenset({"base64"})'),
        ],
        "tests/sync/drift",
    ),
    *mutants(
        "sync/writing",
        [
            (
                "row.change.object == object_ and row.record not in results.refused]",
                "row.change.object == object_]",
            ),
            ("        if results.unavailable is not None:\n            break\n", ""),
            ("len(ways) >= IN_BULK", "len(ways) > IN_BULK"),
            ("for row in batch if row.frees is not None]", "for row in batch]"),
            ("not refused.matches and row.id is None", "not refused.matches"),
            ("refused.code == DUPLICATES and not refused.matches", "refused.code == DUPLICATES"),
            ("if record[0] not in OPTIONAL]", "]"),
            ("refused.code not in (_NO_SUCH_RECORD, _NO_ADDRESS)", "refused.code not in (_NO_SUCH_RECORD,)"),
            ("set(refused.fields) & row.after.keys()", "set(refused.fields)"),
            ('Written(answer.id or row.id or ""', 'Written(answer.id or ""'),
            (
                "    if isinstance(error, Unavailable):\n        results.unavailable = error\n        return\n",
                "",
            ),
        ],
        "tests/sync/test_writing.py",
        "tests/sync/test_apply.py",
    ),
    *mutants(
        "sync/settling",
        [
            (
                "decision.reading is None or len(changes) < len(decision.rows)",
                "len(changes) < len(decision.rows)",
            ),
            ("decision.reading is None or len(changes) < len(decision.rows)", "decision.reading is None"),
            ("if results.unavailable is not None and unsent:", "if results.unavailable is not None:"),
            ("if refused and relinked:", "if relinked:"),
            ("known_at=decision.reading.known_at if decision.reading else None", "known_at=None"),
            ("permanent[0] if permanent else refused[0]", "refused[0]"),
            (
                "permanent and tries == 1 and decision.mirror and not looked",
                "permanent and tries == 1 and decision.mirror",
            ),
            (
                "permanent and tries == 1 and decision.mirror and not looked",
                "permanent and decision.mirror and not looked",
            ),
            (
                "permanent and tries == 1 and decision.mirror and not looked",
                "permanent and tries == 1 and not looked",
            ),
            ("if permanent or tries >= MOST_TRIES", "if permanent or tries > MOST_TRIES"),
            ("if forgets and not _went_astray(permanent)", "if forgets"),
            (
                "replace(change, mirror=None) for change in changes) if forget else changes",
                "change for change in changes)",
            ),
            ("written.created and written.row.exists", "written.created"),
            ('outcome="waiting", forget=forget, spend=False', 'outcome="waiting", forget=forget, spend=True'),
            ('self.outcome == "retry" and self.settled.wait == 0.0', 'self.outcome == "retry"'),
            ("{name: value for name, value in row.mirror.items() if name in row.after}", "dict(row.mirror)"),
            ("event_ids=decision.reading.new_events if decision.reading else ()", "event_ids=()"),
        ],
        "tests/sync/test_settling.py",
        "tests/sync/test_apply.py",
    ),
    *mutants(
        "sync/rows",
        [
            ("if exists and not different and change.transition is None", "if exists and not different"),
            (
                "mirrored.fields if mirrored is not None and exists else {}",
                "mirrored.fields if mirrored is not None else {}",
            ),
            ("name not in last or last[name] != encode(value)", "last.get(name) != encode(value)"),
            ('format(value.normalize(), "f") if value else "0"', 'str(value.normalize()) if value else "0"'),
            ("value.astimezone(UTC).strftime", "value.strftime"),
            ("if value is not None}\n    after", "}\n    after"),
            ('lookup.endswith(("__c", "__pc"))', 'lookup.endswith("__c")'),
        ],
        "tests/sync/test_rows.py",
    ),
    *mutants(
        "sync/known",
        [
            ("mirrored.salesforce_id[:15] == id_[:15]", "mirrored.salesforce_id == id_"),
            ('(mirrored is not None and change.object != "Case")', "mirrored is not None"),
            ('EXISTENCE_CHECKED = ("Account", "Contact")', 'EXISTENCE_CHECKED = ("Account",)'),
            ("return Mirrored(id_, {})", "return mirrored"),
        ],
        "tests/sync/test_known.py",
        "tests/sync/test_apply.py",
        "tests/sync/test_relinking.py",
    ),
    *mutants(
        "sync/holding",
        [
            ("if one.subject.key not in held]", "if one.subject.key in held]"),
            (
                "_is_more_urgent(one.subject, held[one.subject.key]) and self._may_go(one)",
                "_is_more_urgent(one.subject, held[one.subject.key])",
            ),
            ("now.urgency < claimed.urgency or", "now.urgency <= claimed.urgency or"),
            ("is_new and now.urgency < Urgency.ROUTINE", "now.urgency < Urgency.ROUTINE"),
            ("is_new and now.urgency < Urgency.ROUTINE", "is_new"),
            ("now.generation > claimed.generation", "now.generation >= claimed.generation"),
            ("and records.isdisjoint(self.results.refused)", ""),
        ],
        "tests/sync/test_holding.py",
        "tests/sync/test_lost_leases.py",
    ),
    *mutants(
        "sync/retry",
        [
            ("max(tries - 1, 0), LONGEST_SECONDS)", "max(tries, 0), LONGEST_SECONDS)"),
            ("longest = min(", "longest = max("),
            ("(0.5 + 0.5 *", "(0.1 + 0.9 *"),
        ],
    ),
    *mutants(
        "sync/patience",
        [
            ("self._waited + pause > self.within", "self._waited + pause >= self.within"),
            ("max(self._next, asked)", "self._next"),
            ("min(self._next * GROWTH, LONGEST)", "self._next * GROWTH"),
            ("0.0, 1.0, True", "self._waited, 1.0, True"),
        ],
    ),
    *mutants(
        "sync/spending",
        [
            (
                "if left > reserve + told.allowed * settings.urgent_percent",
                "if left >= reserve + told.allowed * settings.urgent_percent",
            ),
            (
                "Urgency.FAILURE if left > reserve else Urgency.DISPUTE",
                "Urgency.FAILURE if left >= reserve else Urgency.DISPUTE",
            ),
            ("told.age > ASKED_EVERY", "told.age > 0"),
            ("found is not Urgency.ROUTINE and told.age", "told.age"),
            ("self.level() < Urgency.ROUTINE", "self.level() < Urgency.FAILURE"),
            ("max(told.allowed - told.used, 0) * 100", "(told.allowed - told.used) * 100"),
        ],
    ),
]
