"""How far this machine's clock is from another's."""

from __future__ import annotations

from typing import Final

from connector.doctor.result import CheckResult, failed, ok, warning

BEARABLE_SECONDS: Final = 30
WRONG_SECONDS: Final = 120
"""A login by JWT is good for three minutes, Stripe's signatures for five."""

_MEND: Final = (
    "Set the clock of this machine by the network (chrony or systemd-timesyncd), or that of the other one: "
    "signatures and logins hold for minutes only."
)


def compared(whose: str, ahead: float) -> CheckResult:
    """``ahead``: how many seconds the other clock is ahead of ours."""
    seconds = abs(ahead)
    if seconds < BEARABLE_SECONDS:
        return ok(f"within {max(1, round(seconds))} s of {whose}")
    told = f"this machine's clock is {'behind' if ahead > 0 else 'ahead of'} {whose} by {seconds:.0f} s"
    return failed(told, _MEND) if seconds >= WRONG_SECONDS else warning(told, _MEND)
