"""How to reach one org."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connector.errors import SetupError
from connector.settings import SALESFORCE_API_VERSION


@dataclass(frozen=True, slots=True)
class SalesforceConfig:
    """Client credentials (``client_secret``) or JWT bearer (``username`` and ``jwt_key``, a PEM or its path).

    ``login_url``: the org's My Domain (``https://acme.my.salesforce.com``), which client credentials need, or
    ``http://127.0.0.1:<port>`` for a sandbox on this machine. ``org_id``: the only org that may be written to.
    ``timeout``: seconds for one answer.
    """

    login_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    jwt_key: str | None = field(default=None, repr=False)
    org_id: str | None = None
    api_version: str = SALESFORCE_API_VERSION
    timeout: float = 60.0

    def __post_init__(self) -> None:
        """SetupError that names the wrong setting."""
        parts = urlsplit(self.login_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SetupError(
                f"SALESFORCE_LOGIN_URL is {self.login_url!r}; it must be like https://acme.my.salesforce.com."
            )
        if not self.client_id:
            raise SetupError(
                "SALESFORCE_CLIENT_ID is empty: set the consumer key of the external client app."
            )
        if not self.client_secret and not (self.username and self.jwt_key):
            raise SetupError(
                "Set SALESFORCE_CLIENT_SECRET, or SALESFORCE_USERNAME and SALESFORCE_JWT_KEY, to log in."
            )
        if self.org_id and len(self.org_id) not in (15, 18):
            raise SetupError("SALESFORCE_ORG_ID must be an org id of 15 or 18 characters (Setup > Company).")

    @property
    def origin(self) -> str:
        """The login URL without a trailing slash."""
        return self.login_url.rstrip("/")

    @property
    def secret(self) -> str:
        """The secret that this installation shares with Salesforce's app."""
        return self.client_secret or self.jwt_key or ""

    def check_org(self, org_id: str) -> None:
        """SetupError unless this is the pinned org. An id of 15 characters is the start of the one of 18."""
        if self.org_id and org_id[:15] != self.org_id[:15]:
            raise SetupError(
                f"This login is for the org {org_id or '(unknown)'}, but SALESFORCE_ORG_ID is {self.org_id}: "
                "nothing was written. Correct the login, or SALESFORCE_ORG_ID if the org is meant."
            )
