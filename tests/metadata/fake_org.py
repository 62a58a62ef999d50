"""An org of a few answers: queries by what they ask for, refusals by what they are asked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from connector.errors import Permanent


@dataclass
class FakeOrg:
    """``rows``: a part of the query → its rows, or the code it is refused with. ``lists``/``reads``: the same for
    the Metadata API."""

    rows: Mapping[str, list[dict[str, Any]] | str] = field(default_factory=dict)
    described: Mapping[str, dict[str, Any] | str] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] | str = field(default_factory=dict)
    reads: Mapping[str, Element] | str = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)

    def query(self, soql: str) -> list[dict[str, Any]]:
        self.asked.append(soql)
        return _or_refuse(next((found for part, found in self.rows.items() if part in soql), []))

    def describe(self, object_: str) -> dict[str, Any]:
        return _or_refuse(self.described.get(object_, "NOT_FOUND"))

    def list_metadata(self, wanted: Mapping[str, str | None]) -> Mapping[str, Sequence[str]]:
        self.asked.append(dict(wanted))
        lists = _or_refuse(self.lists)
        return {
            type_: lists.get(f"{type_} {folder}" if folder else type_, []) for type_, folder in wanted.items()
        }

    def read_metadata(self, type_: str, names: Sequence[str]) -> Mapping[str, Element]:
        self.asked.append((type_, tuple(names)))
        reads = _or_refuse(self.reads)
        return {name: reads[name] for name in names if name in reads}


def _or_refuse(answer: Any) -> Any:
    if isinstance(answer, str):
        raise Permanent(f"{answer}: refused", code=answer)
    return answer
