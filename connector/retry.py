"""Every retry and every wait for a condition: policies on tenacity, so that nothing waits in a loop of its own.

Loops that work while they wait (the scheduler, a worker's urgent work during a bulk job) are not retries and stay where
they are. ``tests/test_retry.py`` lists them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_exception_type, retry_if_result
from tenacity.stop import stop_after_attempt, stop_after_delay, stop_never
from tenacity.wait import wait_fixed

from connector.errors import Transient, Unavailable

T = TypeVar("T")

AWAY: Final = (Transient, OperationalError, InterfaceError)
"""Errors that may be temporary."""
LONGEST: Final = 60.0
GROWTH: Final = 2.0
FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 300.0


# While a vendor or PostgreSQL is unavailable ----------------------------------------------------------------------


@dataclass(slots=True)
class RetryPolicy:
    """Growing pauses while a vendor or PostgreSQL is unavailable, limited in total while nothing succeeds.

    ``within``: maximum of seconds to wait without a success in between. An error before the first success is raised at
    once, as the destination may be misconfigured; ``from_the_start``: wait there, too.
    """

    sleep: Callable[[float], None]
    report: Callable[[str], None]
    within: float = 600.0
    from_the_start: bool = False
    _waited: float = 0.0
    _next: float = 1.0
    _worked: bool = False

    def done(self) -> None:
        """Record a success: reset the waits."""
        self._waited, self._next, self._worked = 0.0, 1.0, True

    def attempts(self, errors: tuple[type[Exception], ...] = AWAY) -> Retrying:
        """The attempts at one piece of work; the last error is raised. All pieces share the waits."""
        return Retrying(
            retry=retry_if_exception_type(errors),
            wait=self._pause,
            stop=self._is_exhausted,
            before_sleep=self._report,
            sleep=self._sleep,
            reraise=True,
        )

    def _pause(self, state: RetryCallState) -> float:
        return max(self._next, requested_seconds(_error(state)) or 0.0)

    def _is_exhausted(self, state: RetryCallState) -> bool:
        never_worked = not (self._worked or self.from_the_start)
        return never_worked or self._waited + state.upcoming_sleep > self.within

    def _report(self, state: RetryCallState) -> None:
        self.report(f"{_described(_error(state))} Trying again in {state.upcoming_sleep:.0f} s.")

    def _sleep(self, seconds: float) -> None:
        self.sleep(seconds)
        self._waited += seconds
        self._next = min(self._next * GROWTH, LONGEST)


def attempts(policy: RetryPolicy | None, errors: tuple[type[Exception], ...] = AWAY) -> Retrying:
    """The attempts of a policy; without one a single attempt."""
    return policy.attempts(errors) if policy else Retrying(stop=stop_after_attempt(1), reraise=True)


def while_unavailable(
    waits: int, seconds: float, sleep: Callable[[float], None], report: Callable[[float, BaseException], None]
) -> Retrying:
    """Retry when a destination is unavailable: after the time that it names, else after ``seconds``.

    After so many waits the error is raised.
    """
    return Retrying(
        retry=retry_if_exception_type(Unavailable),
        wait=lambda state: requested_seconds(_error(state)) or seconds,
        stop=stop_after_attempt(waits + 1),
        before_sleep=lambda state: report(state.upcoming_sleep, _error(state)),
        sleep=sleep,
        reraise=True,
    )


def while_ledger_is_away(seconds: float, interval: float) -> Retrying:
    """Retry when PostgreSQL does not answer. The last error is raised after ``seconds``."""
    return Retrying(
        retry=retry_if_exception_type(SQLAlchemyError),
        wait=wait_fixed(interval),
        stop=stop_after_delay(seconds),
        sleep=time.sleep,
        reraise=True,
    )


def once_more(when: Callable[[BaseException], bool]) -> Retrying:
    """Retry once and at once, if the error is of this kind."""
    return Retrying(retry=retry_if_exception(when), stop=stop_after_attempt(2), reraise=True)


def requested_seconds(error: BaseException) -> float | None:
    """For how long a destination asks to be left alone."""
    return getattr(error, "retry_after", None)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None
    return error


def _described(error: BaseException) -> str:
    """The error for an operator."""
    if isinstance(error, Transient):
        return str(error)
    return f"PostgreSQL does not answer: {str(error.__cause__ or error).strip().partition(chr(10))[0]}."


def backoff(tries: int, jitter: random.Random | None = None) -> float:
    """Seconds before try ``tries + 1``: doubling from 2 s to 5 min, by up to half shorter at random, so that
    work that failed together does not come back together."""
    longest = min(FIRST_SECONDS * 2.0 ** max(tries - 1, 0), LONGEST_SECONDS)
    return longest * (0.5 + 0.5 * (jitter or random.Random()).random())


# Until a condition is met -----------------------------------------------------------------------------------------


def wait_until(
    is_met: Callable[[], bool],
    *,
    seconds: float | None = None,
    interval: float = 0.0,
    sleep: Callable[[float], Any] | None = None,
) -> bool:
    """Check the condition until it is met, every ``interval`` seconds; return False after ``seconds``, if given."""
    return Retrying(
        retry=retry_if_result(lambda met: not met),
        wait=wait_fixed(interval),
        stop=stop_never if seconds is None else stop_after_delay(seconds),
        sleep=sleep or time.sleep,
        retry_error_callback=lambda _: False,
    )(is_met)


class Pauses:
    """A fixed list of pauses, shared by several pieces of work: each pause is used once."""

    def __init__(self, pauses: Sequence[float], sleep: Callable[[float], object] | None = None) -> None:
        self._left = list(pauses)
        self._sleep = sleep or time.sleep

    def until_result(self, attempt: Callable[[], T | None]) -> T | None:
        """Try until there is a result; None once no pause is left."""
        retrying = Retrying(
            retry=retry_if_result(lambda result: result is None),
            wait=lambda _: self._left[0] if self._left else 0.0,
            stop=lambda _: not self._left,
            sleep=self._pause,
            retry_error_callback=lambda _: None,
        )
        return retrying(attempt)

    def _pause(self, seconds: float) -> None:
        del self._left[0]
        self._sleep(seconds)
