"""A gateway that fails for many accounts at once is one incident, which holds their own cases back for a while."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import one, rows, subject
from sqlalchemy import Engine
from telling import bill

from connector.ledger import incidents, snapshots
from connector.ledger.incidents import Attempted
from connector.mappers import declines
from connector.models.events import Urgency
from connector.models.facts import ExistingCase, Facts, Incident, Payment, SubjectKind
from connector.models.plan import Change, Parent, Transition
from connector.policy import IncidentRule, Policy, Rules
from connector.sync.decide.context.incident_suppression import SUPPRESSED
from connector.sync.decide.rules import incident as rule
from connector.sync.decide.rules import payment_failed
from connector.sync.monitoring import incident_detection
from sync.world import account, at, decline, facts, invoice, paid_invoice, payment, seen

RULE = IncidentRule(accounts=5, window_minutes=30, failure_percent=50)
POLICY = Policy(rules=Rules(incident=RULE))
T0 = at(20)
LATE = T0 + timedelta(hours=5)
GATEWAY = "recurly:acme:gateway:stripe"
FAULT = "gateway_timeout"


def when(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def tried(minutes: float, number: int = 0, code: str | None = FAULT, gateway: str = "stripe") -> Attempted:
    return Attempted("recurly", "acme", gateway, subject(f"a{number}"), when(minutes), code)


def failing(start: float, count: int, first: int = 0) -> list[Attempted]:
    """One account after the other, a minute apart."""
    return [tried(start + n, first + n) for n in range(count)]


def going(start: float, count: int, first: int = 500) -> list[Attempted]:
    return [tried(start + n, first + n, None) for n in range(count)]


def find(*attempts: Iterable[Attempted], now: datetime = LATE, **changed: Any) -> list[Incident]:
    given_ = list(itertools.chain(*attempts))
    random.Random(7).shuffle(given_)
    return incident_detection.find(given_, RULE.model_copy(update=changed), now)


# ── which incidents there are ─────────────────────────────────────────────────────────────────────────────────


def test_the_codes_of_the_tests_are_what_they_are_taken_for() -> None:
    assert declines.explain(FAULT).category == "gateway"
    assert declines.explain("insufficient_funds").category == "soft"


NONE: Sequence[tuple[str, list[Attempted]]] = [
    ("nothing was tried", []),
    ("one account too few", failing(0, 4)),
    ("many attempts of few accounts", [tried(n, n % 4) for n in range(40)]),
    ("too slowly", [tried(n * 8, n) for n in range(20)]),
    ("a small part of all", [*failing(0, 5), *(tried(n / 2, 600 + n, None) for n in range(6))]),
    ("the customers' own fault", [tried(n, n, "insufficient_funds") for n in range(20)]),
    ("a code nobody knows", [tried(n, n, "brand_new_code") for n in range(20)]),
    ("at two gateways", [tried(n, n, gateway="stripe" if n % 2 else "adyen") for n in range(8)]),
    (
        "at two sites",
        [replace(tried(n, n), site="acme" if n % 2 else "eu1") for n in range(8)],
    ),
]


@pytest.mark.parametrize("attempts", [row[1] for row in NONE], ids=[row[0] for row in NONE])
def test_there_is_no_incident(attempts: list[Attempted]) -> None:
    assert find(attempts) == []


def test_enough_accounts_in_a_short_time_are_one() -> None:
    (found,) = find(failing(0, 7), going(-10, 3), now=when(8))
    assert (found.id, found.gateway) == (f"{GATEWAY}:{T0:%Y%m%dT%H%M%SZ}", "stripe")
    assert (found.started_at, found.last_failure_at, found.ended_at) == (when(0), when(6), None)
    assert (found.accounts, found.failed, found.succeeded) == (7, 7, 3)


def test_accounts_count_and_not_their_attempts() -> None:
    (found,) = find([tried(n, n % 5) for n in range(12)])
    assert (found.accounts, found.failed) == (5, 12)


def test_half_of_all_attempts_is_enough() -> None:
    assert len(find(failing(0, 5), [tried(n + 0.5, 600 + n, None) for n in range(4)])) == 1


def test_what_was_the_customers_fault_is_neither_failure_nor_success_but_an_attempt() -> None:
    own = [tried(n + 0.5, 700 + n, "insufficient_funds") for n in range(4)]
    (found,) = find(failing(0, 6), own)
    assert (found.failed, found.accounts, found.succeeded) == (6, 6, 0)


def test_it_ends_when_so_many_in_a_row_went_well_enough() -> None:
    (found,) = find(failing(0, 6), going(6, 3), [tried(9, 9)], going(10, 20))
    assert found.ended_at == when(10), "of the last five three went through, the last one too"
    assert found.last_failure_at == when(9)


def test_it_lasts_while_every_second_attempt_fails() -> None:
    mixed = [tried(6 + n, 20 + n, FAULT if n % 2 else None) for n in range(40)]
    (found,) = find(failing(0, 6), mixed, now=when(50), accounts=4)
    assert found.ended_at is None


def test_it_ends_by_silence_at_the_end_of_the_window() -> None:
    assert find(failing(0, 6), now=when(35))[0].ended_at is None
    assert find(failing(0, 6), now=when(36))[0].ended_at == when(35)


def test_what_is_tried_after_a_silence_is_no_part_of_it() -> None:
    (found,) = find(failing(0, 6), [tried(36, 99)], now=when(37))
    assert (found.ended_at, found.accounts) == (when(35), 6)


def test_a_second_outage_is_a_second_incident() -> None:
    first, second = find(failing(0, 6), going(6, 6), failing(60, 6), now=when(70))
    assert first.ended_at is not None
    assert (second.started_at, second.ended_at) == (when(60), None)
    assert first.id != second.id


def test_each_gateway_has_its_own() -> None:
    other = [replace(one_, gateway="adyen") for one_ in failing(2, 6, 50)]
    assert [one_.gateway for one_ in find(failing(0, 6), other)] == ["stripe", "adyen"]


def test_the_operator_says_which_failures_count() -> None:
    unlisted = [tried(n, n, "brand_new_code") for n in range(8)]
    assert len(find(unlisted, categories=("gateway", "unknown"))) == 1
    assert len(find([tried(n, n, "insufficient_funds") for n in range(8)], categories=("soft",))) == 1


ATTEMPTS = st.lists(
    st.builds(
        tried, st.integers(0, 200), st.integers(0, 12), st.sampled_from((FAULT, None, "insufficient_funds"))
    ),
    max_size=60,
)


@given(ATTEMPTS, st.randoms())
def test_the_order_in_which_payments_became_known_does_not_matter(
    attempts: list[Attempted], shuffle: random.Random
) -> None:
    same = {(one_.at, one_.subject): one_ for one_ in attempts}
    known = list(same.values())
    mixed = list(known)
    shuffle.shuffle(mixed)
    assert incident_detection.find(mixed, RULE, LATE) == incident_detection.find(known, RULE, LATE)


@given(ATTEMPTS)
def test_incidents_of_a_gateway_follow_each_other(attempts: list[Attempted]) -> None:
    found = incident_detection.find(attempts, RULE, LATE)
    for one_ in found:
        assert one_.accounts >= RULE.accounts
        assert one_.started_at <= one_.last_failure_at
        assert one_.ended_at is not None
        assert one_.last_failure_at <= one_.ended_at
    for before, after in itertools.pairwise(found):
        assert before.last_failure_at < after.started_at


def test_thousands_of_attempts_take_no_longer_than_they_must() -> None:
    """Two failures among fifty at a busy gateway: a suspicion, and nothing to find, in 50,000 attempts."""
    busy = [
        Attempted(
            "recurly",
            "acme",
            "stripe",
            f"s{n % 4000}",
            T0 + timedelta(seconds=n / 10),
            FAULT if n % 50 < 2 else None,
        )
        for n in range(50_000)
    ]
    before = datetime.now(UTC)
    assert incident_detection.find(busy, RULE, LATE) == []
    assert datetime.now(UTC) - before < timedelta(seconds=10)


# ── on the ledger ─────────────────────────────────────────────────────────────────────────────────────────────


def learn(engine: Engine, *attempts: Attempted, **changed: Any) -> None:
    """The ledger hears of these payments."""
    found = []
    for one_ in attempts:
        code = one_.subject.rpartition(":")[2]
        id_ = f"{code}-{one_.at:%d%H%M%S}"
        usual: dict[str, Any] = {"status": "success" if one_.code is None else "declined", "code": one_.code}
        usual |= {"id": id_, "uuid": id_, "account_code": code, "gateway": one_.gateway}
        found.append(payment(**usual | {"created_at": one_.at, "updated_at": one_.at} | changed))
    bill(engine, *found)


def notice(engine: Engine, now: datetime, settings: IncidentRule = RULE) -> int:
    return incident_detection.notice(engine, settings, now)


def load(engine: Engine) -> list[Incident]:
    with engine.connect() as connection:
        return incidents.load(connection, [("recurly", "acme")])[("recurly", "acme")]


def take_due(engine: Engine) -> dict[str, int]:
    """What is due, by code; then nothing is any more."""
    found = rows(engine, "SELECT code, urgency FROM subject WHERE status = 'due'")
    rows(engine, "UPDATE subject SET status = 'idle'")
    return {row.code: row.urgency for row in found}


@pytest.fixture
def recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident of these tests is kept, whatever day it is."""
    monkeypatch.setattr(incidents, "KEPT", timedelta(days=36500))


pytestmark = pytest.mark.usefixtures("recent")


def test_a_beginning_makes_its_gateway_and_its_accounts_due(engine: Engine) -> None:
    learn(engine, *failing(0, 6), *going(0, 2))
    assert notice(engine, when(7)) == 7
    assert take_due(engine) == {
        "gateway:stripe": Urgency.DISPUTE,
        **{f"a{n}": Urgency.FAILURE for n in range(6)},
    }
    row = one(engine, "SELECT source, site FROM subject WHERE key = :key", key=GATEWAY)
    assert tuple(row) == ("recurly", "acme")
    assert incident_detection.last(engine)


@pytest.mark.parametrize("start", [0, 26, 27, 28, 30])
def test_an_outage_is_noticed_wherever_it_stands_in_the_buckets_that_are_counted(
    engine: Engine, start: int
) -> None:
    learn(engine, *failing(start, 6))
    assert notice(engine, when(start + 7)) == 7


def test_nothing_new_makes_nobody_due(engine: Engine) -> None:
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    take_due(engine)
    assert notice(engine, when(8)) == 0
    assert take_due(engine) == {}


def test_more_of_the_same_makes_only_its_gateway_due(engine: Engine) -> None:
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    take_due(engine)
    learn(engine, *failing(6, 3, 6))
    assert notice(engine, when(10)) == 1
    assert take_due(engine) == {"gateway:stripe": Urgency.DISPUTE}
    assert [one_.accounts for one_ in load(engine)] == [9]


@pytest.mark.parametrize("how", [going(6, 6), []], ids=["by successes", "by silence"])
def test_an_end_makes_all_of_its_accounts_due(engine: Engine, how: list[Attempted]) -> None:
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    take_due(engine)
    learn(engine, *how)
    notice(engine, when(50))
    assert set(take_due(engine)) == {"gateway:stripe", *(f"a{n}" for n in range(6))}
    assert not incident_detection.last(engine)


def test_late_news_moves_the_beginning_and_keeps_the_incident(engine: Engine) -> None:
    learn(engine, *failing(5, 6))
    notice(engine, when(12))
    (before,) = load(engine)
    learn(engine, *failing(0, 4, 40))
    notice(engine, when(12))
    (after,) = load(engine)
    assert (after.id, after.started_at, after.accounts) == (before.id, when(0), 10)


def test_an_outage_after_one_that_ended_is_another(engine: Engine) -> None:
    learn(engine, *failing(0, 6), *going(6, 6))
    notice(engine, when(13))
    learn(engine, *failing(60, 6))
    notice(engine, when(67))
    assert [one_.ended_at is None for one_ in load(engine)] == [False, True]


def test_a_long_incident_keeps_its_beginning_and_lets_all_its_accounts_go(engine: Engine) -> None:
    """Longer than payments are looked back at."""
    hours = incident_detection.LOOKED_BACK + timedelta(hours=2)
    minutes = int(hours.total_seconds() // 60)
    learn(engine, *(tried(n * 5, n) for n in range(minutes // 5)))
    notice(engine, when(120))
    learn(engine, *going(minutes, 8))
    take_due(engine)
    notice(engine, when(minutes + 8))
    (found,) = load(engine)
    assert (found.started_at, found.ended_at is not None) == (when(0), True)
    assert set(take_due(engine)) == {"gateway:stripe", *(f"a{n}" for n in range(minutes // 5))}


def test_an_incident_that_nobody_looked_at_any_more_is_over_too(engine: Engine) -> None:
    """Nothing ran for a day."""
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    take_due(engine)
    notice(engine, when(60 * 24))
    (found,) = load(engine)
    assert found.ended_at == when(35)
    assert len(take_due(engine)) == 7


def test_of_one_that_is_over_the_part_that_is_still_looked_at_is_no_news(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(engine, *failing(0, 7), *going(7, 8))
    notice(engine, when(15))
    (before,) = load(engine)
    take_due(engine)
    monkeypatch.setattr(incident_detection, "LOOKED_BACK", timedelta(minutes=14.5))
    assert find(failing(1, 6, 1), going(7, 8))[0].ended_at != before.ended_at
    assert notice(engine, when(16)) == 0
    assert load(engine) == [before]


def test_other_payments_and_unknown_gateways_are_not_looked_at(engine: Engine) -> None:
    learn(engine, *failing(0, 6), type="refund")
    learn(engine, *failing(0, 6, 10), gateway=None)
    learn(engine, *failing(0, 6, 20), status="pending")
    learn(engine, *failing(-60 * 24, 6, 30))
    assert notice(engine, when(7)) == 0


def test_codes_are_compared_as_they_are_explained(engine: Engine) -> None:
    learn(engine, *(replace(one_, code=" Gateway_Timeout ") for one_ in failing(0, 6)))
    assert notice(engine, when(7)) == 7


@pytest.mark.parametrize("code", ["brand_new_code", None])
def test_codes_that_nobody_knows_count_where_the_policy_says_so(engine: Engine, code: str | None) -> None:
    learn(engine, *failing(0, 6), code=code)
    assert notice(engine, when(7)) == 0
    wide = RULE.model_copy(update={"categories": ("gateway", "unknown")})
    assert notice(engine, when(7), wide) == 7


def test_switched_off_it_notices_nothing(engine: Engine) -> None:
    learn(engine, *failing(0, 6))
    assert notice(engine, when(7), RULE.model_copy(update={"enabled": False})) == 0


def test_several_who_notice_at_once_keep_one(engine: Engine) -> None:
    learn(engine, *failing(0, 6))
    with ThreadPoolExecutor(4) as pool:
        counts = [done.result() for done in [pool.submit(notice, engine, when(7)) for _ in range(4)]]
    assert sorted(counts) == [0, 0, 0, 7]
    assert len(load(engine)) == 1


def test_the_case_of_an_incident_is_known_once_it_is_written(engine: Engine) -> None:
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    assert [one_.case_key for one_ in load(engine)] == [None]
    rows(
        engine,
        "INSERT INTO mirror (object, key, subject, salesforce_id, fields) VALUES ('Case', 'k', :s, '500', '{}')",
        s=GATEWAY,
    )
    assert [one_.case_key for one_ in load(engine)] == ["k"]
    assert notice(engine, when(7)) == 0, "that is no news of the incident"


def test_only_incidents_of_the_last_month_are_kept_in_mind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    monkeypatch.setattr(incidents, "KEPT", timedelta(days=30))
    assert len(load(engine)) == 1, "one that lasts always is"
    rows(engine, "UPDATE incident SET ended_at = now() - interval '31 days'")
    assert load(engine) == []


# ── what is held back ─────────────────────────────────────────────────────────────────────────────────────────

LASTING = Incident(
    "recurly", "acme", "stripe", f"{GATEWAY}:x", T0, when(20), None, 120, 240, 10, f"{GATEWAY}:incident:1"
)
ENDED = replace(LASTING, ended_at=when(60))
STEM = "invoice:1001:past_due"


def failed(minutes: float, code: str = FAULT, **changed: Any) -> Payment:
    usual: dict[str, Any] = {
        "id": f"p{minutes}",
        "uuid": f"u{minutes}",
        "created_at": when(minutes),
        "gateway": "stripe",
    }
    return decline(code, **usual | {"updated_at": when(minutes)} | changed)


def ask(*objects: object, now: datetime, incident: Incident | None = LASTING) -> list[Change]:
    return payment_failed.changes(_facts(*objects, now=now, incident=incident), POLICY)


def _facts(*objects: object, now: datetime, incident: Incident | None) -> Facts:
    owed = [one_ for one_ in objects if not isinstance(one_, ExistingCase)]
    if not any(one_.__class__.__name__ == "Invoice" for one_ in owed):
        owed.insert(0, invoice(dunning_events_sent=1))
    cases = [one_ for one_ in objects if isinstance(one_, ExistingCase)]
    return facts(account(), *owed, *cases, now=now, incidents=(incident,) if incident else ())


def test_an_invoice_that_failed_in_an_incident_gets_no_case_while_it_lasts() -> None:
    assert ask(failed(5), now=when(10)) == []
    assert len(ask(failed(5), now=when(10), incident=None)) == 1


def test_a_case_from_before_it_was_noticed_is_resolved_as_part_of_it() -> None:
    (change,) = ask(failed(5), seen(f"{STEM}:1", "payment_failed"), now=when(10))
    assert change.transition is Transition.RESOLVE
    assert change.fields["Billing_Outcome__c"] == SUPPRESSED
    assert change.parents["ParentId"] == Parent("Case", f"{GATEWAY}:incident:1")


@pytest.mark.parametrize(
    ("now", "cases"),
    [(when(61), 0), (when(60 + 24 * 60 - 1), 0), (when(60 + 24 * 60), 1)],
    ids=["just ended", "within the grace", "after it"],
)
def test_after_its_end_there_is_time_to_be_charged_again(now: datetime, cases: int) -> None:
    assert len(ask(failed(5), now=now, incident=ENDED)) == cases


@pytest.mark.parametrize("code", [FAULT, "insufficient_funds"])
def test_a_failure_after_it_is_the_accounts_own(code: str) -> None:
    (change,) = ask(failed(5), failed(90, code=code), now=when(95), incident=ENDED)
    assert change.transition is Transition.OPEN


def test_a_failure_of_its_own_while_it_lasts_is_not_held_back() -> None:
    assert len(ask(failed(5), failed(7, code="expired_card"), now=when(10))) == 1


def test_a_failure_at_another_gateway_or_before_it_is_not_held_back() -> None:
    assert len(ask(failed(5, gateway="adyen"), now=when(10))) == 1
    assert len(ask(failed(-5), now=when(10))) == 1


def test_what_was_paid_meanwhile_gets_no_case_at_all() -> None:
    paid = paid_invoice(dunning_events_sent=1, closed_at=when(90), updated_at=when(90))
    for now in (when(95), when(60 * 24 * 3)):
        assert ask(paid, failed(5), payment(created_at=when(90)), now=now, incident=ENDED) == []


def test_the_case_that_was_resolved_as_part_of_it_comes_back_if_it_still_fails() -> None:
    was = seen(f"{STEM}:1", "payment_failed", state="resolved", closed=True, closed_at=when(10))
    (change,) = ask(failed(5), was, now=when(60 + 24 * 60), incident=ENDED)
    assert change.transition is Transition.REOPEN


def test_an_account_is_looked_at_again_when_its_time_is_over() -> None:
    known = _facts(failed(5), now=when(61), incident=ENDED)
    assert payment_failed.look_again_at(known, POLICY) == when(60 + 24 * 60)
    assert payment_failed.look_again_at(replace(known, now=when(60 + 24 * 60)), POLICY) is None
    lasting = _facts(failed(5), now=when(10), incident=LASTING)
    assert payment_failed.look_again_at(lasting, POLICY) is None, "its end makes it due"


def test_a_rule_that_is_switched_off_holds_nothing_back() -> None:
    off = Policy(rules=Rules(incident=RULE.model_copy(update={"enabled": False})))
    known = _facts(failed(5), now=when(10), incident=LASTING)
    assert len(payment_failed.changes(known, off)) == 1


# ── the case of an incident ───────────────────────────────────────────────────────────────────────────────────


def gateway(*told: Incident, cases: tuple[ExistingCase, ...] = (), now: datetime = LATE) -> list[Change]:
    known = Facts(
        subject=GATEWAY,
        source="recurly",
        site="acme",
        code="gateway:stripe",
        now=now,
        about=SubjectKind.GATEWAY,
        incidents=told,
        cases=cases,
    )
    return rule.changes(known, POLICY)


def incident_case(cycle: int = 1, **changed: Any) -> ExistingCase:
    return seen(f"gateway:stripe:incident:{cycle}", "incident", **changed)


def test_an_incident_is_one_case_for_operations() -> None:
    (change,) = gateway(LASTING)
    assert (change.key, change.transition) == (f"{GATEWAY}:incident:1", Transition.OPEN)
    assert change.fields["Billing_Accounts_Affected__c"] == 120
    assert change.fields["Billing_Success_Rate__c"] == 4
    assert "AccountId" not in change.parents
    assert "stripe" in str(change.on_create["Subject"])


def test_it_is_kept_fresh_while_it_lasts_and_resolved_at_its_end() -> None:
    (change,) = gateway(replace(LASTING, accounts=130), cases=(incident_case(),))
    assert (change.transition, change.fields["Billing_Accounts_Affected__c"]) == (None, 130)
    (change,) = gateway(ENDED, cases=(incident_case(),))
    assert (change.transition, change.fields["Billing_Outcome__c"]) == (Transition.RESOLVE, "Recovered")
    assert change.fields["Billing_Resolved_At__c"] == when(60)


def test_the_next_outage_is_a_new_case_that_follows_the_old_one() -> None:
    second = replace(LASTING, id="two", started_at=when(120), last_failure_at=when(130))
    closed = incident_case(state="resolved", closed=True, closed_at=when(61))
    _, new = gateway(ENDED, second, cases=(closed,), now=when(131))
    assert (new.key, new.transition) == (f"{GATEWAY}:incident:2", Transition.OPEN)
    assert new.on_create["ParentId"] == Parent("Case", f"{GATEWAY}:incident:1")


def test_an_incident_without_attempts_has_no_rate_to_divide_by() -> None:
    assert rule.success_rate(replace(LASTING, failed=0, succeeded=0)) == 0


def test_an_account_sees_the_incidents_of_its_site(engine: Engine) -> None:
    learn(engine, *failing(0, 6))
    notice(engine, when(7))
    with engine.connect() as connection:
        assert incidents.load(connection, [("recurly", "eu1")])[("recurly", "eu1")] == []
        assert snapshots.load(connection, [GATEWAY]) == {GATEWAY: []}
