"""Getting in: the settings, the login, the right org, an API version it speaks, the same time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from connector.clients.salesforce import LoginRefused
from connector.clients.salesforce.login import require_usable_key
from connector.doctor.result import CheckResult, NotAsked, compared, failed, ok, warning
from connector.doctor.salesforce.org_context import OrgContext
from connector.errors import SetupError
from connector.settings import SALESFORCE_API_VERSION

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
