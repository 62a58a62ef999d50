"""Days are those of the site's clock; moments stay the moments they are."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync.processing import PAYEE, payout
from sync.world import (
    NOW,
    account,
    at,
    card,
    decline,
    dispute,
    event,
    facts,
    invoice,
    payment,
    said,
    subscription,
)

from connector.models.facts import Facts, Incident
from connector.models.local_time import day_of, localised, on_clock
from connector.policy import Policy
from connector.sync.apply.row_diff import encode
from connector.sync.decide.decide import decide

NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")
EVENING = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)
"""The 20th in New York, and the 21st in Tokyo."""


def west(**more: Any) -> Policy:
    return Policy.model_validate({"sites": {"acme": {"time_zone": "America/New_York"}}, **more})


def fields_of(known: Facts, object_: str, policy: Policy) -> dict[str, Any]:
    (change,) = (one for one in decide(known, policy).changes if one.object == object_)
    return dict(change.fields)


def test_a_day_is_that_of_the_sites_clock_and_of_utc_where_none_is_set() -> None:
    owed = facts(invoice(due_at=EVENING, dunning_events_sent=1), decline(created_at=EVENING))
    assert fields_of(owed, "Account", west())["Billing_Past_Due_Since__c"] == date(2026, 11, 20)
    assert fields_of(owed, "Account", Policy())["Billing_Past_Due_Since__c"] == date(2026, 11, 21)
    other = Policy.model_validate({"sites": {"acme-eu": {"time_zone": "America/New_York"}}})
    assert fields_of(owed, "Account", other)["Billing_Past_Due_Since__c"] == date(2026, 11, 21)
    case = fields_of(owed, "Case", west())
    assert "2026-11-20" in case["Billing_Summary__c"]
    assert "2026-11-21" not in case["Billing_Summary__c"]


def test_a_renewal_is_due_on_the_day_of_the_sites_clock() -> None:
    invalid = facts(
        account(payment_method=card(valid=False)),
        subscription(current_period_ends_at=datetime(2026, 12, 1, 2, tzinfo=UTC)),
        event("billing_info_update.failed", at(20)),
    )
    assert fields_of(invalid, "Case", west())["Billing_Deadline__c"] == date(2026, 11, 30)
    assert fields_of(invalid, "Case", Policy())["Billing_Deadline__c"] == date(2026, 12, 1)


@pytest.mark.parametrize(("policy", "opens"), [(west(), False), (Policy(), True)])
def test_a_card_expires_with_its_month_on_the_sites_clock(policy: Policy, opens: bool) -> None:
    """It renews on 1 December in UTC, on 30 November in New York; the card is good until November's end."""
    known = facts(
        account(payment_method=card(exp_month=11, exp_year=2026)),
        subscription(current_period_ends_at=datetime(2026, 12, 1, 2, tzinfo=UTC)),
    )
    rules = [change.rule for change in decide(known, policy).changes if change.object == "Case"]
    assert rules == (["payment_method"] if opens else [])


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_what_a_processor_tells_as_a_day_is_that_day_everywhere(zone: str) -> None:
    policy = Policy.model_validate({"time_zone": zone})
    until = facts(
        payment(gateway_reference="ch_1"), dispute(due_at=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    )
    assert fields_of(until, "Case", policy)["Billing_Deadline__c"] == date(2026, 11, 30)
    paid = facts(
        payout(settles_at=datetime(2026, 11, 12, tzinfo=UTC)),
        account=None,
        subject=PAYEE,
        source="stripe",
        site="",
    )
    paid = replace(paid, about=type(paid.about).PAYEE)
    assert fields_of(paid, "Billing_Payout__c", policy)["Arrives_On__c"] == date(2026, 11, 12)


def test_a_deadline_with_a_time_is_on_the_sites_clock() -> None:
    known = facts(payment(gateway_reference="ch_1"), dispute(due_at=datetime(2026, 12, 1, 4, tzinfo=UTC)))
    assert fields_of(known, "Case", west())["Billing_Deadline__c"] == date(2026, 11, 30)


def test_only_days_differ_between_zones() -> None:
    """Keys, moments and amounts are the same: a change of the zone rewrites days and texts, nothing else."""
    known = facts(
        account(),
        subscription(),
        invoice(),
        decline(),
        payment(gateway_reference="ch_1"),
        dispute(),
        said("charge.dispute.created", at(21), "dp_1"),
        event("charge_invoice.past_due", at(10), "inv1"),
    )
    here, there = (decide(known, policy).changes for policy in (Policy(), west()))
    assert [one.key for one in here] == [one.key for one in there]
    for one, other in zip(here, there, strict=True):
        moments = {name for name, value in one.fields.items() if isinstance(value, datetime)}
        assert {name: encode(other.fields[name]) for name in moments} == {
            name: encode(one.fields[name]) for name in moments
        }
        differing = {name for name in one.fields if encode(one.fields[name]) != encode(other.fields[name])}
        assert differing <= {"Billing_Summary__c", "Billing_Evidence__c"}


def test_moments_of_the_hour_that_comes_twice_stay_in_order() -> None:
    """In New York it is 01:30 twice on 2026-11-01: first at 05:30 UTC, then at 06:30."""
    first, second = (datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6))
    moved = [on_clock(one, NEW_YORK) for one in (first, second)]
    assert moved[0] < moved[1]
    assert moved[1] - moved[0] == timedelta(hours=1)
    assert moved == [first, second]
    assert {day_of(one) for one in moved} == {date(2026, 11, 1)}


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(sorted(available_timezones())),
)
def test_an_instant_stays_itself_in_every_zone(one: datetime, other: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    first, second = on_clock(one, zone), on_clock(other, zone)
    assert (first, second, first < second, second - first) == (one, other, one < other, other - one)
    assert encode(first) == encode(one)
    assert on_clock(first, zone) == one
    assert pickle.loads(pickle.dumps(first)) == one


@pytest.mark.parametrize("moment", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", [NEW_YORK, TOKYO])
def test_the_last_and_the_first_day_there_is_do_no_harm(moment: datetime, zone: ZoneInfo) -> None:
    known = facts(invoice(due_at=moment, created_at=moment), subscription(current_period_ends_at=moment))
    found = localised(known, zone)
    assert found.invoices[0].due_at == moment
    assert decide(known, Policy.model_validate({"time_zone": str(zone)})).changes


def test_everything_that_is_known_is_on_the_clock() -> None:
    going = Incident("recurly", "acme", "stripe", "i1", EVENING, EVENING, None, 1, 1, 0)
    found = localised(facts(invoice(due_at=EVENING), subscription(), incidents=(going,)), TOKYO)
    assert found.zone is TOKYO
    assert day_of(found.now) == NOW.astimezone(TOKYO).date()
    assert day_of(found.incidents[0].started_at) == date(2026, 11, 21)
    assert found.incidents[0].covers("stripe", EVENING)
    assert localised(found, UTC) is found
