"""A processor's events from the batch to the case: told, joined when it can be, and moved when it can be later."""

from __future__ import annotations

import itertools
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from samples import SITE, SOURCE, event, make_ready, one, record, rows, statuses
from sqlalchemy import Engine
from telling import BOB, at, bill, carrying, charge, dispute, due_subjects, links, payout, tell

from connector.errors import Unavailable
from connector.ledger import attempts, snapshots, subjects
from connector.models.events import Event, Pointer, Urgency
from connector.models.facts import BillingObject, Stage, Status
from connector.policy import Policy
from connector.sync.apply.applier import Applier
from connector.sync.decide.decide import decide
from connector.sync.refresh import account_matching, enrichment
from connector.sync.refresh.enrichment import Lookups
from connector.sync.refresh.refresh import Outcome, refresh
from sync.fake_api import FakeApi
from sync.fake_crm import FakeCrm
from sync.world import account, invoice, payment

from .test_enrichment import FakeLookup

OWN = "stripe:dispute:dp_1"
CASE = f"{OWN}:dispute:1"
NOW = datetime.now(UTC)


class Org:
    """An org that has every queue and record type."""

    def queue(self, name: str) -> str:
        return f"00G{name}"

    def record_type(self, name: str) -> str:
        return f"012{name}"


@pytest.fixture
def api() -> FakeApi:
    return FakeApi([account(), invoice(state="paid"), payment(gateway="stripe", gateway_reference="ch_1")])


@pytest.fixture
def crm() -> FakeCrm:
    return FakeCrm()


def run(engine: Engine, api: FakeApi | None = None, lookups: Lookups | None = None) -> Outcome:
    apis = {(SOURCE, SITE): api} if api else {}
    return refresh(engine, apis, lambda: NOW, "w", lookups=lookups)


def apply(engine: Engine, crm: FakeCrm, *, after: timedelta = timedelta()) -> None:
    """Everything due is decided and written, as if so much later."""
    make_ready(engine, "subject")
    Applier(engine, crm, Org, partial(decide, policy=Policy()), lambda: datetime.now(UTC) + after, "w").run()


def told(event_id: str = "evt_1", *references: str, **said: Any) -> Event:
    usual: dict[str, Any] = {"at": NOW, "opened_at": NOW, "stage": Stage.CHARGEBACK}
    return carrying(event_id, dispute("dp_1", *(references or ("ch_1",)), **usual | said))


def paid() -> Event:
    """Recurly tells of the payment."""
    return event("n1", pointers=(Pointer("payment", ("pay1",)),), kind="payment.succeeded")


def subject_keys(engine: Engine) -> set[str]:
    return {row.key for row in rows(engine, "SELECT key FROM subject")}


# ── a batch ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_object_without_an_account_is_due_itself(engine: Engine) -> None:
    record(engine, told())
    assert run(engine) == Outcome(claimed=1, due=1)
    assert due_subjects(engine) == {OWN: Urgency.DISPUTE}
    row = one(engine, "SELECT status, subject, lease FROM event")
    assert tuple(row) == ("fetched", OWN, None)
    row = one(engine, "SELECT source, site, code FROM subject")
    assert tuple(row) == ("stripe", "", "dispute:dp_1")


def test_an_object_whose_account_is_known_makes_that_due(engine: Engine) -> None:
    bill(engine, account(), payment(gateway="stripe", gateway_reference="ch_1"))
    record(engine, told())
    run(engine)
    assert due_subjects(engine) == {BOB: Urgency.DISPUTE}
    assert one(engine, "SELECT subject FROM event").subject == BOB
    assert subject_keys(engine) == {BOB}


def test_it_is_joined_when_the_billing_systems_payment_comes(engine: Engine, api: FakeApi) -> None:
    record(engine, told())
    run(engine)
    record(engine, paid())
    assert run(engine, api).due == 2
    assert links(engine) == {"dp_1": (BOB, "gateway reference ch_1")}
    assert subject_keys(engine) == {BOB}
    assert {row.subject for row in rows(engine, "SELECT subject FROM event")} == {BOB}


def test_what_was_read_before_the_billing_system_went_away_joins_too(engine: Engine, api: FakeApi) -> None:
    """It is not read again, so it would be no news the next time."""
    record(engine, told())
    run(engine)
    record(engine, paid())

    def goes_away() -> None:
        if len(api.calls) == 2:
            api.down = Unavailable("recurly:acme", "Recurly is unavailable.", retry_after=1)

    api.meanwhile = goes_away
    run(engine, api)
    assert statuses(engine)["n1"] == "pending"
    assert links(engine)["dp_1"][0] == BOB


def test_a_charge_that_comes_later_leads_to_the_account(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrichment, "ask", lambda *_, **__: set())
    bill(engine, account(), invoice())
    record(engine, told())
    run(engine)
    record(engine, carrying("evt_2", charge("ch_1", invoice_number="1001")))
    run(engine)
    assert {link[0] for link in links(engine).values()} == {BOB}
    assert subject_keys(engine) == {BOB}


def test_an_object_that_is_joined_while_its_event_is_settled_takes_the_event_along(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker learns of the payment in that moment."""
    record(engine, told())
    mark_due, pool = subjects.mark_due, ThreadPoolExecutor(1)
    joined_: list[Future[set[str]]] = []

    def meanwhile(*args: Any) -> None:
        monkeypatch.setattr(subjects, "mark_due", mark_due)
        bill(engine, account(), payment(gateway="stripe", gateway_reference="ch_1"))
        joined_.append(pool.submit(account_matching.match_again, engine, ["reference:ch_1"]))
        wait(joined_, timeout=0.3)
        mark_due(*args)

    monkeypatch.setattr(subjects, "mark_due", meanwhile)
    run(engine)
    assert joined_[0].result() == {BOB}
    pool.shutdown()
    assert one(engine, "SELECT subject, status FROM event") == (BOB, "fetched")
    assert subject_keys(engine) == {BOB}


def test_the_same_delivery_twice_is_worked_once(engine: Engine) -> None:
    record(engine, told(), told())
    assert run(engine).claimed == 1
    assert one(engine, "SELECT deliveries FROM event").deliveries == 2
    assert one(engine, "SELECT count(*) AS n FROM observation").n == 1


def test_an_event_that_is_replayed_tells_nothing_twice(engine: Engine) -> None:
    record(engine, told())
    run(engine)
    rows(engine, "UPDATE event SET status = 'pending', ready_at = now()")
    run(engine)
    assert one(engine, "SELECT count(*) AS n FROM observation").n == 1
    assert statuses(engine) == {"evt_1": "fetched"}


def test_a_payout_makes_its_payee_due(engine: Engine) -> None:
    record(engine, carrying("evt_1", payout("po_1", status=Status.FAILED)))
    run(engine)
    row = one(engine, "SELECT key, source, site, code FROM subject WHERE status = 'due'")
    assert tuple(row) == ("stripe:payee:acct_1", "stripe", "", "payee:acct_1")
    assert one(engine, "SELECT subject FROM event").subject == "stripe:payee:acct_1"


def test_an_event_is_that_of_what_it_is_about_rather_than_of_its_charge(engine: Engine) -> None:
    record(engine, carrying("evt_1", charge("ch_9"), dispute("dp_1", "ch_9")))
    run(engine)
    assert one(engine, "SELECT subject FROM event").subject == OWN
    assert set(due_subjects(engine)) == {OWN, "stripe:charge:ch_9"}


def test_processors_and_the_billing_system_are_worked_in_one_batch(engine: Engine, api: FakeApi) -> None:
    record(engine, told(), paid(), carrying("evt_9", dispute("d", "psp", source="adyen")))
    run(engine, api)
    assert set(statuses(engine).values()) == {"fetched"}
    assert set(due_subjects(engine)) == {BOB, "adyen:dispute:d"}


def test_an_api_that_is_out_does_not_hold_an_event_up(engine: Engine) -> None:
    stripe = FakeLookup(trouble={"": Unavailable("stripe", "Stripe is unavailable.", retry_after=30)})
    record(engine, told())
    assert run(engine, lookups={"stripe": stripe}).due == 1
    assert (statuses(engine), stripe.calls) == ({"evt_1": "fetched"}, ["dp_1"])


def test_what_the_api_answers_joins_the_object_in_the_same_run(engine: Engine) -> None:
    bill(engine, account(), payment(gateway="stripe", gateway_reference="pi_1"))
    stripe = FakeLookup({"dp_1": (charge("ch_1", "pi_1"),)})
    record(engine, told())
    run(engine, lookups={"stripe": stripe})
    assert set(due_subjects(engine)) == {BOB}
    assert one(engine, "SELECT subject, status FROM event") == (BOB, "fetched")


# ── on to the case ────────────────────────────────────────────────────────────────────────────────────────────

LATER = timedelta(hours=2)


def in_triage(engine: Engine, crm: FakeCrm, **said: Any) -> dict[str, Any]:
    """A dispute without an account that has waited long enough: its case."""
    record(engine, told(due_at=NOW + timedelta(days=30), **said))
    run(engine)
    apply(engine, crm)
    assert crm.of("Case") == {}, "it waits for its account"
    rows(engine, "UPDATE subject SET status = 'due', due_at = now()")
    apply(engine, crm, after=LATER)
    (case,) = crm.of("Case").values()
    return case


def joined(engine: Engine, crm: FakeCrm, api: FakeApi) -> None:
    record(engine, paid())
    run(engine, api)
    apply(engine, crm, after=LATER)


def transitions(engine: Engine) -> list[str]:
    found = rows(engine, "SELECT transition FROM change WHERE object = 'Case' ORDER BY id")
    return [row.transition for row in found]


def test_an_object_that_waited_too_long_gets_its_case_in_the_triage_queue(
    engine: Engine, crm: FakeCrm
) -> None:
    case = in_triage(engine, crm)
    assert (case["Billing_Key__c"], case["OwnerId"]) == (CASE, "00GBilling_Triage")
    assert case["Billing_Account_Key__c"] == OWN
    assert "not known" in case["Subject"]
    assert "AccountId" not in case


def test_it_is_looked_at_again_when_it_has_waited_long_enough(engine: Engine, crm: FakeCrm) -> None:
    record(engine, told())
    run(engine)
    apply(engine, crm)
    row = one(engine, "SELECT look_again_at - first_seen_at AS wait, look_again_at FROM subject")
    assert row.wait == pytest.approx(timedelta(minutes=60), abs=timedelta(seconds=20))


def test_its_case_moves_to_the_account_and_to_the_rules_queue(
    engine: Engine, crm: FakeCrm, api: FakeApi
) -> None:
    in_triage(engine, crm)
    joined(engine, crm, api)
    (case,) = crm.of("Case").values()
    assert (case["Billing_Key__c"], case["Billing_Account_Key__c"]) == (CASE, BOB)
    assert (case["OwnerId"], case["Account"]) == ("00GBilling_Disputes", BOB)
    assert case["Subject"].endswith("(account bob)")
    assert transitions(engine) == ["open", "join"]
    assert set(statuses(engine).values()) == {"done"}


def test_a_case_that_an_agent_has_taken_stays_theirs(engine: Engine, crm: FakeCrm, api: FakeApi) -> None:
    case = in_triage(engine, crm)
    case |= {"OwnerId": "005agent", "Status": "Working", "Priority": "Low"}
    joined(engine, crm, api)
    (case,) = crm.of("Case").values()
    assert (case["OwnerId"], case["Status"], case["Priority"]) == ("005agent", "Working", "Low")
    assert case["Account"] == BOB
    assert transitions(engine) == ["open", "join"]


def test_a_case_that_an_agent_closed_stays_closed_when_its_account_is_known(
    engine: Engine, crm: FakeCrm, api: FakeApi
) -> None:
    case = in_triage(engine, crm)
    case |= {
        "Status": "Closed",
        "IsClosed": True,
        "ClosedDate": f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.000+0000",
    }
    joined(engine, crm, api)
    (case,) = crm.of("Case").values()
    assert case["Status"] == "Closed"
    assert (case["Account"], case["Billing_Account_Key__c"]) == (BOB, BOB)
    assert transitions(engine) == ["open", "join"]


def test_a_case_is_moved_once(engine: Engine, crm: FakeCrm, api: FakeApi) -> None:
    in_triage(engine, crm)
    joined(engine, crm, api)
    rows(engine, "UPDATE subject SET status = 'due', due_at = now()")
    apply(engine, crm, after=LATER)
    assert transitions(engine) == ["open", "join"]
    with engine.connect() as connection:
        assert attempts.moved_cases(connection, [BOB]) == []


def test_the_timeline_and_the_record_go_with_it(engine: Engine, crm: FakeCrm, api: FakeApi) -> None:
    in_triage(engine, crm)
    assert "Account__r" not in crm.of("Billing_Event__c")["stripe:event:evt_1"]
    joined(engine, crm, api)
    rows_ = crm.of("Billing_Event__c")
    assert {row["Account__r"] for row in rows_.values()} == {BOB}
    assert rows_["stripe:event:evt_1"]["Case__r"] == CASE
    assert crm.of("Billing_Dispute__c")[OWN]["Account__r"] == BOB
    assert len(crm.created) == len(set(crm.created))


def test_an_account_that_is_decided_while_the_object_moves_makes_no_second_case(
    engine: Engine, crm: FakeCrm, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The join is committed while Salesforce is asked for the account's cases."""
    case = in_triage(engine, crm)
    case |= {"OwnerId": "005agent", "Status": "Working"}
    record(engine, event("n0", pointers=(Pointer("account", ("acc1",)),)))
    run(engine, api)
    asked = crm.query_keys

    def meanwhile(*args: Any) -> list[dict[str, Any]]:
        monkeypatch.setattr(crm, "query_keys", asked)
        record(engine, paid())
        run(engine, api)
        return asked(*args)

    monkeypatch.setattr(crm, "query_keys", meanwhile)
    for _ in range(2):
        apply(engine, crm, after=LATER)
    (case,) = crm.of("Case").values()
    assert links(engine)["dp_1"][0] == BOB
    assert (case["OwnerId"], case["Status"], case["Account"]) == ("005agent", "Working", BOB)
    assert transitions(engine) == ["open", "join"]


def test_an_object_that_moves_while_its_account_is_read_is_there_with_its_case_or_not_yet(
    engine: Engine, crm: FakeCrm, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case without its object would be taken for one whose object is gone."""
    in_triage(engine, crm)
    record(engine, event("n0", pointers=(Pointer("account", ("acc1",)),)))
    run(engine, api)
    moved = attempts.moved_cases

    def meanwhile(*args: Any) -> list[attempts.MovedCase]:
        monkeypatch.setattr(attempts, "moved_cases", moved)
        record(engine, paid())
        run(engine, api)
        return moved(*args)

    monkeypatch.setattr(attempts, "moved_cases", meanwhile)
    for _ in range(2):
        apply(engine, crm, after=LATER)
    assert transitions(engine) == ["open", "join"]


# ── and on to another account, when stronger evidence comes ───────────────────────────────────────────────────

ELSEWHERE = BOB.replace(SITE, "emea")


def at_a_wrong_account(engine: Engine, crm: FakeCrm) -> dict[str, Any]:
    """A dispute that only its invoice number led to Bob of this site: its case is there."""
    bill(engine, account(), invoice(state="paid"))
    record(engine, told(due_at=NOW + timedelta(days=30), invoice_number="1001"))
    run(engine)
    apply(engine, crm)
    case = crm.of("Case")[CASE]
    assert (case["Account"], case["Billing_Account_Key__c"]) == (BOB, BOB)
    return case


def learn_elsewhere(engine: Engine, *objects: BillingObject) -> None:
    """Another site has the payment."""
    with engine.begin() as connection:
        now = snapshots.clock(connection)
        changed = snapshots.store(connection, SOURCE, "emea", now, objects)
    account_matching.match_again(engine, changed)


def moved_elsewhere(engine: Engine) -> None:
    elsewhere = account(email="elsewhere@example.com")
    learn_elsewhere(engine, elsewhere, payment(gateway="stripe", gateway_reference="ch_1"))
    assert links(engine)["dp_1"] == (ELSEWHERE, "gateway reference ch_1")


def test_a_case_moves_to_the_account_that_stronger_evidence_names(engine: Engine, crm: FakeCrm) -> None:
    case = at_a_wrong_account(engine, crm)
    case |= {"OwnerId": "005agent", "Status": "Working", "Priority": "Low", "Comments": "called them"}
    moved_elsewhere(engine)
    apply(engine, crm)
    (case,) = crm.of("Case").values()
    assert (case["Account"], case["Billing_Account_Key__c"]) == (ELSEWHERE, ELSEWHERE)
    assert (case["OwnerId"], case["Status"], case["Priority"], case["Comments"]) == (
        "005agent",
        "Working",
        "Low",
        "called them",
    )
    assert transitions(engine) == ["open", "join"]
    record_ = crm.of("Billing_Dispute__c")[OWN]
    assert (record_["Account__r"], record_["Joined_By__c"]) == (ELSEWHERE, "gateway reference ch_1")
    assert record_["Payment__r"] == "recurly:emea:payment:9ay1"
    assert crm.of("Billing_Event__c")["stripe:event:evt_1"]["Account__r"] == ELSEWHERE
    assert crm.of("Billing_Event__c")["stripe:event:evt_1"]["Case__r"] == CASE
    assert len(crm.created) == len(set(crm.created))
    assert one(engine, "SELECT subject, status FROM event") == (ELSEWHERE, "done")
    assert {row.subject for row in rows(engine, f"SELECT subject FROM mirror WHERE key LIKE '{OWN}%'")} == {
        ELSEWHERE
    }


def test_the_account_that_a_case_left_does_not_end_it(engine: Engine, crm: FakeCrm) -> None:
    """It is decided first, while Salesforce has the case under it still."""
    at_a_wrong_account(engine, crm)
    moved_elsewhere(engine)
    rows(engine, "UPDATE subject SET ready_at = now() + interval '1 hour' WHERE key = :key", key=ELSEWHERE)
    Applier(engine, crm, Org, partial(decide, policy=Policy()), lambda: datetime.now(UTC), "w").run()
    assert transitions(engine) == ["open"]
    assert crm.of("Case")[CASE]["Billing_State__c"] == "open"
    apply(engine, crm)
    assert transitions(engine) == ["open", "join"]
    assert crm.of("Case")[CASE]["Account"] == ELSEWHERE


def test_the_other_cases_of_the_account_that_is_left_stay(engine: Engine, crm: FakeCrm) -> None:
    at_a_wrong_account(engine, crm)
    bill(engine, payment(gateway="stripe", gateway_reference="ch_2"))
    second = dispute("dp_2", "ch_2", at=NOW, opened_at=NOW, stage=Stage.CHARGEBACK)
    record(engine, carrying("evt_2", second))
    run(engine)
    apply(engine, crm)
    moved_elsewhere(engine)
    apply(engine, crm)
    cases = {key: case["Account"] for key, case in crm.of("Case").items()}
    assert cases == {CASE: ELSEWHERE, "stripe:dispute:dp_2:dispute:1": BOB}
    assert transitions(engine).count("resolve") == 0
    assert crm.of("Billing_Event__c")["stripe:event:evt_2"]["Account__r"] == BOB


def test_a_case_whose_account_is_contradicted_goes_to_the_triage_queue(engine: Engine, crm: FakeCrm) -> None:
    at_a_wrong_account(engine, crm)
    bill(engine, payment(gateway="adyen", gateway_reference="psp_1"))
    account_matching.match_again(engine, ["invoice:1001"])
    assert links(engine)["dp_1"] == (OWN, "")
    apply(engine, crm, after=LATER)
    (case,) = crm.of("Case").values()
    assert (case["Billing_Account_Key__c"], case["OwnerId"]) == (OWN, "00GBilling_Triage")
    assert case["AccountId"] is None
    assert "not known" in case["Subject"]
    record_ = crm.of("Billing_Dispute__c")[OWN]
    assert (record_["Account__c"], record_["Invoice__c"], record_["Joined_By__c"]) == (None, None, None)
    assert crm.of("Billing_Event__c")["stripe:event:evt_1"]["Account__c"] is None
    assert transitions(engine) == ["open", "join"]
    moved_elsewhere(engine)
    apply(engine, crm, after=LATER)
    assert crm.of("Case")[CASE]["Account"] == ELSEWHERE
    assert transitions(engine) == ["open", "join", "join"]
    assert len(crm.created) == len(set(crm.created))


def test_an_account_that_an_agent_set_on_a_case_in_triage_is_left_alone(engine: Engine, crm: FakeCrm) -> None:
    case = in_triage(engine, crm)
    case |= {"AccountId": "001agents"}
    record(engine, told("evt_2", at=NOW + timedelta(seconds=90), due_at=NOW + timedelta(days=20)))
    run(engine)
    apply(engine, crm, after=LATER)
    assert crm.of("Case")[CASE]["AccountId"] == "001agents"


def test_what_an_account_forgot_is_written_before_its_object_moves(
    engine: Engine, crm: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise nothing told that the case exists, and it was opened as if it was new."""
    monkeypatch.setattr(account_matching, "PAUSES", ())
    case = at_a_wrong_account(engine, crm)
    case |= {"OwnerId": "005agent", "Status": "Working"}
    with engine.begin() as connection:
        attempts.forget(connection, [BOB])
    rows(engine, "UPDATE subject SET status = 'due', due_at = now() WHERE key = :key", key=BOB)
    paid_elsewhere = payment(gateway="stripe", gateway_reference="ch_1")
    learn_elsewhere(engine, account(), paid_elsewhere)
    assert links(engine)["dp_1"][0] == BOB
    apply(engine, crm)
    rows(engine, "UPDATE match_task SET ready_at = now() WHERE ready_at < 'infinity'")
    account_matching.work_queue(engine)
    apply(engine, crm)
    (case,) = crm.of("Case").values()
    assert (case["Account"], case["OwnerId"], case["Status"]) == (ELSEWHERE, "005agent", "Working")
    assert [one_ for one_ in transitions(engine) if one_] == ["open", "join"]


STORY = (
    told("evt_1", due_at=NOW + timedelta(days=30)),
    told("evt_2", at=NOW + timedelta(seconds=90), status=Status.UNDER_REVIEW),
    told("evt_3", at=NOW + timedelta(seconds=900), status=Status.WON),
    paid(),
)


def shown(crm: FakeCrm) -> dict[str, Any]:
    (case,) = crm.of("Case").values()
    (made,) = crm.of("Billing_Dispute__c").values()
    keys = (
        "Billing_Key__c",
        "Account",
        "Status",
        "Billing_State__c",
        "Billing_Outcome__c",
        "Billing_Summary__c",
    )
    return {key: case.get(key) for key in keys} | made


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3], ids=str)
def test_events_in_any_order_end_in_the_same_case_and_record(
    engine: Engine, crm: FakeCrm, api: FakeApi, order: tuple[int, ...]
) -> None:
    for number in order:
        record(engine, STORY[number], STORY[order[0]])
        run(engine, api)
        apply(engine, crm, after=LATER)
    found = shown(crm)
    assert (found["Status"], found["Account__r"], found["Billing_Outcome__c"]) == ("Closed", BOB, "Won")
    calm = FakeCrm()
    rows(engine, "DELETE FROM mirror")
    rows(engine, "DELETE FROM link")
    rows(engine, "UPDATE subject SET status = 'due', due_at = now()")
    apply(engine, calm, after=LATER)
    assert {**shown(calm), "Id": found["Id"]} == found
    assert len(crm.created) == len(set(crm.created))


def test_hundreds_in_a_burst_find_their_accounts(engine: Engine) -> None:
    numbers = range(300)
    bill(
        engine,
        *(
            payment(id=f"p{n}", uuid=f"u{n}", account_code=f"a{n}", gateway_reference=f"ch_{n}")
            for n in numbers
        ),
    )
    tell(engine, dispute("dp_0", "ch_0", at=at(-100)))
    record(engine, *(carrying(f"evt_{n}", dispute(f"dp_{n}", f"ch_{n}", at=NOW)) for n in numbers))
    assert run(engine).due == 300
    assert all(link for _, link in links(engine).values())
    assert set(statuses(engine).values()) == {"fetched"}
