"""A listed fault is applied exactly, or not at all, and the list fits the source; ``make mutants`` runs the faults."""

from __future__ import annotations

import pytest

from bench.mutants.__main__ import TARGET, _report, _sample, _stale
from bench.mutants.lists import MUTANTS
from bench.mutants.model import Mutant, StaleMutant, mutants
from bench.mutants.runner import BROKEN, NOTICED, SURVIVED


def fault(old: str = "a < b", new: str = "a <= b", occurrence: int = 0) -> Mutant:
    return Mutant("connector/mappers/money.py", old, new, ("tests/mappers/test_money.py",), occurrence)


def test_the_text_is_replaced_once() -> None:
    assert fault().applied_to("if a < b:") == "if a <= b:"
    assert fault(occurrence=2).applied_to("a < b; a < b; a < b") == "a < b; a <= b; a < b"


@pytest.mark.parametrize(
    ("source", "occurrence"), [("if b < a:", 0), ("a < b; a < b", 0), ("a < b", 2), ("", 1)]
)
def test_a_text_that_is_not_found_as_described_is_an_error(source: str, occurrence: int) -> None:
    with pytest.raises(StaleMutant, match=r"mappers/money"):
        fault(occurrence=occurrence).applied_to(source)


def test_an_entry_that_does_not_fit_the_source_is_named() -> None:
    nowhere = Mutant("connector/nowhere.py", "a", "b", ("tests/nowhere.py",))
    (once,) = mutants("mappers/money", [("_USUAL: Final = 2", "_USUAL: Final = 3")])
    same = fault("_USUAL: Final = 2", "_USUAL: Final = 2")
    assert _stale([once]) == []
    assert [len(_stale(listed)) for listed in ([fault()], [same], [once, once], [nowhere])] == [1, 1, 1, 2]


def test_every_listed_fault_fits_the_source() -> None:
    assert _stale(MUTANTS) == []


def test_there_are_three_hundred_faults_each_with_its_own_id() -> None:
    counted = [one for one in MUTANTS if not one.equivalent]
    assert len({one.id for one in counted}) == len(counted) >= 300
    assert all(one.equivalent == "" or one.equivalent.endswith(".") for one in MUTANTS)


def test_a_sample_stays_the_same_when_the_list_grows() -> None:
    listed = [fault(new=str(number)) for number in range(40)]
    before, after = _sample(listed[:30], 10, seed=1), _sample(listed, 10, seed=1)
    assert len(after) == 10
    assert [one for one in after if one in listed[:30]] == before[: sum(one in listed[:30] for one in after)]
    assert _sample(listed, 10, seed=2) != after


@pytest.mark.parametrize(("noticed", "code"), [(20, 0), (19, 0), (18, 1)])
def test_fewer_than_the_target_end_with_an_error(noticed: int, code: int) -> None:
    chosen = [fault(new=str(number)) for number in range(20)]
    states = {one.id: NOTICED if number < noticed else SURVIVED for number, one in enumerate(chosen)}
    assert TARGET == 0.95
    assert _report(chosen, (), states) == code


def test_what_could_not_be_tested_was_not_noticed() -> None:
    assert _report([fault()], (), {fault().id: BROKEN}) == 1
