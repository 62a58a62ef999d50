"""Faults in money, in the records of Salesforce, and in the tables that turn a vendor's word into ours."""

from __future__ import annotations

from bench.mutants.model import mutants

_RECORDS = (
    "tests/mappers/test_records.py",
    "tests/mappers/test_records_processing.py",
    "tests/sync/decide/rules/test_account.py",
)

MAPPERS = [
    *mutants(
        "mappers/money",
        [
            ("ROUND_HALF_UP)", '"ROUND_HALF_EVEN")'),
            ("_USUAL: Final = 2", "_USUAL: Final = 3"),
            ("Decimal(str(value))", "Decimal(value)"),
            ("currency.upper(), _USUAL", "currency, _USUAL"),
            (" VUV ", " "),
            (" JPY ", " "),
            ('"BHD IQD', '"IQD'),
            (' TND"', '"'),
            ("CLF UYW", "CLF"),
            ("((0, _NONE), (3, _THREE), (4, _FOUR))", "((0, _NONE), (3, _FOUR), (4, _THREE))"),
        ],
    ),
    *mutants(
        "mappers/records/account",
        [
            (
                '("active", "paused", "canceled", "future", "failed", "expired")',
                '("paused", "active", "canceled", "future", "failed", "expired")',
            ),
            (
                'frozenset({"active", "paused", "canceled", "future"})',
                'frozenset({"active", "paused", "canceled"})',
            ),
            (
                'frozenset({"active", "paused", "canceled", "future"})',
                'frozenset({"active", "paused", "future"})',
            ),
            (
                'frozenset({"open", "pending", "processing", "past_due"})',
                'frozenset({"open", "pending", "past_due"})',
            ),
            (
                'frozenset({"open", "pending", "processing", "past_due"})',
                'frozenset({"open", "processing", "past_due"})',
            ),
            ('frozenset({"purchase", "capture"})', 'frozenset({"purchase"})'),
            ('frozenset({"purchase", "capture"})', 'frozenset({"purchase", "capture", "authorization"})'),
            ("return max(live, key=", "return min(live, key="),
            ("_at(s.activated_at or s.created_at), s.uuid", "_at(s.created_at), s.uuid"),
            ("_at(s.activated_at or s.created_at), s.uuid", "_at(s.activated_at or s.created_at)"),
            ("return max(facts.invoices,", "return min(facts.invoices,"),
            ('if i.type != "credit" and i.state in _UNPAID]', "if i.state in _UNPAID]"),
            ('if i.type != "credit" and i.state in _UNPAID]', 'if i.type != "credit"]'),
            ('if i.type == "credit" and i.state in _UNPAID]', 'if i.type == "credit"]'),
            ("[i.due_at or i.created_at for i in late", "[i.created_at for i in late"),
            ("phrases.on(min(since, key=_at))", "words.on(max(since, key=_at))"),
            (
                "F.BALANCE: _sum(((i.balance, i.currency) for i in charges)",
                "F.BALANCE: _sum(((i.total, i.currency) for i in charges)",
            ),
            ("((abs(i.balance), i.currency)", "((i.balance, i.currency)"),
            (
                "max((i.dunning_events_sent for i in late), default=None)",
                "min((i.dunning_events_sent for i in late), default=None)",
            ),
            (
                "sum_of(_by_currency(((i.balance, i.currency) for i in late)",
                "sum_of(_by_currency(((i.total, i.currency) for i in late)",
            ),
            ("(code != first, code))", "code)"),
            (
                'if s.state == "active" and s.auto_renew is not False]',
                'if s.state == "active" and s.auto_renew]',
            ),
            ('if s.state == "active" and s.auto_renew is not False]', "if s.auto_renew is not False]"),
            ("{s.plan_name or s.plan_code for s in live}", "{s.plan_name for s in live}"),
            ("F.NEXT_RENEWAL: min(", "F.NEXT_RENEWAL: max("),
            ("not (1 <= month <= 12 and 1 <= year <= 9999)", "not (1 < month <= 12 and 1 <= year <= 9999)"),
            ("not (1 <= month <= 12 and 1 <= year <= 9999)", "not (1 <= month < 12 and 1 <= year <= 9999)"),
            ("not (1 <= month <= 12 and 1 <= year <= 9999)", "not (1 <= month <= 12 and 1 <= year)"),
            ("monthrange(year, month)[1])", "1)"),
            ("valid = method.valid if method else False", "valid = method.valid if method else None"),
            (
                'if p.type in _TAKEN and p.status == "success" and p.currency == currency]',
                'if p.type in _TAKEN and p.status == "success"]',
            ),
            (
                'if p.type in _TAKEN and p.status == "success" and p.currency == currency]',
                'if p.status == "success" and p.currency == currency]',
            ),
            (
                'if p.type in _TAKEN and p.status == "success" and p.currency == currency]',
                "if p.type in _TAKEN and p.currency == currency]",
            ),
            ("last = max(taken,", "last = min(taken,"),
            ("(_at(p.collected_at or p.created_at), p.uuid)", "(_at(p.created_at), p.uuid)"),
            (
                "F.LAST_PAYMENT_AT: (last.collected_at or last.created_at)",
                "F.LAST_PAYMENT_AT: (last.created_at or last.collected_at)",
            ),
            (
                "own = [value for value, code in known if code == currency]",
                "own = [value for value, code in known]",
            ),
            (
                "(account.company, person, mailbox, account.code)",
                "(person, account.company, mailbox, account.code)",
            ),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/subscription",
        [
            ('Decimal("30.4375")', "Decimal(30)"),
            ('frozenset({"active", "canceled"})', 'frozenset({"active"})'),
            ("item.state not in _EARNING or _in_trial(item)", "item.state not in _EARNING"),
            ("or end <= start:", "or end < start:"),
            ("or end <= start:", "or False:"),
            (
                "ends is not None and period is not None and period <= ends",
                "ends is not None and period is not None and period < ends",
            ),
            (
                "if whole > 0 and end.day == min(start.day, last_day)",
                "if whole >= 0 and end.day == min(start.day, last_day)",
            ),
            ("if whole > 0 and end.day == min(start.day, last_day)", "if whole > 0 and end.day == start.day"),
            ("if whole > 0 and end.day == min(start.day, last_day)", "if whole > 0"),
            ("(end - start).total_seconds()", "(end - start).days * 86_400"),
            ("item.plan_name or item.plan_code or item.uuid", "item.plan_name or item.uuid"),
            (
                "known if item.auto_renew is None else {**known, F.AUTO_RENEW: item.auto_renew}",
                "{**known, F.AUTO_RENEW: bool(item.auto_renew)}",
            ),
            ("F.CANCELED_AT: item.canceled_at", "F.CANCELED_AT: item.expires_at"),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/invoice",
        [
            ("F.PAID: amount(item.paid,", "F.PAID: amount(item.total,"),
            ("F.BALANCE: amount(item.balance,", "F.BALANCE: amount(item.total,"),
            ("F.REFUNDABLE: amount(item.refundable,", "F.REFUNDABLE: amount(item.balance,"),
            ("F.DUE_AT: item.due_at", "F.DUE_AT: item.created_at"),
            ("F.CLOSED_AT: item.closed_at", "F.CLOSED_AT: item.due_at"),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/payment",
        [
            ("F.AT: item.collected_at or item.created_at", "F.AT: item.created_at"),
            ("line(item.code, CODE) if decline else None", "line(item.code, CODE)"),
            (
                "F.GATEWAY_REFERENCE: line(item.gateway_reference)",
                "F.GATEWAY_REFERENCE: line(item.gateway_code)",
            ),
            ("F.ORIGINAL_KEY: original_key", "F.ORIGINAL_KEY: None"),
            ("page(decline.action, ADVICE) if decline", "page(decline.reason, ADVICE) if decline"),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/contact",
        [
            (
                "any((account.first_name, account.last_name, account.email))",
                "any((account.first_name, account.last_name))",
            ),
            (
                "line(account.email, EMAIL) if is_address(account.email) else None",
                "line(account.email, EMAIL)",
            ),
            (
                "(account.first_name, account.company, mailbox, account.code)",
                "(account.company, account.first_name, mailbox, account.code)",
            ),
            (
                'bool(mailbox and at and "." in domain.strip(".") and "@" not in mailbox)',
                'bool(mailbox and at and "." in domain and "@" not in mailbox)',
            ),
            (
                'bool(mailbox and at and "." in domain.strip(".") and "@" not in mailbox)',
                'bool(mailbox and at and "." in domain.strip("."))',
            ),
            (
                'bool(mailbox and at and "." in domain.strip(".") and "@" not in mailbox)',
                'bool(at and "." in domain.strip(".") and "@" not in mailbox)',
            ),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/dispute",
        [
            ('Status.ACCEPTED: "was accepted"', 'Status.ACCEPTED: "was lost"'),
            ('Status.LOST: "was lost"', 'Status.LOST: "was won"'),
            ('Status.WITHDRAWN: "was called off"', 'Status.WITHDRAWN: "was lost"'),
            ("F.DUE_AT: item.due_at", "F.DUE_AT: item.at"),
            ("F.REASON_CATEGORY: line(reason.category", "F.REASON_CATEGORY: line(reason.code"),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/refund",
        [
            ("{Status.FAILED, Status.CANCELED, Status.REQUIRES_ACTION}", "{Status.FAILED, Status.CANCELED}"),
            (
                "{Status.FAILED, Status.CANCELED, Status.REQUIRES_ACTION}",
                "{Status.FAILED, Status.REQUIRES_ACTION}",
            ),
            ("F.AS_OF: item.at", "F.AS_OF: opened_at"),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/payout",
        [
            ("if item.status is Status.FAILED else None", "if item.status else None"),
            ("F.ARRIVES_ON: phrases.on(item.settles_at)", "F.ARRIVES_ON: words.on(item.at)"),
            ("F.OPENED_AT: item.opened_at", "F.OPENED_AT: item.at"),
        ],
        *_RECORDS,
    ),
    *mutants(
        "mappers/records/recurly_links",
        [
            (
                "return _filled(policy.recurly_invoice_link, facts.site, number)",
                "return _filled(policy.recurly_invoice_link, facts.site, facts.code)",
            ),
            ('code=quote(code, safe="")', "code=code"),
        ],
        *_RECORDS,
        "tests/sync/decide/rules/test_mirrors.py",
    ),
    *mutants(
        "mappers/field_limits",
        [
            ("abs(value) >= _LARGEST", "abs(value) > _LARGEST"),
            ("not value.is_finite() or", "not value.is_nan() and not value.is_finite() or"),
        ],
        "tests/mappers/test_salesforce_values.py",
    ),
    *mutants(
        "mappers/match_keys",
        [
            ("return _forms(INVOICE, (number, number[-CUT_AT:]))", "return _forms(INVOICE, (number,))"),
            (
                "return (*of_billing(item), *_forms(INVOICE, (number, number[-CUT_AT:])))",
                "return of_billing(item)",
            ),
            ("CUT_AT: Final = 20", "CUT_AT: Final = 19"),
            ("if value and len(value) <= LONGEST)", "if value and len(value) < LONGEST)"),
            ("(item.id,) if item.kind is Kind.CHARGE else ()", "(item.id,)"),
            ("return not named or source in named", "return source in named"),
            ("named[0] if len(named) == 1 else None", "named[0] if named else None"),
            ("(first, *more)", "(first,)"),
        ],
        "tests/mappers/test_match_keys.py",
    ),
    *mutants(
        "mappers/safe_parse",
        [
            (
                "if trimmed and len(trimmed) <= LONGEST and trimmed.isprintable()",
                "if trimmed and len(trimmed) < LONGEST and trimmed.isprintable()",
            ),
            (
                "if trimmed and len(trimmed) <= LONGEST and trimmed.isprintable()",
                "if trimmed and len(trimmed) <= LONGEST",
            ),
            (
                "len(found) == 3 and found.isascii() and found.isalpha()",
                "len(found) == 3 and found.isalpha()",
            ),
            (
                "not cents.is_finite() or abs(cents) >= LARGEST",
                "not cents.is_finite() or abs(cents) > LARGEST",
            ),
            ("money.exponent(code) if exponent is None else exponent", "money.exponent(code)"),
            ("abs(cents).scaleb(-places)", "cents.scaleb(-places)"),
            ("money.amount(abs(amount), code) if", "money.amount(amount, code) if"),
            (
                "time if time.tzinfo else time.replace(tzinfo=UTC)",
                "time if time.tzinfo else time.astimezone()",
            ),
            ("found.replace(hour=23, minute=59, second=59, microsecond=0)", "found"),
        ],
        "tests/mappers/test_match_keys.py",
        "tests/webhooks/test_adyen_objects.py",
        "tests/webhooks/test_braintree_objects.py",
    ),
    *mutants(
        "mappers/external_ids",
        [
            ("(source, site, object_) if site else (source, object_)", "(source, site, object_)"),
            ("if utf16_length(key) <= limit", "if utf16_length(key) < limit"),
            ("limit=LINE - _CYCLE", "limit=LINE"),
            ("id_ or OWN_PAYEE", "id_"),
        ],
        "tests/mappers/test_match_keys.py",
    ),
    *mutants(
        "mappers/returned_payments",
        [
            (
                "text = why.text if item.reason or item.network_code else _TAKEN_BACK",
                "text = why.text if item.reason else _TAKEN_BACK",
            ),
            ('not method or "bank" in method or "debit" in method', '"bank" in method or "debit" in method'),
            ('not method or "bank" in method or "debit" in method', 'not method or "bank" in method'),
            ('"becs_nz", ', ""),
            ('"sepa_b2b", ', ""),
        ],
        "tests/mappers/test_reasons.py",
        "tests/sync/decide/rules/test_bank_debit.py",
    ),
    *mutants(
        "mappers/braintree_statuses",
        [
            ('"won": Status.WON', '"won": Status.LOST'),
            ('"auto_accepted": Status.ACCEPTED', '"auto_accepted": Status.LOST'),
            ('"retrieval": Stage.INQUIRY', '"retrieval": Stage.CHARGEBACK'),
            ('"sepa_debit_account": "sepa_core"', '"sepa_debit_account": "ach"'),
            ('    "jcb": "jcb",\n', ""),
            ('    "elo": "elo",\n', ""),
            ("_CARDS.get(card.lower())", "_CARDS.get(card)"),
        ],
        "tests/webhooks/test_braintree_kinds.py",
        "tests/webhooks/test_braintree_objects.py",
        "tests/clients/test_processor_braintree.py",
    ),
    *mutants(
        "sources/adyen",
        [
            ('"PREARBITRATION_LOST": "Pre-arbitration lost"', '"PREARBITRATION_LOST": "Pre-arbitration won"'),
            (
                '"REFUND_FAILED": "Refund failed at the bank"',
                '"REFUND_FAILED": "Refund processed or refused"',
            ),
        ],
        "tests/webhooks/test_adyen_kinds.py",
    ),
    *mutants(
        "sources/braintree",
        [('"dispute_won": "Dispute won"', '"dispute_won": "Dispute lost"')],
        "tests/webhooks/test_braintree_kinds.py",
    ),
    *mutants(
        "models/observation_merge",
        [
            ("timedelta(seconds=60)", "timedelta(seconds=120)"),
            ("one.at - standing.at > CLEARLY_LATER", "one.at - standing.at >= CLEARLY_LATER"),
            ("or later.at - standing.at > CLEARLY_LATER", "or later.at - standing.at >= CLEARLY_LATER"),
            ("opened = min((one.opened_at", "opened = max((one.opened_at"),
            ('latest["answered"] is False and _ran_out', "_ran_out"),
            (
                "min(lost, default=due_at - timedelta(1)) >= due_at",
                "min(lost, default=due_at - timedelta(1)) > due_at",
            ),
            (
                "one.status is Status.SUCCEEDED and one.at < standing.at",
                "one.status is Status.SUCCEEDED and one.at <= standing.at",
            ),
            (
                "standing.kind is not Kind.CHARGE or standing.status is not Status.FAILED",
                "standing.status is not Status.FAILED",
            ),
            ("if one.status is Status.LOST and one.at != opened)", "if one.status is Status.LOST)"),
            ("and _order_of(later) >= _order_of(standing)", ""),
            ("standing = replace(one, stage=standing.stage)", "standing = one"),
            ("furthest = max(_rank(one) for one in said)", "furthest = min(_rank(one) for one in said)"),
        ],
        "tests/models/test_observation_merge.py",
    ),
    *mutants(
        "models/processor_objects",
        [
            ("        Status.WITHDRAWN,\n        Status.SUCCEEDED,", "        Status.SUCCEEDED,"),
            (
                "        Status.CANCELED,\n        Status.RETURNED,\n        Status.CLOSED,",
                "        Status.RETURNED,\n        Status.CLOSED,",
            ),
        ],
        "tests/models/test_observation_merge.py",
    ),
]
