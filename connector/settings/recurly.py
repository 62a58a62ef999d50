"""The settings of the Recurly sites."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from connector.errors import SetupError
from connector.sources.info import listed

RETENTION_15_DAYS_AND_ONE = 16 * 24 * 3600
"""Recurly keeps a delivery for 15 days and can send it again by hand, automatically for 3. Whether a retry is signed
with a new time is not documented. A replay is harmless: it is a duplicate."""


@dataclass(frozen=True, slots=True)
class RecurlySite:
    """One Recurly site: its name (subdomain), how to call it and how to trust what it posts. ``suffix``: what its
    settings end with."""

    name: str
    api_key: str = field(repr=False)
    region: str
    api_url: str | None
    webhook_secrets: tuple[str, ...] = field(repr=False)
    webhook_basic_auth: tuple[str, ...] = field(repr=False)
    webhook_tolerance: int
    suffix: str = ""

    def setting(self, name: str) -> str:
        """What one of its settings is called: ``RECURLY_API_KEY__ACME_EU``."""
        return f"{name}{self.suffix}"


def recurly_sites(environment: dict[str, str], more: tuple[str, ...]) -> tuple[RecurlySite, ...]:
    """Sites from ``RECURLY_SITE`` and, for each name of ``RECURLY_SITES``, the same variables with ``__NAME``.

    In a suffix every other character than a letter or digit is an underscore: ``acme-eu`` has ``__ACME_EU``.
    """
    sites = [recurly_site(environment, "")] if environment.get("RECURLY_SITE") else []
    sites += [recurly_site(environment, suffix(name), name) for name in more]
    names = [site.name for site in sites]
    for name in names:
        if names.count(name) > 1:
            raise SetupError(f"RECURLY_SITES: the site {name!r} is configured twice. Name each site once.")
    return tuple(sites)


def suffix(name: str) -> str:
    """What the settings of a further site end with: ``__ACME_EU`` for ``acme-eu``."""
    return f"__{re.sub(r'[^A-Z0-9]', '_', name.upper())}"


def recurly_site(environment: dict[str, str], suffix: str, default: str = "") -> RecurlySite:
    def read(name: str, fallback: str = "") -> str:
        return environment.get(f"{name}{suffix}", "").strip() or fallback

    region = read("RECURLY_REGION", "us").lower()
    if region not in {"us", "eu"}:
        raise SetupError(f"RECURLY_REGION{suffix} is {region!r}; it must be us or eu.")
    tolerance = read("RECURLY_WEBHOOK_TOLERANCE", str(RETENTION_15_DAYS_AND_ONE))
    if not tolerance.isdecimal():
        raise SetupError(f"RECURLY_WEBHOOK_TOLERANCE{suffix} is {tolerance!r}; it must be whole seconds.")
    return RecurlySite(
        name=read("RECURLY_SITE", default),
        api_key=read("RECURLY_API_KEY"),
        region=region,
        api_url=read("RECURLY_API_URL") or None,
        webhook_secrets=listed(read("RECURLY_WEBHOOK_SECRETS")),
        webhook_basic_auth=listed(read("RECURLY_WEBHOOK_BASIC_AUTH")),
        webhook_tolerance=int(tolerance),
        suffix=suffix,
    )
