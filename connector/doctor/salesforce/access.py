"""Getting in: the settings, the login, the right org, an API version it speaks, the same time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from connector.clients.salesforce import LoginRefused
from connector.clients.salesforce.login import require_usable_key
from connector.doctor.result import CheckResult, NotAsked, compared, failed, ok, warning
from connector.doctor.salesforce.org_context import OrgContext
from connector.errors import SetupError
from connector.ledger.api_usage import ApiUsage as Usage
from connector.models.events import Urgency
from connector.settings import SALESFORCE_API_VERSION
from connector.sync.availability.api_budget import in_words, level

SETTINGS_MEND: Final = "Fill in the block Salesforce of .env, or run casewire init."
_VERSION: Final = re.compile(r"\d+\.0")
KEY_MEND: Final = (
    "Let SALESFORCE_JWT_KEY name the PEM file of the app's private key, which Casewire's user may read (a relative "
    "path starts at {folder}), or set it to the PEM itself, with \\n for the ends of lines."
)
LOGIN_MEND: Final = "Check the network and the proxy of this machine, and SALESFORCE_LOGIN_URL."
OUT_MEND: Final = (
    "Nothing is lost: deliveries are recorded, the work waits and goes on by itself. If it lasts, look at "
    "https://status.salesforce.com."
)


def settings(look: OrgContext) -> Iterator[CheckResult]:
    """The key too: without it nobody is asked, so that it has nothing to do with the network."""
    config = look.config
    try:
        require_usable_key(config)
    except SetupError as error:
        yield failed(str(error), KEY_MEND.format(folder=Path.cwd()))
        return
    flow = "client credentials" if config.client_secret else f"JWT bearer as {config.username}"
    yield ok(f"{config.origin}, {flow}")


def login(look: OrgContext) -> Iterator[CheckResult]:
    try:
        org = look.client.org_id
    except LoginRefused as refused:
        yield failed(refused.cause, f"{_capital(refused.mend)}.")
        return
    except SetupError as error:
        yield failed(str(error), SETTINGS_MEND)
        return
    yield ok(f"logged in to {org or 'an org that does not say its id'}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def org(look: OrgContext) -> Iterator[CheckResult]:
    pinned, found = look.config.org_id, look.client.org_id
    if not pinned:
        yield warning("any org would be written to", f"Add to .env: SALESFORCE_ORG_ID={found}")
    elif pinned[:15] != found[:15]:
        yield failed(
            f"the login is for the org {found}, and SALESFORCE_ORG_ID is {pinned}: nothing is written",
            f"Mend the login if {pinned} is meant; if {found} is, set SALESFORCE_ORG_ID={found} in .env.",
        )
    else:
        yield ok(f"{found}, as pinned")


def version(look: OrgContext) -> Iterator[CheckResult]:
    """The version Casewire is made for is advised wherever the org speaks it, and not the org's newest."""
    newest, ours = look.client.versions(), look.config.api_version
    best = min(SALESFORCE_API_VERSION, newest, key=float)
    remove = f", or remove it: {best} is the default" if best == SALESFORCE_API_VERSION else ""
    mend = f"Set SALESFORCE_API_VERSION={best} in .env{remove}."
    if not _VERSION.fullmatch(ours):
        yield failed(f"{ours!r} is not a version of the API", mend)
    elif float(ours) > float(newest):
        yield failed(f"the org does not speak version {ours} of the API, only up to {newest}", mend)
    elif float(ours) < float(best):
        yield warning(
            f"version {ours} of the API is older than Casewire is made for ({SALESFORCE_API_VERSION})", mend
        )
    else:
        yield ok(f"{ours}; the org speaks up to {newest}")


def clock(look: OrgContext) -> Iterator[CheckResult]:
    skew = look.client.skew
    if skew is None:
        raise NotAsked("Salesforce's answers bear no time")
    yield compared("Salesforce's clock", skew)


_LESS: Final = (
    "Find who calls so much (Setup > Company Information > API Requests, Setup > API Usage), let it call less, or "
    "buy more calls. What waits goes on by itself."
)
_FULL: Final = 0.1


def calls(look: OrgContext) -> Iterator[CheckResult]:
    left, most = _used_of(look, "DailyApiRequests")
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
    left, most = _used_of(look, "DataStorageMB")
    told = f"{left:,} of {most:,} MB of data storage left"
    mend = "Delete or archive records (Setup > Storage Usage), or buy storage."
    if left <= 0:
        yield failed(f"{told}: no record can be made", mend)
    elif left < most * _FULL:
        yield warning(told, mend)
    else:
        yield ok(told)


def _used_of(look: OrgContext, name: str) -> tuple[int, int]:
    found: Mapping[str, int] | None = look.client.limits().get(name)
    if not found:
        raise NotAsked(f"the org does not tell {name} to the integration user")
    return int(found["Remaining"]), int(found["Max"])
