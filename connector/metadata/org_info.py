"""Which org it is, as a person recognises it before anything is changed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

_ASK: Final = "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization"
_FOR_TESTS: Final = "Developer Edition"


class OrgInfo(Protocol):
    """Who is logged in."""

    @property
    def user_id(self) -> str:
        """The user's id."""

    @property
    def username(self) -> str:
        """The user's name, which looks like an e-mail address."""


class OrgReader(Protocol):
    """What is asked to find out."""

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows."""

    def identity(self) -> OrgInfo:
        """Who is logged in."""


@dataclass(frozen=True, slots=True)
class Target:
    """One org and who is logged in to it. ``production``: people work in it."""

    id: str
    name: str
    kind: str
    production: bool
    user: str
    user_id: str

    def __str__(self) -> str:
        what = f"production, {self.kind}" if self.production else f"{self.kind}, not production"
        return f"{self.name} ({self.id}; {what}), logged in as {self.user}"


def target(api: OrgReader) -> Target:
    """Two calls. A scratch or developer org is no sandbox, and nobody's production either."""
    (row,) = api.query(_ASK)
    who = api.identity()
    sandbox, edition = bool(row["IsSandbox"]), str(row["OrganizationType"])
    return Target(
        id=str(row["Id"]),
        name=str(row["Name"]),
        kind="sandbox" if sandbox else edition,
        production=not sandbox and edition != _FOR_TESTS,
        user=who.username,
        user_id=who.user_id,
    )
