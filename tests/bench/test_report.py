"""The page of results says of every row whether its target was reached."""

from __future__ import annotations

from bench.report import Row, page, section, table, with_section


def row(reached: bool | None) -> Row:
    return Row("a | b", "1/s", "60%", "≥ 60%", reached, "python -m bench receive")


def test_a_row_is_one_line_of_a_table() -> None:
    head, rule, line = table([row(True)]).splitlines()
    assert head == "| what | figure | ratio | target | reached | command |"
    assert rule == "| --- | --- | --- | --- | --- | --- |"
    assert line == "| a \\| b | 1/s | 60% | ≥ 60% | yes | `python -m bench receive` |"


def test_a_target_that_was_missed_is_told_from_a_row_without_one() -> None:
    missed, none = table([row(False), row(None)]).splitlines()[2:]
    assert "| **no** |" in missed
    assert "|   | `python" in none


def test_the_page_says_when_and_on_what_it_was_measured() -> None:
    told = page([row(True)], {"cores": "2", "Python": "3.11.7"}, "2026-11-22")
    assert "2026-11-22: cores 2, Python 3.11.7." in told
    assert table([row(True)]) in told


def test_a_section_is_put_at_the_end_or_in_its_place_and_the_rest_stays() -> None:
    first = with_section("# Results\n\nAll.\n", "Large", "one")
    assert first == "# Results\n\nAll.\n\n## Large\n\none\n"
    more = first + "\n## Small\n\ntwo\n"
    assert with_section(more, "Large", "three") == more.replace("one", "three")
    assert (section(more, "Large"), section(more, "Small"), section(more, "Other")) == ("one", "two", "")
