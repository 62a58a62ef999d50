"""Looking: areas side by side, an area's checks one after the other, none for longer than its time, none raising."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from connector.doctor.result import Area, Check, CheckResult, Finding, NotAsked, State, failed, skipped
from connector.errors import CasewireError, Transient, Unavailable

CHECK_SECONDS: Final = 20.0
AREA_SECONDS: Final = 60.0
_NETWORK: Final = frozenset({"unreachable", "tls", "timeout", "network"})
_IN_BETWEEN: Final = frozenset({"not_json", "not_a_list", "unreadable_answer"})
_RATE_LIMITED: Final = "rate_limited"
"""Codes of the clients' errors."""
_CHECK_NETWORK: Final = (
    "Check the network, the firewall and the proxy of this machine, and the address in the settings. No key has to be "
    "changed for it."
)
_CHECK_ADDRESS: Final = (
    "Check the address in the settings, and what answers there: a proxy may do so in its place."
)
_LATER: Final = "Nothing is wrong here: run casewire doctor again in a few minutes."
_NO_TIME: Final = "not checked: the checks before it took too long"
_AGAIN: Final = "Run casewire doctor again; if it stays so, what the checks before it ask answers slowly."


def look_at(
    areas: Sequence[Area], *, check_seconds: float = CHECK_SECONDS, area_seconds: float = AREA_SECONDS
) -> list[Finding]:
    """What was found, in the order of the areas."""
    found: list[list[Finding]] = [[] for _ in areas]

    def look(number: int) -> None:
        found[number] = list(_examined(areas[number], check_seconds, time.monotonic() + area_seconds))

    threads = [
        threading.Thread(target=look, args=(number,), name=f"doctor-{area.name}", daemon=True)
        for number, area in enumerate(areas)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [finding for findings in found for finding in findings]


def not_asked(area: str, why: str, name: str = "") -> Finding:
    return Finding(area, name, State.SKIPPED, why)


def _examined(area: Area, check_seconds: float, deadline: float) -> Iterator[Finding]:
    closed = ""
    try:
        for check in area.checks:
            if not closed and time.monotonic() > deadline:
                yield Finding(area.name, check.name, State.FAILED, _NO_TIME, _AGAIN)
                continue
            if closed:
                yield not_asked(area.name, closed, check.name)
                continue
            told = _bounded(check, check_seconds)
            if check.gate:
                told = tuple(_required(check, one) for one in told)
            yield from (_finding(area, check, one) for one in told)
            if check.gate and any(one.state is State.FAILED for one in told):
                closed = f"it needs {check.name}"
    finally:
        area.close()


def _finding(area: Area, check: Check, told: CheckResult) -> Finding:
    name = f"{check.name}: {told.about}" if told.about else check.name
    return Finding(area.name, name, told.state, told.text, told.mend, told.stopped)


def _required(check: Check, told: CheckResult) -> CheckResult:
    """What could not be checked and others depend on is not known to be good: the installation is not either."""
    if told.state is not State.SKIPPED:
        return told
    return replace(told, state=State.FAILED, mend=told.mend or check.mend)


def _bounded(check: Check, seconds: float) -> tuple[CheckResult, ...]:
    """The check in a thread of its own, which is left behind if it does not end in time."""
    told: list[tuple[CheckResult, ...]] = []
    thread = threading.Thread(target=lambda: told.append(_looked(check)), name=check.name, daemon=True)
    thread.start()
    thread.join(seconds)
    return told[0] if told else (failed(f"no answer within {seconds:.0f} s", check.mend),)


def _looked(check: Check) -> tuple[CheckResult, ...]:
    """``except Exception`` as at the border of a job: whatever a check runs into is a finding, its last."""
    told: list[CheckResult] = []
    try:
        told.extend(check.look())
    except NotAsked as why:
        told.append(skipped(str(why)))
    except CasewireError as error:
        told.append(failed(str(error), advice(error, check.mend)))
    except Exception as error:  # noqa: BLE001
        told.append(failed(_first_line(error), check.mend))
    return tuple(told)


def advice(error: CasewireError, otherwise: str) -> str:
    """What to do about an error by its code: a network that is down is not mended by another key. ``otherwise``: what
    helps with a refusal."""
    if not isinstance(error, Transient):
        return otherwise
    if error.code in _NETWORK:
        return _CHECK_NETWORK
    if error.code in _IN_BETWEEN:
        return _CHECK_ADDRESS
    if error.code == _RATE_LIMITED or not isinstance(error, Unavailable):
        return _LATER
    return otherwise


def _first_line(error: Exception) -> str:
    """Without the statement or the values that drivers add in further lines."""
    said = str(error.__cause__ or error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
