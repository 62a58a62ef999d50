"""The mirror record by record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from samples import due, rows
from sqlalchemy import Engine

from connector.ledger import attempts, mirror, subject_status, subjects
from connector.ledger.attempts import Attempt, Cause, RowChange

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def wrote(engine: Engine, subject: str, key: str, rule: str, *, written: bool = True) -> None:
    change = RowChange(
        "Case", key, rule, f"{rule} said so", {}, {}, None, f"500{key}", written=written, mirror={"A": 1}
    )
    with engine.begin() as connection:
        attempts.record(connection, [Attempt(subject, Cause(), NOW, NOW, "applied", changes=(change,))])


def test_whose_a_record_is_under_which_id_and_why_it_was_written(engine: Engine) -> None:
    wrote(engine, "bob", "k1", "old")
    wrote(engine, "bob", "k1", "new")
    wrote(engine, "bob", "k1", "refused", written=False)
    wrote(engine, "eve", "k2", "other")
    asked = [("Case", "k1"), ("Case", "k2"), ("Case", "k3"), ("Account", "k1")]
    with engine.connect() as connection:
        assert mirror.owners(connection, asked) == {("Case", "k1"): "bob", ("Case", "k2"): "eve"}
        assert mirror.ids(connection, asked[:1]) == {("Case", "k1"): "500k1"}
        assert mirror.under(connection, [("Case", "500k1"), ("Case", "500k9"), ("Account", "500k2")]) == {
            ("Case", "500k1"): {"k1"}
        }
        assert mirror.told(connection, asked) == {
            ("Case", "k1"): ("new", "new said so"),
            ("Case", "k2"): ("other", "other said so"),
        }
        assert mirror.owners(connection, []) == mirror.told(connection, []) == {}


def test_a_record_is_let_go_alone(engine: Engine) -> None:
    wrote(engine, "bob", "k1", "r")
    wrote(engine, "bob", "k2", "r")
    with engine.begin() as connection:
        mirror.drop(connection, [("Case", "k1"), ("Account", "k2")])
        assert [record for record, _, _ in attempts.mirrored(connection, ["bob"])] == [("Case", "k2")]
        asked = [("Case", "k1"), ("Case", "k2"), ("Case", "k3")]
        assert mirror.ever_written(connection, asked) == set(asked[:2])


def test_quiet_is_what_nothing_is_to_be_done_for(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob"), due("eve"), due("joe")])
        claimed = subjects.claim(connection, "w", 3)
        for one, status in zip(claimed, ("idle", "dead", "due"), strict=True):
            subjects.settle(connection, "w", [subjects.Settled(one.key, one.generation, status)])
        keys = [one.key for one in claimed]
        assert list(subject_status.quiet(connection, [*keys, "nobody"])) == keys[:2]


def test_quiet_tells_that_something_was_done_meanwhile(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
        (one,) = subjects.claim(connection, "w", 1)
        assert subject_status.quiet(connection, [one.key]) == {}
        subjects.settle(connection, "w", [subjects.Settled(one.key, one.generation, "idle")])
        before = subject_status.quiet(connection, [one.key])
    with engine.begin() as connection:
        (again,) = subjects.claim(connection, "w", 1, [one.key])
        subjects.settle(connection, "w", [subjects.Settled(again.key, again.generation, "idle")])
        assert subject_status.quiet(connection, [one.key]) not in ({}, before)


def test_what_was_forgotten_is_known_again_as_it_was(engine: Engine) -> None:
    wrote(engine, "bob", "k1", "r")
    wrote(engine, "bob", "k2", "r")
    with engine.begin() as connection:
        known = mirror.of(connection, ["bob"])
        before = attempts.mirrored(connection, ["bob"])
        mirror.drop(connection, [("Case", "k1")])
        mirror.restore(connection, known)
        assert sorted(attempts.mirrored(connection, ["bob"]), key=str) == sorted(before, key=str)
        mirror.restore(connection, [])


def test_only_the_record_that_is_named_whole_is_let_go(engine: Engine) -> None:
    wrote(engine, "bob", "k1", "r")
    with engine.begin() as connection:
        mirror.drop(connection, [("Account", "k1")])
        assert [record for record, _, _ in attempts.mirrored(connection, ["bob"])] == [("Case", "k1")]


def test_what_was_written_since_a_moment_is_told(engine: Engine) -> None:
    for key in ("k1", "k2"):
        wrote(engine, "bob", key, "r")
    rows(engine, "UPDATE mirror SET written_at = :at WHERE key = 'k1'", at=NOW)
    with engine.connect() as connection:
        asked = [("Case", "k1"), ("Case", "k2"), ("Case", "k3")]
        assert mirror.written_since(connection, asked, NOW) == set(asked[:2])
        assert mirror.written_since(connection, asked, NOW + timedelta(seconds=1)) == {asked[1]}
