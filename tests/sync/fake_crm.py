"""A Salesforce in memory: upserts by key, refuses rows whose parents it lacks, fails where it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.errors import CasewireError, Permanent
from connector.mappers import fields

Record = tuple[str, str]


@dataclass(frozen=True)
class Trouble:
    error: CasewireError
    matches: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return str(getattr(self.error, "code", ""))

    def exception(self) -> CasewireError:
        return self.error


@dataclass(frozen=True)
class RowAnswer:
    id: str | None = None
    created: bool = False
    error: Trouble | None = None


@dataclass
class FakeCrm:
    """``refusals``: rows that are refused, by (object, key). ``outages``: raised by upserts of an object;
    ``query_outage``: by every query; ``abort_outage``: by every abort. ``unstoppable``: jobs that do not end
    by it. ``answer_lost``: rows of these objects are written, but nobody is told."""

    records: dict[Record, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[Record, CasewireError] = field(default_factory=dict)
    outages: dict[str, Exception] = field(default_factory=dict)
    query_outage: Exception | None = None
    answer_lost: dict[str, BaseException] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    upserts: list[tuple[str, list[Mapping[str, Any]]]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    jobs: list[tuple[str, int]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    abort_outage: CasewireError | None = None
    unstoppable: set[str] = field(default_factory=set)

    def query_keys(
        self, select: str, field_: str, keys: Sequence[str], suffix: str = ""
    ) -> list[dict[str, Any]]:
        self.queries.append(select)
        if self.query_outage:
            raise self.query_outage
        object_ = select.split(" FROM ")[1]
        names = select.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
        found = [row for (of, _), row in sorted(self.records.items()) if of == object_]
        return [{name: row.get(name) for name in names} for row in found if row.get(field_) in keys]

    def upsert(self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
        self.upserts.append((object_, list(rows)))
        if object_ in self.outages:
            raise self.outages[object_]
        answers = [self._upsert(object_, row[key_field], row) for row in rows]
        if object_ in self.answer_lost:
            raise self.answer_lost.pop(object_)
        return answers

    def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
        """By Id; the record then goes by the key it is given."""
        self.upserts.append((object_, list(rows)))
        if object_ in self.outages:
            raise self.outages[object_]
        return [self._update(object_, row["Id"], row) for row in rows]

    def upsert_alone(self, object_: str, key_field: str, row: Mapping[str, Any]) -> RowAnswer:
        return self.upsert(object_, key_field, [row])[0]

    def bulk_upsert(
        self,
        object_: str,
        key_field: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        wait: Callable[[float], None],
        jobs: Any,
    ) -> list[RowAnswer]:
        """One job, at which one looks twice."""
        self.jobs.append((object_, len(rows)))
        job = f"job-{len(self.jobs)}"
        jobs.begun(job, object_, rows)
        wait(0.0)
        wait(0.0)
        answers = self._of_job(object_, key_field, rows)
        jobs.ended(job, results_read=True)
        return answers

    def _of_job(self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
        return self.update(object_, rows) if key_field == "Id" else self.upsert(object_, key_field, rows)

    def abort_bulk_job(self, job: str) -> bool:
        self.aborted.append(job)
        if self.abort_outage:
            raise self.abort_outage
        return job not in self.unstoppable

    def of(self, object_: str) -> dict[str, dict[str, Any]]:
        return {key: row for (of, key), row in self.records.items() if of == object_}

    def sent(self, object_: str) -> list[dict[str, Any]]:
        """Every row of an object that was sent, without its key."""
        rows = [row for of, rows in self.upserts if of == object_ for row in rows]
        return [
            {name: value for name, value in row.items() if name not in (fields.KEY, "Id")} for row in rows
        ]

    def _update(self, object_: str, id_: str, row: Mapping[str, Any]) -> RowAnswer:
        found = next((r for r, told in self.records.items() if r[0] == object_ and told["Id"] == id_), None)
        if found is None:
            return RowAnswer(error=Trouble(Permanent("entity is deleted", code="ENTITY_IS_DELETED")))
        record = (object_, row[fields.KEY])
        self.records[record] = self.records.pop(found)
        return self._upsert(object_, record[1], {name: v for name, v in row.items() if name != "Id"})

    def _upsert(self, object_: str, key: str, row: Mapping[str, Any]) -> RowAnswer:
        if (object_, key) in self.refusals:
            return RowAnswer(error=Trouble(self.refusals[object_, key]))
        for value in row.values():
            if isinstance(value, dict) and self._parent(value) not in self.records:
                error = Permanent(f"There is no {self._parent(value)}.", code="INVALID_FIELD")
                return RowAnswer(error=Trouble(error))
        created = (object_, key) not in self.records
        if created:
            self.created.append(key)
        new = {"Id": f"id-{object_}-{key}", "IsClosed": False, "ClosedDate": None}
        record = self.records.setdefault((object_, key), new)
        record.update({name: self._plain(value) for name, value in row.items()})
        return RowAnswer(record["Id"], created)

    def _parent(self, value: Mapping[str, Any]) -> Record:
        return value["attributes"]["type"], value[fields.KEY]

    def _plain(self, value: Any) -> Any:
        return value[fields.KEY] if isinstance(value, dict) else value


class Org:
    """An org without queues and record types."""

    def queue(self, name: str) -> str | None:
        return None

    def record_type(self, name: str) -> str | None:
        return None
