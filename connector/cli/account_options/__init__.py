"""Options that select accounts, shared by several commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from connector.cli.account_options import codes
from connector.cli.output.console import Time
from connector.container import Container
from connector.errors import SetupError
from connector.ledger import subject_query
from connector.ledger.subject_query import STATES, SubjectFilter
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.policy import Rules
from connector.sync.resync.account_selection import Choice

F = TypeVar("F", bound=Callable[..., Any])

SOURCE: Final = "recurly"
STDIN: Final = "-"
MAX_NAMED: Final = 100
"""The audit trail lists at most this many of the named accounts."""


def with_account_options(command: F) -> F:
    """Add the options that select accounts; ``AccountOptions(**options)`` takes their values."""
    for option in (
        click.option(
            "--site",
            help="Only this Recurly site; alone: all its accounts in the ledger. Needed for codes with several sites.",
        ),
        click.option(
            "--state",
            type=click.Choice(STATES),
            help="Only with an invoice past due, or an open dispute or chargeback.",
        ),
        click.option(
            "--rule",
            type=click.Choice(sorted(Rules.model_fields)),
            help="Only with an open case of this policy rule.",
        ),
        click.option("--all", "all_", is_flag=True, help="Every account, read by Recurly's change feed."),
        click.option(
            "--since",
            type=Time(past=True),
            help="What changed since, by Recurly's change feed: 2026-11-01, 36h, 7d.",
        ),
        click.option(
            "--file", "file", metavar="F", help="The codes in this file, one a line or a CSV's first column."
        ),
        click.argument("accounts", nargs=-1, metavar="[ACCOUNT]..."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Values of the options. UsageError if none is given."""

    accounts: tuple[str, ...]
    file: str | None
    since: datetime | None
    all_: bool
    rule: str | None
    state: str | None
    site: str | None

    def __post_init__(self) -> None:
        if not any((self.accounts, self.file, self.since, self.all_, self.rule, self.state, self.site)):
            raise click.UsageError(
                "Name the accounts: their codes, --file, --since, --rule, --state, --site, or --all."
            )

    @property
    def are_named(self) -> bool:
        return bool(self.accounts or self.file)

    def audit_options(self, named: Sequence[Due]) -> dict[str, Any]:
        """The options as the audit trail records them."""
        options: Mapping[str, Any] = {
            "accounts": [one.key for one in named[:MAX_NAMED]],
            "accounts_named": len(named),
            "since": self.since.isoformat() if self.since else None,
            "all": self.all_,
            "rule": self.rule,
            "state": self.state,
            "site": self.site,
        }
        return {name: value for name, value in options.items() if value}


def choice(container: Container, asked: AccountOptions) -> Choice:
    """The selection of accounts. Raises UsageError for an unknown site, SetupError if no site is configured."""
    sites = [one.name for one in container.settings.recurly]
    if asked.site is not None and asked.site not in sites:
        raise _which_site(sites)
    if (asked.since or asked.all_) and not sites:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE and RECURLY_API_KEY.")
    read = [asked.site] if asked.site else sites
    return Choice(
        sites=tuple((SOURCE, name) for name in read),
        site=asked.site,
        named=_named(container, asked, sites) if asked.are_named else None,
        since=asked.since,
        everything=asked.all_,
        rule=asked.rule,
        state=asked.state,
    )


def _named(container: Container, asked: AccountOptions, sites: Sequence[str]) -> tuple[Due, ...]:
    """Accounts named by code or full key, each once, in the given order."""
    texts = [code for one in asked.accounts for code in _codes_of(one)] + (
        codes.read(asked.file) if asked.file else []
    )
    with container.engine.connect() as connection:
        whole = SubjectFilter(keys=[text for text in texts if ":" in text])
        existing = {one.key: one for one in subject_query.walk(connection, whole, "", len(texts))}
    found: dict[str, Due] = {}
    for text in texts:
        due = existing.get(text) or _account(text, asked.site, sites)
        if asked.site is None or due.site == asked.site:
            found.setdefault(due.key, due)
    return tuple(found.values())


def _codes_of(text: str) -> list[str]:
    return codes.read(STDIN) if text == STDIN else [codes.code(text, repr(text[:40]))]


def _account(text: str, site: str | None, sites: Sequence[str]) -> Due:
    source, named_site, code = external_ids.account_of(text)
    if source != SOURCE or named_site not in sites or not code:
        named_site, code = _site(site, sites), text
    return Due(external_ids.subject(SOURCE, named_site, code), SOURCE, named_site, code, Urgency.ROUTINE)


def _site(site: str | None, sites: Sequence[str]) -> str:
    if not sites:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE and RECURLY_API_KEY.")
    if site is None and len(sites) > 1:
        raise _which_site(sites)
    return site or sites[0]


def _which_site(sites: Sequence[str]) -> click.UsageError:
    named = " or ".join(f"--site {name}" for name in sites)
    return click.UsageError(f"Choose a site: {named or 'none is configured'}.")
