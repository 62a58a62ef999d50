"""The newest known version of every object: never back in time, and the same value that was stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine
from sync.world import account, applied, invoice, payment, subscription

from connector.ledger import payment_lookup, snapshots, subjects
from connector.ledger.snapshots import Snapshot, SnapshotInfo
from connector.models import facts
from connector.models.facts import BillingObject, DeletedObject

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def later(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def store(engine: Engine, observed_at: datetime, *objects: BillingObject) -> None:
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, observed_at, objects)


def gone(engine: Engine, observed_at: datetime, *lost: DeletedObject) -> None:
    with engine.begin() as connection:
        snapshots.mark_gone(connection, SOURCE, SITE, observed_at, lost)


def load(engine: Engine, code: str = "bob") -> list[Snapshot]:
    with engine.connect() as connection:
        return snapshots.load(connection, [subject(code)])[subject(code)]


def find(engine: Engine, *refs: tuple[str, str]) -> dict[tuple[str, str], SnapshotInfo]:
    with engine.connect() as connection:
        return snapshots.find(connection, SOURCE, SITE, refs)


EVIDENCE = payment(gateway="stripe", gateway_reference="ch_1")
NAMED = {"reference:ch_1", "invoice:1001"}


@pytest.mark.parametrize(
    ("comes", "changed"),
    [
        (EVIDENCE, set()),
        (replace(EVIDENCE, updated_at=later(60)), set()),
        (replace(EVIDENCE, account_code="eve"), NAMED),
        (replace(EVIDENCE, amount=Decimal("48.00")), NAMED),
        (replace(EVIDENCE, currency="EUR"), NAMED),
        (replace(EVIDENCE, gateway="adyen"), NAMED),
        (replace(EVIDENCE, status="declined"), NAMED),
        (replace(EVIDENCE, gateway_references=("pi_1",)), NAMED | {"reference:pi_1"}),
    ],
)
def test_what_says_something_new_of_whose_an_object_is_names_its_keys(
    engine: Engine, comes: facts.Payment, changed: set[str]
) -> None:
    with engine.begin() as connection:
        assert snapshots.store(connection, SOURCE, SITE, T0, [EVIDENCE]) == NAMED
        assert snapshots.store(connection, SOURCE, SITE, later(1), [comes]) == changed


def test_what_comes_back_names_its_keys_again(engine: Engine) -> None:
    store(engine, T0, EVIDENCE)
    gone(engine, later(1), DeletedObject("payment", EVIDENCE.id))
    with engine.begin() as connection:
        assert snapshots.store(connection, SOURCE, SITE, later(2), [EVIDENCE]) == NAMED


def test_a_payment_that_is_gone_is_found_by_no_name(engine: Engine) -> None:
    store(engine, T0, EVIDENCE)
    names = {"ch_1", EVIDENCE.uuid}
    with engine.begin() as connection:
        subjects.mark_due(connection, [due()])
        assert set(payment_lookup.named(connection, names)) == names
    gone(engine, later(1), DeletedObject("payment", EVIDENCE.id))
    with engine.connect() as connection:
        assert payment_lookup.named(connection, names) == {}


# ── never back in time ────────────────────────────────────────────────────────────────────────────────────────


VERSIONS: Sequence[tuple[str, datetime | None, datetime, datetime | None, datetime, bool]] = [
    # what the ledger has (version, observed) and what comes (version, observed): does it replace?
    ("a newer version", later(0), later(10), later(1), later(11), True),
    ("a newer version that was asked for earlier", later(0), later(10), later(1), later(9), True),
    ("an older version, asked for later", later(1), later(10), later(0), later(11), False),
    ("the same version, asked for later", later(0), later(10), later(0), later(11), True),
    ("the same version, asked for earlier", later(0), later(10), later(0), later(9), False),
    ("the same answer again", later(0), later(10), later(0), later(10), False),
    ("a version where there was none", None, later(10), later(0), later(9), True),
    ("no version where there was one", later(0), later(10), None, later(11), False),
    ("no version either, asked for later", None, later(10), None, later(11), True),
]


@pytest.mark.parametrize(
    ("had", "had_at", "comes", "comes_at", "replaces"),
    [row[1:] for row in VERSIONS],
    ids=[r[0] for r in VERSIONS],
)
def test_a_snapshot_is_replaced_only_by_what_is_newer(
    engine: Engine,
    had: datetime | None,
    had_at: datetime,
    comes: datetime | None,
    comes_at: datetime,
    replaces: bool,
) -> None:
    store(engine, had_at, account(company="had", updated_at=had))
    store(engine, comes_at, account(company="comes", updated_at=comes))
    (found,) = load(engine)
    assert found.value.company == ("comes" if replaces else "had")  # type: ignore[union-attr]


def test_of_two_versions_in_one_answer_the_newer_is_kept(engine: Engine) -> None:
    new, old = account(company="new", updated_at=later(1)), account(company="old", updated_at=later(0))
    store(engine, T0, new, old)
    assert load(engine)[0].value == new


# ── gone ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ref", ["inv1", "number-1001"])
def test_what_its_source_no_longer_has_is_gone_and_keeps_its_last_value(engine: Engine, ref: str) -> None:
    store(engine, later(0), invoice())
    gone(engine, later(1), DeletedObject("invoice", ref), DeletedObject("invoice", "nobody knows"))
    assert load(engine) == [Snapshot(invoice(), gone=True)]


def test_an_older_answer_does_not_make_gone_what_was_seen_since(engine: Engine) -> None:
    store(engine, later(5), invoice())
    gone(engine, later(4), DeletedObject("invoice", "inv1"))
    assert not load(engine)[0].gone


def test_what_is_there_again_is_no_longer_gone(engine: Engine) -> None:
    store(engine, later(0), invoice())
    gone(engine, later(1), DeletedObject("invoice", "inv1"))
    store(engine, later(2), invoice())
    assert not load(engine)[0].gone


def test_an_answer_from_before_it_was_gone_does_not_bring_it_back(engine: Engine) -> None:
    store(engine, later(0), invoice())
    gone(engine, later(2), DeletedObject("invoice", "inv1"))
    store(engine, later(1), invoice())
    assert load(engine)[0].gone


def test_an_object_of_another_kind_with_the_same_id_stays(engine: Engine) -> None:
    store(engine, later(0), invoice(id="x"), payment(id="x"))
    gone(engine, later(1), DeletedObject("payment", "x"))
    assert {type(one.value).__name__: one.gone for one in load(engine)} == {"Invoice": False, "Payment": True}


# ── found by what sources call them ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("object_", "alias"),
    [
        (account(), "code-bob"),
        (subscription(), "uuid-5ub1"),
        (invoice(), "number-1001"),
        (payment(), "uuid-9ay1"),
        (applied(), "uuid-c9"),
    ],
)
def test_an_object_is_found_by_its_id_and_by_its_other_name(
    engine: Engine, object_: BillingObject, alias: str
) -> None:
    store(engine, T0, object_)
    found = find(engine, (object_.object, object_.id), (object_.object, alias), (object_.object, "unknown"))
    known = SnapshotInfo(object_.object, object_.id, alias, subject("bob"), T0, gone=False)
    assert found == {(object_.object, object_.id): known, (object_.object, alias): known}


def test_another_site_or_kind_is_not_found(engine: Engine) -> None:
    store(engine, T0, invoice())
    assert find(engine, ("payment", "inv1")) == {}
    with engine.connect() as connection:
        assert snapshots.find(connection, SOURCE, "eu1", [("invoice", "inv1")]) == {}


@pytest.mark.parametrize(
    "code",
    ["a:account:b", "a/b", "100%", 'it\'s "quoted" \\ here', "ñandú-😀", " spaced ", "a_b", "{a,b}", "NULL"],
)
def test_any_account_code_is_found_again(engine: Engine, code: str) -> None:
    store(engine, T0, account(code=code), invoice(account_code=code))
    assert find(engine, ("account", f"code-{code}"))["account", f"code-{code}"].subject == subject(code)
    assert [one.value for one in load(engine, code)] == [account(code=code), invoice(account_code=code)]


def test_accounts_whose_codes_look_alike_are_kept_apart(engine: Engine) -> None:
    for number, code in enumerate(("a_b", "aXb", "A_B", "a%", "a")):
        store(engine, T0, account(id=f"i{number}", code=code))
    assert [one.value.id for one in load(engine, "a_b")] == ["i0"]
    assert [one.value.id for one in load(engine, "a")] == ["i4"]


# ── the same value that was stored ────────────────────────────────────────────────────────────────────────────

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_SHAPES: dict[Any, Any] = {
    str: _TEXT,
    Decimal: st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
    ),
    datetime: st.datetimes(timezones=st.just(UTC)),
}
for _type, _strategy in _SHAPES.items():
    st.register_type_strategy(_type, _strategy)
_KINDS = (facts.Account, facts.Subscription, facts.Invoice, facts.Payment, facts.CreditPayment)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of([st.builds(kind) for kind in _KINDS]))
def test_every_fact_comes_back_as_it_was(engine: Engine, value: BillingObject) -> None:
    with engine.connect() as connection:
        snapshots.store(connection, SOURCE, SITE, T0, [value])
        key = snapshots.subject_of(SOURCE, SITE, value)
        assert [one.value for one in snapshots.load(connection, [key])[key]] == [value]
        connection.rollback()


def test_amounts_keep_their_decimals_and_times_their_zone(engine: Engine) -> None:
    value = replace(invoice(), total=Decimal("49.00"), balance=Decimal("-0.005"), refundable=None)
    store(engine, T0, value)
    (found,) = load(engine)
    assert str(found.value.total) == "49.00"  # type: ignore[union-attr]
    assert str(found.value.balance) == "-0.005"  # type: ignore[union-attr]
    assert found.value == value
    assert found.value.created_at == value.created_at


def test_many_accounts_are_loaded_at_once_each_in_a_fixed_order(engine: Engine) -> None:
    store(engine, T0, payment(id="p2"), payment(id="p1"), account(), account(id="e", code="eve"))
    with engine.connect() as connection:
        found = snapshots.load(connection, [subject("bob"), subject("eve"), subject("nobody")])
    assert [one.value.id for one in found[subject("bob")]] == ["acc1", "p1", "p2"]
    assert [one.value.id for one in found[subject("eve")]] == ["e"]
    assert found[subject("nobody")] == []


def test_the_ledgers_clock_goes_on_within_a_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        assert snapshots.clock(connection) < snapshots.clock(connection)


def test_what_is_seen_again_unchanged_was_learnt_when_it_came(engine: Engine) -> None:
    """An account is decided again only for what is new."""
    store(engine, later(0), account(updated_at=later(0)))
    rows(engine, "UPDATE snapshot SET learnt_at = '2026-11-01Z'")
    store(engine, later(1), account(updated_at=later(0)))
    assert one(engine, "SELECT learnt_at = '2026-11-01Z' AS same FROM snapshot").same
    store(engine, later(2), account(updated_at=later(2)))
    assert not one(engine, "SELECT learnt_at = '2026-11-01Z' AS same FROM snapshot").same


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_in_one_answer_without_a_version_one_has_it_counts(engine: Engine, turn: int) -> None:
    known, unknown = (
        account(company="known", updated_at=later(0)),
        account(company="unknown", updated_at=None),
    )
    store(engine, T0, *[known, unknown][::turn])
    assert load(engine)[0].value == known


def test_of_two_of_one_version_the_last_is_kept(engine: Engine) -> None:
    store(engine, T0, account(company="first"), account(company="last"))
    assert load(engine)[0].value.company == "last"  # type: ignore[union-attr]


def test_what_is_gone_has_no_value(engine: Engine) -> None:
    store(engine, later(0), invoice(), payment())
    gone(engine, later(1), DeletedObject("invoice", "inv1"))
    known = find(engine, ("invoice", "inv1"), ("payment", "pay1"))
    with engine.connect() as connection:
        assert snapshots.values(connection, SOURCE, SITE, list(known.values())) == [payment()]
