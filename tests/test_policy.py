"""A policy is right when it loads, or says which line to mend."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from connector.errors import SetupError
from connector.policy import CaseRule, Policy

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
    keys |= {*type(Policy().cases).model_fields, *type(Policy().statuses).model_fields}
    shown = {line.partition("=")[0].strip() for line in source.splitlines() if "=" in line}
    assert keys - shown == {"statuses", "cases", "rules"}


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
        ("[rules.refund]\nsubject = 7\n", (":2: rules.refund.subject:", "text in quotes")),
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


def test_it_says_what_an_org_must_have(tmp_path: Path) -> None:
    policy = load(tmp_path, "[rules.chargeback]\nenabled = false\n[statuses]\nreopened = 'Working'\n")
    assert "Billing_Disputes" not in policy.queues()
    assert "Billing_Refunds" in policy.queues()
    assert policy.case_statuses() == {"New", "Working", "Closed"}
    assert policy.case_priorities() == {"High", "Medium"}


def test_it_can_be_printed_and_loaded_again() -> None:
    printed = Policy().model_dump(mode="json")
    assert Policy.model_validate(printed) == Policy()
