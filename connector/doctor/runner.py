"""Runs checks: areas in parallel, the checks of an area in order with a time limit; exceptions become findings."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from connector.doctor.result import Area, Check, CheckResult, CheckSkipped, Finding, State, failed, skipped
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
    "Check the address in the settings, and which server answers there: it may be a proxy."
)
_LATER: Final = "Nothing is wrong here: run casewire doctor again in a few minutes."
_NO_TIME: Final = "not checked: the checks before it took too long"
_AGAIN: Final = (
    "Run casewire doctor again; if it fails again, the service of the checks before it answers slowly."
)


def run_checks(
    areas: Sequence[Area], *, check_seconds: float = CHECK_SECONDS, area_seconds: float = AREA_SECONDS
) -> list[Finding]:
    """The findings, in the order of the areas."""
    found: list[list[Finding]] = [[] for _ in areas]

    def run_one(number: int) -> None:
        found[number] = list(_run_area(areas[number], check_seconds, time.monotonic() + area_seconds))

    threads = [
        threading.Thread(target=run_one, args=(number,), name=f"doctor-{area.name}", daemon=True)
        for number, area in enumerate(areas)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [finding for findings in found for finding in findings]


def skipped_finding(area: str, why: str, name: str = "") -> Finding:
    return Finding(area, name, State.SKIPPED, why)


def _run_area(area: Area, check_seconds: float, deadline: float) -> Iterator[Finding]:
    closed = ""
    try:
        for check in area.checks:
            if not closed and time.monotonic() > deadline:
                yield Finding(area.name, check.name, State.FAILED, _NO_TIME, _AGAIN)
                continue
            if closed:
                yield skipped_finding(area.name, closed, check.name)
                continue
            results = _run_with_timeout(check, check_seconds)
            if check.gate:
                results = tuple(_fail_if_skipped(check, one) for one in results)
            yield from (_finding(area, check, one) for one in results)
            if check.gate and any(one.state is State.FAILED for one in results):
                closed = f"it needs {check.name}"
    finally:
        area.close()


def _finding(area: Area, check: Check, result: CheckResult) -> Finding:
    name = f"{check.name}: {result.about}" if result.about else check.name
    return Finding(area.name, name, result.state, result.text, result.fix, result.stopped)


def _fail_if_skipped(check: Check, result: CheckResult) -> CheckResult:
    """A gate that was skipped fails: without its result the installation cannot be called ok."""
    if result.state is not State.SKIPPED:
        return result
    return replace(result, state=State.FAILED, fix=result.fix or check.fix)


def _run_with_timeout(check: Check, seconds: float) -> tuple[CheckResult, ...]:
    """Run the check in a thread of its own, which is abandoned if it does not end in time."""
    results: list[tuple[CheckResult, ...]] = []
    thread = threading.Thread(target=lambda: results.append(_run_check(check)), name=check.name, daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else (failed(f"no answer within {seconds:.0f} s", check.fix),)


def _run_check(check: Check) -> tuple[CheckResult, ...]:
    """Catches every exception, as at the border of a job: it becomes the last result of the check."""
    results: list[CheckResult] = []
    try:
        results.extend(check.run())
    except CheckSkipped as why:
        results.append(skipped(str(why)))
    except CasewireError as error:
        results.append(failed(str(error), advice(error, check.fix)))
    except Exception as error:  # noqa: BLE001
        results.append(failed(_first_line(error), check.fix))
    return tuple(results)


def advice(error: CasewireError, otherwise: str) -> str:
    """Advice by the code of the error: another key does not help if the network is down. ``otherwise``: the advice for
    a refusal."""
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
    line = str(error.__cause__ or error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
