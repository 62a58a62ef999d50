"""Moving an object to its account: with its events and what was written, and never out of a worker's hands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from samples import due, one, record, rows, statuses, subject
from sqlalchemy import Engine
from sync.world import account, invoice, payment
from telling import BOB, EVE, bill, carrying, charge, dispute, due_subjects, item, known, links, payout, tell

from connector.ledger import attempts, observations, pending_matches, snapshots, subjects
from connector.ledger.account_events import load as timeline
from connector.ledger.attempts import Attempt, Cause, MovedCase, RowChange
from connector.ledger.subjects import Due
from connector.mappers import fields
from connector.models.events import Urgency
from connector.models.facts import DeletedObject, Kind

OWN = "stripe:dispute:dp_1"
OWN_DUE = Due(OWN, "stripe", "", "dispute:dp_1", Urgency.DISPUTE)
TO_BOB = due("bob", Urgency.DISPUTE)


def found(engine: Engine, *refs: str) -> dict[str, list[tuple[str, str]]]:
    """Reference → (object, subject) of what it names."""
    with engine.connect() as connection:
        known_ = pending_matches.candidates(connection, refs)
    return {ref: [(one_.object, one_.subject) for one_ in candidates] for ref, candidates in known_.items()}


def join(engine: Engine, id_: str = "dp_1", how: str = "gateway reference ch_1") -> bool:
    it = known(engine, id_)
    with engine.begin() as connection:
        return pending_matches.move(connection, it, TO_BOB, how) is not None


def own(engine: Engine, *event_ids: str) -> None:
    """An object that waits, due, with events."""
    tell(engine, dispute("dp_1", "ch_1"))
    with engine.begin() as connection:
        subjects.mark_due(connection, [OWN_DUE])
    record(engine, *(carrying(event_id, dispute("dp_1", "ch_1")) for event_id in event_ids))
    rows(engine, "UPDATE event SET status = 'done', subject = :own, settled_at = now()", own=OWN)


def wrote(engine: Engine, *records: tuple[str, str]) -> None:
    """These records were written for the object while it waited."""
    changes = tuple(
        RowChange(object_, key, "r", "w", {}, {}, None, "id1", mirror={fields.Case.ACCOUNT_KEY: OWN})
        for object_, key in records
    )
    with engine.begin() as connection:
        now = snapshots.clock(connection)
        attempts.record(connection, [Attempt(OWN, Cause(), now, now, "applied", changes=changes)])


# ── what could match ──────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_billing_system_has_is_found_by_each_of_its_references(engine: Engine) -> None:
    bill(
        engine,
        account(gateway_customers=("cus_1", "cus_2")),
        invoice(number="1001"),
        payment(gateway_reference="ch_1", gateway_references=("pi_1", "txn")),
    )
    assert found(engine, "reference:pi_1", "invoice:1001", "customer:cus_2", "reference:none") == {
        "reference:pi_1": [("payment", BOB)],
        "invoice:1001": [("invoice", BOB)],
        "customer:cus_2": [("account", BOB)],
    }


def test_what_is_gone_or_waits_itself_or_is_a_payout_is_no_candidate(engine: Engine) -> None:
    bill(engine, payment(gateway_reference="ch_1"))
    tell(engine, dispute("dp_1", "ch_2", customer="cus_1"), payout("po_1", references=("ch_2",)))
    with engine.begin() as connection:
        snapshots.mark_gone(
            connection, "recurly", "acme", snapshots.clock(connection), [DeletedObject("payment", "pay1")]
        )
    assert found(engine, "reference:ch_1", "reference:ch_2", "customer:cus_1") == {}


def customer_of(engine: Engine, id_: str = "other") -> list[str]:
    """The accounts that other objects of the customer cus_1 belong to, as an object ``id_`` may know them."""
    wanted = pending_matches.ReferencedCustomer("stripe", "cus_1", "mandate", id_)
    with engine.connect() as connection:
        return [
            one_.subject for one_ in pending_matches.customer_candidates(connection, [wanted]).get(wanted, [])
        ]


def test_an_object_that_was_matched_by_more_than_its_customer_leads_others_to_its_account(
    engine: Engine,
) -> None:
    tell(engine, dispute("dp_1", "ch_1", customer="cus_1"), item("pm_1", Kind.MANDATE, customer="cus_1"))
    assert customer_of(engine) == []
    assert join(engine)
    assert customer_of(engine) == [BOB]
    with engine.begin() as connection:
        assert pending_matches.move(
            connection, known(engine, "pm_1", Kind.MANDATE), due("eve"), "customer cus_1"
        )
    assert customer_of(engine) == [BOB]


def test_two_owners_of_a_customer_are_found_however_many_objects_they_have(engine: Engine) -> None:
    ids = [f"dp_{n}" for n in range(6)]
    tell(engine, *(dispute(id_, f"ch_{id_}", customer="cus_1") for id_ in ids))
    for id_, code in zip(ids, ["bob", "bob", "eve", "eve", "amy", "bob"], strict=True):
        with engine.begin() as connection:
            assert pending_matches.move(
                connection, known(engine, id_), due(code), f"gateway reference ch_{id_}"
            )
    assert customer_of(engine) == [subject("amy"), EVE]


def test_an_object_is_no_evidence_for_itself(engine: Engine) -> None:
    tell(engine, item("pm_1", Kind.MANDATE, customer="cus_1"))
    with engine.begin() as connection:
        assert pending_matches.move(
            connection, known(engine, "pm_1", Kind.MANDATE), TO_BOB, "invoice number 1001"
        )
    assert (customer_of(engine, "pm_1"), customer_of(engine, "pm_2")) == ([], [BOB])


def test_the_gateway_of_a_payment_is_told(engine: Engine) -> None:
    bill(engine, payment(gateway_reference="ch_1", gateway="braintree_blue"))
    with engine.connect() as connection:
        (candidate,) = pending_matches.candidates(connection, ["reference:ch_1"])["reference:ch_1"]
    assert candidate.gateway == "braintree_blue"


def test_charges_are_found_by_what_the_payment_is_called_and_by_nothing_else(engine: Engine) -> None:
    tell(
        engine, charge("ch_1", "pi_1", customer="cus_1", invoice_number="1"), charge("ch_2", customer="cus_1")
    )
    with engine.connect() as connection:
        named = pending_matches.charges(connection, ["reference:pi_1", "customer:cus_1", "invoice:1"])
        assert [one_.id for one_ in named] == ["ch_1"]
        assert pending_matches.charges(connection, ["customer:cus_1"]) == []


# ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_its_events_are_told_again_under_the_account(engine: Engine) -> None:
    own(engine, "evt_1", "evt_2")
    assert join(engine)
    assert statuses(engine) == {"evt_1": "fetched", "evt_2": "fetched"}
    with engine.connect() as connection:
        told_ = timeline(connection, [BOB, OWN])
    assert [(entry.event_id, entry.new) for entry in told_[BOB].entries] == [("evt_1", True), ("evt_2", True)]
    assert told_[OWN].entries == []


def test_an_event_that_is_dead_or_pending_stays_so(engine: Engine) -> None:
    own(engine, "evt_1", "evt_2")
    rows(engine, "UPDATE event SET status = CASE event_id WHEN 'evt_1' THEN 'dead' ELSE 'pending' END")
    assert join(engine)
    assert statuses(engine) == {"evt_1": "dead", "evt_2": "pending"}
    assert {row.subject for row in rows(engine, "SELECT subject FROM event")} == {BOB}


def test_what_was_written_about_it_is_the_accounts_and_its_own_subject_is_gone(engine: Engine) -> None:
    own(engine)
    wrote(engine, ("Case", f"{OWN}:dispute:1"), ("Billing_Dispute__c", OWN))
    assert join(engine)
    assert {row.subject for row in rows(engine, "SELECT subject FROM mirror")} == {BOB}
    assert due_subjects(engine) == {BOB: Urgency.DISPUTE}
    assert links(engine) == {"dp_1": (BOB, "gateway reference ch_1")}
    moved = [MovedCase(f"{OWN}:dispute:1", OWN, BOB)]
    with engine.connect() as connection:
        for asked in ([BOB], [OWN], [BOB, OWN]):
            assert attempts.moved_cases(connection, asked) == moved
        assert attempts.moved_cases(connection, [f"{BOB}2"]) == []


def test_where_its_case_was_is_remembered_until_the_case_is_written_under_the_account(engine: Engine) -> None:
    own(engine)
    wrote(engine, ("Case", f"{OWN}:dispute:1"), ("Billing_Dispute__c", OWN))
    assert join(engine)
    with engine.begin() as connection:
        attempts.forget(connection, [BOB])
        assert attempts.moved_cases(connection, [BOB]) == [MovedCase(f"{OWN}:dispute:1", OWN, BOB)]
    assert [row.object for row in rows(engine, "SELECT object FROM mirror")] == ["Case"]
    rows(engine, "UPDATE mirror SET fields = jsonb_build_object('Billing_Account_Key__c', subject)")
    with engine.begin() as connection:
        assert attempts.moved_cases(connection, [BOB]) == []
        attempts.forget(connection, [BOB])
    assert rows(engine, "SELECT * FROM mirror") == []


def test_the_account_stays_as_urgent_as_it_was(engine: Engine) -> None:
    tell(engine, dispute("dp_1", "ch_1"))
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob", Urgency.DISPUTE)])
        assert pending_matches.move(connection, known(engine), due("bob", Urgency.ROUTINE), "customer c")
    assert due_subjects(engine) == {BOB: Urgency.DISPUTE}


def test_what_another_has_joined_meanwhile_is_left_alone(engine: Engine) -> None:
    own(engine)
    before = known(engine)
    assert join(engine, how="gateway reference ch_1")
    with engine.begin() as connection:
        assert (
            pending_matches.move(connection, before, due("eve"), "customer cus_1")
            == pending_matches.MatchUpdate()
        )
    assert links(engine) == {"dp_1": (BOB, "gateway reference ch_1")}
    assert due_subjects(engine) == {BOB: Urgency.DISPUTE}


# ── in a worker's hands ───────────────────────────────────────────────────────────────────────────────────────


def test_an_object_that_a_worker_holds_is_not_moved_until_it_lets_go(engine: Engine) -> None:
    own(engine, "evt_1")
    with engine.begin() as connection:
        (held,) = subjects.claim(connection, "w:1", 10)
    assert not join(engine)
    assert links(engine)["dp_1"] == (OWN, "")
    assert statuses(engine) == {"evt_1": "done"}
    with engine.begin() as connection:
        subjects.settle(connection, "w:1", [subjects.Settled(held.key, held.generation, "idle")])
    assert join(engine)
    assert links(engine)["dp_1"][0] == BOB


def test_what_a_dead_worker_held_is_moved_once_its_lease_ran_out(engine: Engine) -> None:
    own(engine)
    with engine.begin() as connection:
        subjects.claim(connection, "w:1", 10)
    rows(engine, "UPDATE subject SET ready_at = now() - interval '1 second'")
    assert join(engine)


def test_nobody_claims_an_object_while_it_moves(engine: Engine) -> None:
    own(engine)
    it = known(engine)
    with engine.begin() as moving, engine.begin() as other:
        assert pending_matches.move(moving, it, TO_BOB, "gateway reference ch_1")
        assert subjects.claim(other, "w:1", 10) == []


def test_events_that_are_given_to_an_object_while_it_is_joined_come_with_it(engine: Engine) -> None:
    """Whoever holds the object first, its events end under the account."""
    own(engine)
    record(engine, carrying("evt_1", dispute("dp_1", "ch_1")))
    it = known(engine)
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as settling:
            (held,) = observations.load(settling, [("stripe", "dispute", "dp_1")], hold=True)
            joining = pool.submit(join, engine)
            with pytest.raises(TimeoutError):
                joining.result(timeout=0.3)
            settling.exec_driver_sql("UPDATE event SET status = 'fetched', subject = %s", (held.subject,))
            subjects.mark_due(settling, [OWN_DUE])
        assert joining.result()
    assert held.subject == it.subject == OWN
    assert one(engine, "SELECT subject, status FROM event") == (BOB, "fetched")
    assert set(due_subjects(engine)) == {BOB}
