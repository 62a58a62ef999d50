"""What is left of the org's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from connector.doctor.result import CheckResult, NotAsked, failed, ok, warning
from connector.doctor.salesforce.org_context import OrgContext
from connector.ledger.api_usage import ApiUsage as Usage
from connector.models.events import Urgency
from connector.sync.availability.api_budget import in_words, level

_LESS: Final = (
    "Find who calls so much (Setup > Company Information > API Requests, Setup > API Usage), let it call less, or "
    "buy more calls. What waits goes on by itself."
)
_FULL: Final = 0.1


def calls(look: OrgContext) -> Iterator[CheckResult]:
    left, most = _of(look, "DailyApiRequests")
    told, settings = Usage(most - left, most, 0.0), look.policy.budget
    line = in_words(told, settings)
    match level(told, settings):
        case Urgency.ROUTINE:
            yield ok(line)
        case Urgency.FAILURE:
            yield warning(line, _LESS)
        case _:
            yield failed(line, _LESS)


def storage(look: OrgContext) -> Iterator[CheckResult]:
    left, most = _of(look, "DataStorageMB")
    told = f"{left:,} of {most:,} MB of data storage left"
    mend = "Delete or archive records (Setup > Storage Usage), or buy storage."
    if left <= 0:
        yield failed(f"{told}: no record can be made", mend)
    elif left < most * _FULL:
        yield warning(told, mend)
    else:
        yield ok(told)


def _of(look: OrgContext, name: str) -> tuple[int, int]:
    found: Mapping[str, int] | None = look.client.limits().get(name)
    if not found:
        raise NotAsked(f"the org does not tell {name} to the integration user")
    return int(found["Remaining"]), int(found["Max"])
