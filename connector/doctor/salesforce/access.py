"""Checks of the connection: settings, login, pinned org, API version, clock, API calls and storage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from connector.clients.salesforce import LoginRefused
from connector.clients.salesforce.login import require_usable_key
from connector.doctor.result import CheckResult, CheckSkipped, clock_skew, failed, ok, warning
from connector.doctor.salesforce.org_context import OrgContext
from connector.errors import SetupError
from connector.ledger.api_usage import ApiUsage as Usage
from connector.models.events import Urgency
from connector.settings import SALESFORCE_API_VERSION
from connector.sync.availability.api_budget import in_words, level

SETTINGS_FIX: Final = "Fill in the block Salesforce of .env, or run casewire init."
_VERSION: Final = re.compile(r"\d+\.0")
KEY_FIX: Final = (
    "Let SALESFORCE_JWT_KEY name the PEM file of the app's private key, which Casewire's user may read (a relative "
    "path starts at {folder}), or set it to the PEM itself, with \\n for the ends of lines."
)
LOGIN_FIX: Final = "Check the network and the proxy of this machine, and SALESFORCE_LOGIN_URL."
OUT_FIX: Final = (
    "Nothing is lost: deliveries are recorded, the work waits and continues by itself. If it lasts, see "
    "https://status.salesforce.com."
)


def settings(context: OrgContext) -> Iterator[CheckResult]:
    """Also checks the JWT key: without it no request is made, so the network cannot be the cause."""
    config = context.config
    try:
        require_usable_key(config)
    except SetupError as error:
        yield failed(str(error), KEY_FIX.format(folder=Path.cwd()))
        return
    flow = "client credentials" if config.client_secret else f"JWT bearer as {config.username}"
    yield ok(f"{config.origin}, {flow}")


def login(context: OrgContext) -> Iterator[CheckResult]:
    try:
        org = context.client.org_id
    except LoginRefused as refused:
        yield failed(refused.cause, f"{_capital(refused.fix)}.")
        return
    except SetupError as error:
        yield failed(str(error), SETTINGS_FIX)
        return
    yield ok(f"logged in to {org or 'an org that does not report its id'}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def org(context: OrgContext) -> Iterator[CheckResult]:
    pinned, found = context.config.org_id, context.client.org_id
    if not pinned:
        yield warning("any org would be written to", f"Add to .env: SALESFORCE_ORG_ID={found}")
    elif pinned[:15] != found[:15]:
        yield failed(
            f"the login is for the org {found}, and SALESFORCE_ORG_ID is {pinned}: nothing is written",
            f"Correct the login if {pinned} is meant; if {found} is, set SALESFORCE_ORG_ID={found} in .env.",
        )
    else:
        yield ok(f"{found}, as pinned")


def version(context: OrgContext) -> Iterator[CheckResult]:
    """Recommends the version that Casewire is made for, if the org supports it, and not the newest of the org."""
    newest, ours = context.client.versions(), context.config.api_version
    best = min(SALESFORCE_API_VERSION, newest, key=float)
    remove = f", or remove it: {best} is the default" if best == SALESFORCE_API_VERSION else ""
    fix = f"Set SALESFORCE_API_VERSION={best} in .env{remove}."
    if not _VERSION.fullmatch(ours):
        yield failed(f"{ours!r} is not a version of the API", fix)
    elif float(ours) > float(newest):
        yield failed(f"the org does not support version {ours} of the API, only up to {newest}", fix)
    elif float(ours) < float(best):
        yield warning(
            f"version {ours} of the API is older than Casewire is made for ({SALESFORCE_API_VERSION})", fix
        )
    else:
        yield ok(f"{ours}; the org supports up to {newest}")


def clock(context: OrgContext) -> Iterator[CheckResult]:
    skew = context.client.skew
    if skew is None:
        raise CheckSkipped("Salesforce's responses have no Date header")
    yield clock_skew("Salesforce's clock", skew)


_LESS: Final = (
    "Find who calls so much (Setup > Company Information > API Requests, Setup > API Usage), reduce its calls, or "
    "buy more calls. Waiting work continues by itself."
)
_FULL: Final = 0.1


def calls(context: OrgContext) -> Iterator[CheckResult]:
    left, most = _used_of(context, "DailyApiRequests")
    usage, settings = Usage(most - left, most, 0.0), context.policy.budget
    line = in_words(usage, settings)
    match level(usage, settings):
        case Urgency.ROUTINE:
            yield ok(line)
        case Urgency.FAILURE:
            yield warning(line, _LESS)
        case _:
            yield failed(line, _LESS)


def storage(context: OrgContext) -> Iterator[CheckResult]:
    left, most = _used_of(context, "DataStorageMB")
    text = f"{left:,} of {most:,} MB of data storage left"
    fix = "Delete or archive records (Setup > Storage Usage), or buy storage."
    if left <= 0:
        yield failed(f"{text}: no record can be made", fix)
    elif left < most * _FULL:
        yield warning(text, fix)
    else:
        yield ok(text)


def _used_of(context: OrgContext, name: str) -> tuple[int, int]:
    found: Mapping[str, int] | None = context.client.limits().get(name)
    if not found:
        raise CheckSkipped(f"the org does not show {name} to the integration user")
    return int(found["Remaining"]), int(found["Max"])
