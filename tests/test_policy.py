"""A policy is right when it loads, or says which line to mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import tomli_w

from connector.errors import SetupError
from connector.policy import CaseRule, Escalation, Policy
from connector.policy.base import Section

EXAMPLE = Path(__file__).resolve().parents[1] / "policy.example.toml"


def load(tmp_path: Path, source: str) -> Policy:
    path = tmp_path / "policy.toml"
    path.write_text(source, encoding="utf-8")
    return Policy.load(path)


def mistake(tmp_path: Path, source: str) -> str:
    with pytest.raises(SetupError) as caught:
        load(tmp_path, source)
    return str(caught.value)


def test_the_example_is_the_default() -> None:
    assert Policy.load(EXAMPLE) == Policy()
    assert Policy.load(None) == Policy()


def test_the_example_shows_every_key() -> None:
    source = EXAMPLE.read_text(encoding="utf-8")
    keys = {
        *Policy.model_fields,
        *(key for rule in Policy().case_rules().values() for key in type(rule).model_fields),
    }
    sections = {name: value for name, value in Policy() if isinstance(value, Section) and name != "rules"}
    for section in (*sections.values(), Policy().rules.refund.policy, Policy().reconcile.compare):
        keys |= type(section).model_fields.keys()
    shown = {line.removeprefix("#").partition("=")[0].strip() for line in source.splitlines() if "=" in line}
    assert keys - shown == {*sections, "rules", "policy", "compare", "mapping", "sites"}


def test_the_example_tells_what_any_rule_may_have(tmp_path: Path) -> None:
    told = (
        EXAMPLE.read_text(encoding="utf-8").partition("# Each rule that makes cases:")[2].partition("\n\n")[0]
    )
    texts = {"subject", "summary"}
    assert all(f"#   {key} " in told for key in (*CaseRule.model_fields.keys() - texts, *texts))
    escalation = told.partition("escalation = ")[2].partition("\n")[0]
    policy = load(tmp_path, f"[rules.payment_failed]\nescalation = {escalation}\n")
    assert [step.days_left for step in policy.rules.payment_failed.steps] == [7, 2]


def test_the_example_names_every_value_of_every_text() -> None:
    source = EXAMPLE.read_text(encoding="utf-8")
    for name, rule in Policy().case_rules().items():
        section = source.partition(f"[rules.{name}]")[2].partition("\n[")[0]
        assert all(value in section for value in (*rule.STABLE, *rule.FRESH))


def test_what_is_given_replaces_the_default_and_nothing_else(tmp_path: Path) -> None:
    policy = load(tmp_path, '[rules.refund]\nreview_amount = 99.5\nsubject = "Look: {{ account }}"\n')
    assert policy.rules.refund.review_amount == Decimal("99.5")
    assert policy.rules.refund.subject.render({"account": "bob"}) == "Look: bob"
    assert policy.rules.payment_failed == Policy().rules.payment_failed


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            '[rules.refund]\n\nqueeu = "X"\n',
            (":3: rules.refund.queeu:", "did you mean 'queue'?", "review_amount"),
        ),
        ("[rulez]\n", (":1: rulez:", "did you mean 'rules'?")),
        ("[statuses]\nopne = 'New'\n", (":2: statuses.opne:", "did you mean 'open'?")),
        ('[cases]\n# why\nafter_close = "delete"\n', (":3: cases.after_close:", "'reopen' or 'link'")),
        ("[rules.payment_failed]\ndunning_step = 0\n", (":2: rules.payment_failed.dunning_step:",)),
        ("[rules.payment_failed]\nminimum_amount = -1\n", (":2:", "greater than or equal to 0")),
        ('rules.refund.queue = "no spaces"\n', (":1: rules.refund.queue:",)),
        ('recurly_link = "http://x"\n', (":1: recurly_link:", "https://")),
        ('recurly_link = "https://{account}"\n', (":1: recurly_link:", "{site}")),
        ('recurly_link = "https://{site.__class__}"\n', (":1: recurly_link:",)),
        ('recurly_link = "https://{"\n', (":1: recurly_link:",)),
        ('[statuses]\nopen = ""\n', (":2: statuses.open:",)),
        (
            "[rules.payment_failed]\ntiers = [{ amount = 5, prio = 'x' }]\n",
            (":2:", "did you mean 'priority'?"),
        ),
        ("[cases\n", ("not valid TOML", "line 1")),
        (
            '[rules.refund]\nsummary = """\nqueue = "x"\n{{ nope }}"""\n',
            (":2: rules.refund.summary:", "'nope'", "account"),
        ),
        (
            "[rules.refund]\nsubject = '{{ amount }}'\n",
            (":2: rules.refund.subject:", "'amount'", "allowed: account"),
        ),
        (
            "[rules.dispute]\nescalation = [{ days_left = 5 }, { day_left = 2 }]\n",
            (":2: rules.dispute.escalation.1", "did you mean 'days_left'?"),
        ),
        ("[rules.dispute]\nescalation = [{ days_left = -1 }]\n", (":2:", "greater than or equal to 0")),
        ("[rules.dispute]\nescalation = [{ days_left = 2, queue = 'a b' }]\n", (":2:", "queue")),
        ("[rules.refund]\nrecord_type = 'no spaces'\n", (":2: rules.refund.record_type:",)),
        ("[rules.refund]\nreopen_window_days = -1\n", (":2: rules.refund.reopen_window_days:",)),
        ("[joining]\nwait_minuets = 5\n", (":2: joining.wait_minuets:", "did you mean 'wait_minutes'?")),
        ("[joining]\nwait_minutes = -5\n", (":2: joining.wait_minutes:", "greater than or equal to 0")),
        ("[joining]\nqueue = ''\n", (":2: joining.queue:",)),
        ("[rules.incident]\naccounts = 1\n", (":2: rules.incident.accounts:", "greater than or equal to 2")),
        ("[rules.incident]\nfailure_percent = 0\n", (":2: rules.incident.failure_percent:",)),
        (
            "[rules.incident]\ncategories = ['gateway', 'hard']\n",
            (":2: rules.incident.categories.1:", "'gateway', 'unknown'"),
        ),
        ("[rules.refund]\nsubject = 7\n", (":2: rules.refund.subject:", "text in quotes")),
        ("time_zone = 'Europe/Berln'\n", (":1: time_zone:", "no time zone", "perhaps 'Europe/Berlin'")),
        ("time_zone = '../../etc/passwd'\n", (":1: time_zone:", "no time zone")),
        ("time_zone = 'America'\n", (":1: time_zone:", "no time zone")),
        ("time_zone = ''\n", (":1: time_zone:", "no time zone")),
        ("time_zone = -5\n", (":1: time_zone:", "string")),
        ("[sites.acme]\ntime_zone = 'Mars/Base'\n", (":2: sites.acme.time_zone:", "no time zone")),
        ("[sites.acme]\ntimezone = 'UTC'\n", (":2: sites.acme.timezone:", "did you mean 'time_zone'?")),
    ],
)
def test_a_mistake_is_named_with_its_key_and_line(tmp_path: Path, source: str, told: tuple[str, ...]) -> None:
    said = mistake(tmp_path, source)
    assert str(tmp_path / "policy.toml") in said
    for part in told:
        assert part in said


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10) %}{{ i }}{% endfor %}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ account.upper() }}",
        "{{ account['__class__'] }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% set x = 1 %}{{ x }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{{ account | attr('__class__') }}",
        "{{ account | center(1000000000) }}",
        "{{ account | format }}",
        "{{ self }}",
        "{{ lipsum() }}",
        "{{ account is mapping }}",
        "{{ unfinished",
        "{% if account %}never closed",
        "x" * 8001,
        "{{ " + "(" * 3900 + "1" + ")" * 3900 + " }}",
        "{{ " + "not " * 1900 + "account }}",
        "{{ " + "9" * 7000 + " }}",
    ],
)
def test_a_hostile_or_broken_template_is_refused_when_loading(tmp_path: Path, template: str) -> None:
    quoted = template.replace("\\", "\\\\").replace('"', '\\"')
    assert ":2: rules.refund.subject:" in mistake(tmp_path, f'[rules.refund]\nsubject = "{quoted}"\n')


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    said = mistake(tmp_path, "[rules.refund]\nqueeu = 1\nreview_amount = 'much'\n[cases]\norigin = ''\n")
    assert len(said.splitlines()) == 3


def test_a_file_that_cannot_be_read_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        Policy.load(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b'[cases]\norigin = "\xe9"\n')
    with pytest.raises(SetupError, match="cannot be read"):
        Policy.load(tmp_path / "latin.toml")


def test_texts_are_plain_text_not_html() -> None:
    rule = Policy().rules.unapplied_credit
    told = rule.subject.render({"account": "A&B <x>", "credit_invoice": "1", "credit_amount": "USD 1.00"})
    assert "A&B <x>" in told


@pytest.mark.parametrize("name", Policy().case_rules())
def test_summaries_leave_no_gaps_when_little_is_known(name: str) -> None:
    rule: CaseRule = Policy().case_rules()[name]
    known = {**rule.STABLE, **rule.COMMON, **rule.FRESH}
    for values in (known, {**known, "outcome": None}, dict.fromkeys(known)):
        assert "\n\n" not in rule.summary.render(values)
        assert "None" not in rule.summary.render(values)


@pytest.mark.parametrize(
    ("total", "priority"),
    [("0", "Low"), ("99.99", "Low"), ("100", "Medium"), ("500", "High"), ("9000", "High")],
)
def test_the_highest_tier_reached_is_the_priority(tmp_path: Path, total: str, priority: str) -> None:
    policy = load(
        tmp_path,
        '[rules.payment_failed]\npriority = "Low"\n'
        'tiers = [{ amount = 500, priority = "High" }, { amount = 100, priority = "Medium" }]\n',
    )
    assert policy.rules.payment_failed.priority_of(Decimal(total)) == priority


def test_a_site_has_its_own_clock_or_that_of_the_policy(tmp_path: Path) -> None:
    policy = load(
        tmp_path, "time_zone = 'Asia/Tokyo'\n[sites.acme-eu]\ntime_zone = 'Europe/Berlin'\n[sites.acme]\n"
    )
    zones = {site: str(policy.zone_of(site)) for site in ("acme-eu", "acme", "another", "", None)}
    assert zones == dict.fromkeys(("acme", "another", "", None), "Asia/Tokyo") | {"acme-eu": "Europe/Berlin"}
    assert Policy().zone_of("acme") is UTC
    assert load(tmp_path, tomli_w.dumps(policy.model_dump(mode="json", exclude_none=True))) == policy


def test_it_says_what_an_org_must_have(tmp_path: Path) -> None:
    policy = load(tmp_path, "[rules.cancellation]\nenabled = false\n[statuses]\nreopened = 'Working'\n")
    assert "Billing_Retention" not in policy.queues()
    assert "Billing_Refunds" in policy.queues()
    assert policy.case_statuses() == {"New", "Working", "Closed"}
    assert policy.case_priorities() == {"High", "Medium"}


def test_it_can_be_printed_and_loaded_again() -> None:
    printed = Policy().model_dump(mode="json")
    assert Policy.model_validate(printed) == Policy()


# ── escalation ────────────────────────────────────────────────────────────────────────────────────────────────

DUE = datetime(2026, 11, 30, 12, tzinfo=UTC)
STEPS = (
    Escalation(days_left=2, queue="Billing_Escalations"),
    Escalation(days_left=7, priority="High"),
    Escalation(days_left=0, priority="Urgent", queue="Billing_Managers"),
)
ESCALATED = Policy().rules.payment_failed.model_copy(update={"escalation": STEPS, "priority": "Low"})


def before(days: float) -> datetime:
    return DUE - timedelta(days=days)


@pytest.mark.parametrize(
    ("now", "reached", "next_at"),
    [
        (before(8), 0, before(7)),
        (before(7), 1, before(2)),
        (before(2.001), 1, before(2)),
        (before(2), 2, DUE),
        (DUE, 3, None),
        (before(-30), 3, None),
    ],
)
def test_steps_are_reached_as_the_deadline_nears(
    now: datetime, reached: int, next_at: datetime | None
) -> None:
    assert ESCALATED.reached(DUE, now) == reached
    assert ESCALATED.next_step_at(DUE, now) == next_at


def test_without_a_deadline_or_without_steps_nothing_is_reached() -> None:
    assert ESCALATED.reached(None, DUE) == 0
    assert ESCALATED.next_step_at(None, DUE) is None
    plain = Policy().rules.payment_failed
    assert (plain.reached(DUE, DUE), plain.next_step_at(DUE, before(9))) == (0, None)


def test_the_earliest_step_comes_first_however_they_are_written() -> None:
    assert [step.days_left for step in ESCALATED.steps] == [7, 2, 0]


def test_an_org_must_have_what_the_steps_and_the_joining_name(tmp_path: Path) -> None:
    policy = load(
        tmp_path,
        "[joining]\nqueue = 'Unjoined'\n[rules.payment_failed]\n"
        "escalation = [{ days_left = 2, queue = 'Managers', priority = 'Urgent' }]\n",
    )
    assert {"Unjoined", "Managers"} <= policy.queues()
    assert "Urgent" in policy.case_priorities()
    off = load(tmp_path, "[rules.dispute]\nenabled = false\n")
    assert "Billing_Escalations" not in off.queues()


# ── the org and its own fields ────────────────────────────────────────────────────────────────────────────────


def test_statuses_that_are_not_given_are_not_printed_either() -> None:
    assert Policy().model_dump(mode="json")["statuses"] == {}


def test_the_example_of_a_mapping_is_good(tmp_path: Path) -> None:
    shown = EXAMPLE.read_text(encoding="utf-8").partition("#[[mapping]]")
    text = shown[1] + shown[2].partition("\n\n")[0]
    policy = load(tmp_path, "\n".join(line.removeprefix("#") for line in text.splitlines()))
    assert [one.name for one in policy.mapping] == ["Account.Tax_Id__c", "Account.Region__c"]
    assert Policy.model_validate(policy.model_dump(mode="json", by_alias=True)) == policy


def mapped(**changed: str) -> str:
    told = {"object": "Account", "field": "X__c", "from": "account.email", **changed}
    return "".join(f"{key} = {value!r}\n" for key, value in told.items())


@pytest.mark.parametrize(
    "path",
    [
        "site",
        "account.vat_number",
        "account.custom_fields.tax.id",
        "account.payment_method.last_four",
        "subscription.custom_fields.tier",
    ],
)
def test_anything_that_is_known_may_be_mapped(tmp_path: Path, path: str) -> None:
    policy = load(tmp_path, f"[[mapping]]\n{mapped(**{'from': path})}")
    assert policy.mapping[0].from_ == path


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"from": "account.vat"},
            ("from: 'account.vat': account has no such value (allowed: ", "vat_number"),
        ),
        ({"from": "account"}, ("from:", "payment_method")),
        ({"from": "account.payment_method"}, ("from:", "last_four")),
        ({"from": "account.email.domain"}, ("from:", "account.email has no parts")),
        ({"from": "account.custom_fields"}, ("from:", "name the custom field")),
        (
            {"from": "invoice.total"},
            ("from:", "no such value for Account (allowed: account.…, subscription.…, site)"),
        ),
        ({"from": "nonsense"}, ("from:", "no such value")),
        ({"object": "Billing_Event__c"}, ("object:", "'Billing_Invoice__c'")),
        ({"type": "money"}, ("type:", "'number'")),
        ({"type": "lookup"}, ("lookup:", "an object and its key")),
        ({"field": "no spaces"}, ("field:",)),
        ({"frm": "x"}, ("frm: there is no such key; did you mean 'from'?",)),
    ],
)
def test_a_mistake_in_the_second_mapping_is_found_there(
    tmp_path: Path, changed: dict[str, str], told: tuple[str, ...]
) -> None:
    why = mistake(tmp_path, f"[[mapping]]\n{mapped()}\n[[mapping]]\n{mapped(**changed)}")
    line = int(why.partition("policy.toml:")[2].partition(":")[0])
    assert line >= 6, why
    assert "mapping.1." in why
    assert all(one in why for one in told), why
