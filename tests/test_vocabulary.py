"""The old dialect may only shrink: names and prose use the terms of docs/glossary.md."""

from __future__ import annotations

from bench import vocabulary


def test_no_word_of_the_old_dialect_becomes_more_frequent() -> None:
    assert vocabulary.complaints(vocabulary.load(), vocabulary.count()) == []


def test_names_docstrings_and_comments_are_counted() -> None:
    source = '''
"""What was told."""
told = 1
"""Said twice: said."""
# whoever reads this
class RowTold:
    def tell_all(self, toldest): self.wires = told
'''
    assert vocabulary.count_source(source) == {
        "opening what": 1,
        "prose told": 1,
        "prose said": 2,
        "prose whoever": 1,
        "name told": 2,
        "name tell": 1,
        "name wires": 1,
    }


def test_a_phrase_is_found_across_lines() -> None:
    assert vocabulary.count_source('"""They give\n    back the lease."""') == {"prose give back": 1}


def test_a_rise_names_the_file_and_the_terms_to_use() -> None:
    before, now = {"name told": {"a.py": 1, "b.py": 2}}, {"name told": {"a.py": 2, "b.py": 2}}
    (line,) = vocabulary.complaints(before, now)
    assert line.endswith("More in: a.py")
    assert "observation" in line


def test_a_fall_asks_for_a_lower_baseline() -> None:
    (line,) = vocabulary.complaints({"prose told": {"a.py": 1}}, {})
    assert line == "prose told: 0, was 1. Lower the baseline: python -m bench.vocabulary --lower"


def test_a_moved_file_is_no_rise() -> None:
    assert vocabulary.complaints({"name told": {"a.py": 1}}, {"name told": {"b.py": 1}}) == []
