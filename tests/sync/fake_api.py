"""A source's API in memory: finds objects by any form they go by, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import Permanent, Transient
from connector.ledger import snapshots
from connector.models.facts import BillingObject, DeletedObject

Refs = tuple[str, ...]


@dataclass(frozen=True)
class FailedOne:
    object: str
    refs: Refs
    error: Transient | Permanent


@dataclass(frozen=True)
class Answer:
    found: tuple[BillingObject, ...] = ()
    gone: tuple[DeletedObject, ...] = ()
    failed: tuple[FailedOne, ...] = ()


@dataclass
class FakeApi:
    """``errors``: by (kind, form), for objects that cannot be read. ``down``: raised by every call.

    ``meanwhile`` happens while a call is under way.
    """

    objects: list[BillingObject] = field(default_factory=list)
    errors: dict[tuple[str, str], Transient | Permanent] = field(default_factory=dict)
    down: Exception | None = None
    meanwhile: Callable[[], None] = lambda: None
    calls: list[tuple[str, tuple[Refs, ...]]] = field(default_factory=list)

    def fetch(self, kind: str, refs_list: Sequence[Refs]) -> Answer:
        self.calls.append((kind, tuple(refs_list)))
        self.meanwhile()
        if self.down:
            raise self.down
        parts = [self._one(kind, refs) for refs in refs_list]
        return Answer(
            tuple(one for part in parts for one in part.found),
            tuple(one for part in parts for one in part.gone),
            tuple(one for part in parts for one in part.failed),
        )

    def history(self, code: str) -> Answer:
        account = self.fetch("account", [(f"code-{code}",)])
        mine = [one for one in self.objects if getattr(one, "account_code", None) == code]
        failed = [self._one(one.object, (one.id,)).failed for one in mine]
        readable = [one for one in mine if (one.object, one.id) not in self.errors]
        return Answer(
            (*account.found, *readable),
            account.gone,
            (*account.failed, *(f for part in failed for f in part)),
        )

    def changed(self, kind: str, since: datetime | None) -> Iterator[Answer]:
        """Two a page."""
        found = [one for one in self.objects if one.object == kind]
        found = [one for one in found if since is None or (one.updated_at and one.updated_at >= since)]
        found.sort(key=lambda one: (one.updated_at.timestamp() if one.updated_at else 0.0, one.id))
        for start in range(0, len(found), 2):
            self.calls.append((f"changed {kind}", ()))
            self.meanwhile()
            if self.down:
                raise self.down
            page = found[start : start + 2]
            failed = [
                FailedOne(kind, (one.id,), self.errors[kind, one.id]) for one in page if self._fails(one)
            ]
            yield Answer(tuple(one for one in page if not self._fails(one)), failed=tuple(failed))

    def asked(self, kind: str) -> list[str]:
        """The first form of each object of this kind that was asked for, in order."""
        return [refs[0] for asked, refs_list in self.calls if asked == kind for refs in refs_list]

    def replace(self, *objects: BillingObject) -> None:
        for new in objects:
            self.objects = [one for one in self.objects if (one.object, one.id) != (new.object, new.id)]
            self.objects.append(new)

    def _fails(self, one: BillingObject) -> bool:
        return (one.object, one.id) in self.errors

    def _one(self, kind: str, refs: Refs) -> Answer:
        for ref in refs:
            if (kind, ref) in self.errors:
                return Answer(failed=(FailedOne(kind, refs, self.errors[kind, ref]),))
            for one in self.objects:
                if one.object == kind and ref in (one.id, snapshots.alias(one)):
                    return Answer(found=(one,))
        return Answer(gone=(DeletedObject(kind, refs[0]),))
