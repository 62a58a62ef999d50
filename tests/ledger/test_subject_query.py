"""Walking through what the ledger knows."""

from __future__ import annotations

import json

import pytest
from samples import due, rows, subject
from sqlalchemy import Engine, text

from connector.ledger import subject_query, subjects
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Due
from connector.models.events import Urgency


@pytest.fixture
def known(engine: Engine) -> Engine:
    """Ann owes, Bob has an open dispute and an open case, Eve had both; a payee, and an account of another site."""
    payee = Due("stripe:payee:acct_1", "stripe", "", "payee:acct_1", Urgency.ROUTINE)
    abroad = Due("recurly:eu:account:ann", "recurly", "eu", "ann", Urgency.ROUTINE)
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("ann"), due("bob"), due("eve"), payee, abroad])
        for code, object_, data in (
            ("ann", "invoice", '{"state": "past_due"}'),
            ("bob", "dispute", '{"status": "needs_response"}'),
            ("eve", "dispute", '{"status": "won"}'),
            ("eve", "invoice", '{"state": "paid"}'),
        ):
            connection.execute(
                text(
                    "INSERT INTO snapshot (source, site, object, id, subject, observed_at, data) "
                    "VALUES ('recurly', 'acme', :object, :id, :subject, now(), CAST(:data AS jsonb))"
                ),
                {"object": object_, "id": f"{code}-{object_}", "subject": subject(code), "data": data},
            )
        for code, state in (("bob", "open"), ("eve", "resolved")):
            connection.execute(
                text(
                    "INSERT INTO mirror (object, key, subject, salesforce_id, fields) VALUES ('Case', :key, :subject, "
                    "'500', jsonb_build_object('Billing_Rule__c', 'dispute', 'Billing_State__c', CAST(:state AS text)))"
                ),
                {"key": f"case:{code}", "subject": subject(code), "state": state},
            )
    return engine


def codes(engine: Engine, which: SubjectFilter, limit: int = 100) -> list[str]:
    """All of them, page after page; the count says the same."""
    found: list[Due] = []
    with engine.connect() as connection:
        while page := subject_query.walk(connection, which, found[-1].key if found else "", limit):
            found += page
        assert subject_query.count(connection, which) == len(found)
    return [one.code if one.site != "eu" else f"eu/{one.code}" for one in found]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_everything_once_in_the_order_of_the_keys_however_large_the_steps(known: Engine, limit: int) -> None:
    assert codes(known, SubjectFilter(), limit) == ["ann", "bob", "eve", "eu/ann", "payee:acct_1"]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (SubjectFilter(accounts_only=True), ["ann", "bob", "eve", "eu/ann"]),
        (SubjectFilter(site="eu"), ["eu/ann"]),
        (SubjectFilter(keys=[subject("bob"), subject("nobody")]), ["bob"]),
        (SubjectFilter(keys=[]), []),
        (SubjectFilter(state="past_due"), ["ann"]),
        (SubjectFilter(state="disputed"), ["bob"]),
        (SubjectFilter(rule="dispute"), ["bob"]),
        (SubjectFilter(rule="refund"), []),
        (SubjectFilter(rule="dispute", state="past_due"), []),
    ],
)
def test_what_is_asked_for_must_all_hold(known: Engine, which: SubjectFilter, found: list[str]) -> None:
    assert codes(known, which) == found


def charged_back(
    engine: Engine, code: str, *, disputed: str | None = None, told: str | None = None, **data: str
) -> None:
    """An account with a chargeback of Recurly's, and of what is in dispute what was written since."""
    with engine.begin() as connection:
        subjects.mark_due(connection, [due(code)])
        connection.execute(
            text(
                "INSERT INTO snapshot (source, site, object, id, subject, observed_at, data) VALUES "
                "('recurly', 'acme', 'payment', :id, :subject, now(), CAST(:data AS jsonb))"
            ),
            {"id": f"pay-{code}", "subject": subject(code), "data": json.dumps({"status": "success"} | data)},
        )
        connection.execute(
            text("UPDATE subject SET applied_at = now() WHERE key = :key AND :written"),
            {"key": subject(code), "written": disputed is not None},
        )
        connection.execute(
            text(
                "INSERT INTO mirror (object, key, subject, salesforce_id, fields) SELECT 'Account', :key, :key, '001', "
                "jsonb_build_object('Billing_Open_Dispute_Amount__c', CAST(:disputed AS text)) "
                "|| CAST(:text AS jsonb) WHERE :disputed <> ''"
            ),
            {
                "key": subject(code),
                "disputed": disputed or "",
                "text": "{}" if told is None else json.dumps({"Billing_Open_Dispute_Text__c": told or None}),
            },
        )


def test_a_chargeback_that_recurly_tells_of_is_a_dispute_until_it_is_over(known: Engine) -> None:
    charged_back(known, "marked", status="chargeback")
    charged_back(known, "own", origin="chargeback", disputed="49.00")
    charged_back(known, "closed", status="chargeback", disputed="0.00")
    charged_back(known, "void", status="void", origin="chargeback")
    charged_back(known, "paid", origin="purchase")
    assert codes(known, SubjectFilter(state="disputed")) == ["bob", "marked", "own"]


def test_a_chargeback_in_another_currency_is_over_once_the_text_says_nothing(known: Engine) -> None:
    """The number is empty in both cases."""
    charged_back(known, "euros", status="chargeback", disputed="0.01", told="EUR 49.00")
    charged_back(known, "over", status="chargeback", disputed="0.01", told="")
    rows(
        known,
        "UPDATE mirror SET fields = fields || '{\"Billing_Open_Dispute_Amount__c\": null}' "
        "WHERE subject LIKE '%euros' OR subject LIKE '%over' RETURNING 1",
    )
    assert codes(known, SubjectFilter(state="disputed")) == ["bob", "euros"]


def test_a_chargeback_is_not_over_by_what_was_written_before_it(known: Engine) -> None:
    charged_back(known, "young", status="chargeback", disputed="0.00")
    rows(
        known, "UPDATE snapshot SET learnt_at = now() + interval '1 hour' WHERE id = 'pay-young' RETURNING 1"
    )
    assert codes(known, SubjectFilter(state="disputed")) == ["bob", "young"]


def test_a_dispute_of_which_only_other_things_are_told_is_open(known: Engine) -> None:
    rows(known, """UPDATE snapshot SET data = '{"status": null}' WHERE object = 'dispute' RETURNING 1""")
    assert codes(known, SubjectFilter(state="disputed")) == ["bob", "eve"]


def test_what_its_source_no_longer_has_is_neither_past_due_nor_disputed(known: Engine) -> None:
    charged_back(known, "marked", status="chargeback")
    rows(known, "UPDATE snapshot SET gone = true")
    assert (
        codes(known, SubjectFilter(state="disputed")) == codes(known, SubjectFilter(state="past_due")) == []
    )


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("needs_response", True), ("under_review", True), ("won", False), ("lost", False), ("accepted", False)],
)
def test_a_dispute_is_open_until_it_is_decided(known: Engine, status: str, is_open: bool) -> None:
    rows(
        known,
        "UPDATE snapshot SET data = data || jsonb_build_object('status', CAST(:status AS text)) "
        "WHERE object = 'dispute' AND subject = :bob",
        status=status,
        bob=subject("bob"),
    )
    assert ("bob" in codes(known, SubjectFilter(state="disputed"))) is is_open


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"Billing_State__c": "open"}, ["bob"]),
        ({"Billing_State__c": None}, ["bob"]),
        ({"Billing_State__c": "resolved"}, []),
        ({"Billing_Rule__c": "refund"}, []),
    ],
)
def test_a_case_of_a_rule_counts_until_it_is_resolved(
    known: Engine, fields: dict[str, str | None], found: list[str]
) -> None:
    rows(
        known,
        "UPDATE mirror SET fields = fields || CAST(:fields AS jsonb) WHERE key = 'case:bob'",
        fields=json.dumps(fields),
    )
    assert codes(known, SubjectFilter(rule="dispute")) == found


def test_the_accounts_that_a_backfill_found(known: Engine) -> None:
    run = rows(
        known, "INSERT INTO run (command, who, state) VALUES ('backfill', 'lead', 'running') RETURNING id"
    )
    rows(known, "INSERT INTO backfill_account VALUES (:id, :key)", id=run[0].id, key=subject("eve"))
    assert codes(known, SubjectFilter(backfill=run[0].id)) == ["eve"]
