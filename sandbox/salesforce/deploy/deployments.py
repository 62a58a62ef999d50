"""The deployments of an org: one after the other, each carried on by asking how far it is.

A deployment is pending until it is asked about, then in progress for a while, then done; nothing of it is in the
org before. Asking about a later one, or deploying again, first finishes those before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.salesforce.deploy.outcome import Outcome, Setting, Success, outcome
from sandbox.salesforce.deploy.package import Package, PackageRefused, read_package
from sandbox.salesforce.deploy.problems import Problem
from sandbox.salesforce.ids import make_id

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_STEPS: Final = 3
"""Times it is asked about until it is done."""


@dataclass(frozen=True, slots=True)
class Options:
    check_only: bool = False
    rollback: bool = True
    ignore_warnings: bool = False
    missing_allowed: bool = False
    purge: bool = False
    test_level: str | None = None


@dataclass
class Deployment:
    """``status`` is one of Pending, InProgress, Succeeded, SucceededPartial, Failed, Canceled."""

    id: str
    options: Options
    user: str
    created: str
    data: bytes
    status: str = "Pending"
    started: str | None = None
    completed: str | None = None
    modified: str = ""
    canceled_by: str | None = None
    error: tuple[str, str] | None = None
    package: Package | None = None
    successes: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    @property
    def done(self) -> bool:
        return self.completed is not None

    @property
    def total(self) -> int:
        return self.package.size if self.package else 0

    @property
    def errors(self) -> int:
        return len(self.failures)

    @property
    def deployed(self) -> int:
        """Components dealt with so far."""
        if self.done:
            return len(self.successes)
        return self.total * max(0, self.asked - 1) // _STEPS


class Deployments:
    """``clock`` tells the time as records have it."""

    def __init__(self, org: Org, clock: Callable[[], str]) -> None:
        self._org = org
        self._clock = clock
        self._lock = threading.RLock()
        self._all: dict[str, Deployment] = {}

    def start(self, data: bytes, options: Options, user: str) -> Deployment:
        with self._lock:
            self._finish_before(None)
            made = make_id("0Af", len(self._all) + 1)
            self._all[made] = Deployment(made, options, user, self._clock(), data, modified=self._clock())
            return self._all[made]

    def ask(self, deployment_id: str) -> Deployment | None:
        """One step further; None for an id that is not there."""
        with self._lock:
            found = self._all.get(deployment_id)
            if found is not None and not found.done:
                self._finish_before(found)
                self._step(found)
            return found

    def cancel(self, deployment_id: str, user: str) -> Deployment | None:
        """What is done stays done."""
        with self._lock:
            found = self._all.get(deployment_id)
            if found is not None and not found.done:
                found.canceled_by = user
                self._close(found, "Canceled")
            return found

    def _finish_before(self, last: Deployment | None) -> None:
        for made in self._all.values():
            if made is last:
                return
            while not made.done:
                self._step(made)

    def _step(self, made: Deployment) -> None:
        made.asked += 1
        made.modified = self._clock()
        try:
            if made.package is None:
                made.status, made.started = "InProgress", self._clock()
                missing = made.options.missing_allowed
                made.package = read_package(made.data, missing_allowed=missing)
                made.data = b""
            elif made.asked > _STEPS:
                self._carry_out(made, made.package)
        except PackageRefused as refused:
            made.error = (refused.code, str(refused))
            self._close(made, "Failed")

    def _carry_out(self, made: Deployment, package: Package) -> None:
        org = self._org
        with org.store.lock:
            setting = Setting(org.catalog, org.shape, org.standard_objects, self._clock(), made.user)
            found = outcome(package, setting)
            failed = bool(found.failures)
            kept = not made.options.check_only and not (failed and made.options.rollback)
            made.successes = [self._success(success, found) for success in found.successes]
            made.failures = [_failure(problem, self._clock()) for problem in found.failures]
            if kept:
                org.install(found.catalog)
        status = "Succeeded" if not failed else "Failed" if made.options.rollback else "SucceededPartial"
        self._close(made, status)

    def _close(self, made: Deployment, status: str) -> None:
        made.status, made.completed, made.modified = status, self._clock(), self._clock()

    def _success(self, success: Success, found: Outcome) -> dict[str, Any]:
        before = self._org.catalog.kept(*success.name)
        kept = found.catalog.kept(*success.name) or before
        told = _message(success.name.type, success.name.full, success.file, self._clock())
        told |= {"changed": success.changed, "created": success.created, "deleted": success.deleted}
        told |= {"id": kept.id if kept else None, "success": True}
        if success.warning:
            told |= {"problem": success.warning, "problemType": "Warning"}
        return told


def _failure(problem: Problem, now: str) -> dict[str, Any]:
    told = _message(problem.type, problem.full, problem.file, now)
    told |= {"problem": problem.message, "problemType": "Error"}
    if problem.line:
        told |= {"lineNumber": problem.line, "columnNumber": problem.column}
    return told


def _message(type_: str, full: str, file: str, now: str) -> dict[str, Any]:
    return {
        "changed": False,
        "componentType": type_,
        "created": False,
        "createdDate": now,
        "deleted": False,
        "fileName": file,
        "fullName": full,
        "success": False,
    }
