"""Ask, look at once whether the answers are good, and ask again if they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from connector.cli.doctor import tell_one
from connector.cli.init.prompts import Answers
from connector.doctor import Finding, State
from connector.doctor.result import Area
from connector.doctor.runner import look_at


def asked(answers: Answers, questions: Callable[[], Area]) -> bool:
    """Whether they are good in the end. ``questions`` gives what to look at."""
    while True:
        if told(look_at([questions()])):
            return True
        if not answers.again("Answer these again?"):
            return False


def told(found: Iterable[Finding]) -> bool:
    """Says what was found; whether nothing failed."""
    shown = [one for one in found if one.state is not State.SKIPPED or one.mend]
    for one in shown:
        tell_one(one)
    return not any(one.state is State.FAILED for one in shown)
