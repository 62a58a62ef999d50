"""The options by which commands are told which accounts, and what they mean."""

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
KEPT: Final = 100
"""So many of the accounts that were named are kept in the audit trail by name."""


def choosing(command: F) -> F:
    """The options that say which accounts; ``Asked(**options)`` takes them."""
    for option in (
        click.option(
            "--site",
            help="Only this Recurly site: alone all of it that the ledger knows. Codes need it if there are several.",
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
    """What was said on the command line. UsageError where nothing was."""

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
                "Say which accounts: their codes, --file, --since, --rule, --state, --site, or --all."
            )

    @property
    def are_named(self) -> bool:
        return bool(self.accounts or self.file)

    def kept(self, named: Sequence[Due]) -> dict[str, Any]:
        """As the audit trail keeps it."""
        said: Mapping[str, Any] = {
            "accounts": [one.key for one in named[:KEPT]],
            "accounts_named": len(named),
            "since": self.since.isoformat() if self.since else None,
            "all": self.all_,
            "rule": self.rule,
            "state": self.state,
            "site": self.site,
        }
        return {name: value for name, value in said.items() if value}


def choice(container: Container, asked: AccountOptions) -> Choice:
    """The accounts that are meant. Raises UsageError for what cannot be meant."""
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
    """What was named by codes or whole keys, each once, in this order."""
    texts = [code for one in asked.accounts for code in _told(one)] + (
        codes.read(asked.file) if asked.file else []
    )
    with container.engine.connect() as connection:
        whole = SubjectFilter(keys=[text for text in texts if ":" in text])
        known = {one.key: one for one in subject_query.walk(connection, whole, "", len(texts))}
    found: dict[str, Due] = {}
    for text in texts:
        due = known.get(text) or _account(text, asked.site, sites)
        if asked.site is None or due.site == asked.site:
            found.setdefault(due.key, due)
    return tuple(found.values())


def _told(text: str) -> list[str]:
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
    return click.UsageError(f"Say which site: {named or 'none is configured'}.")
