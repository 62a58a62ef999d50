"""The only reader of the environment.

Values come from the process environment, then from ``.env`` in the working directory. Lists are separated by
commas. Names are fixed: operators script against them (README, ``.env.example``).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connector.errors import SetupError

RETENTION_15_DAYS_AND_ONE = 16 * 24 * 3600
"""Recurly keeps a delivery for 15 days and can send it again by hand; a replay is harmless (deduplicated)."""


@dataclass(frozen=True, slots=True)
class RecurlySite:
    """One Recurly site: its name (subdomain), how to call it and how to trust what it posts."""

    name: str
    api_key: str = field(repr=False)
    region: str
    api_url: str | None
    webhook_secrets: tuple[str, ...] = field(repr=False)
    webhook_basic_auth: tuple[str, ...] = field(repr=False)
    webhook_tolerance: int


class Settings(BaseSettings):
    """Everything an installation sets. Missing vendors are allowed: ``casewire status`` says what is off."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str | None = Field(default=None, repr=False)
    redis_url: str | None = Field(default=None, repr=False)
    port: int = Field(default=8080, ge=1, le=65535)
    casewire_home: Path = Path("~/.casewire")
    casewire_policy: Path | None = None
    casewire_log: Literal["json", "text"] = "text"
    casewire_worker: str | None = None
    casewire_web_processes: int = Field(default=2, ge=1, le=64)
    casewire_web_threads: int = Field(default=32, ge=1, le=512)
    casewire_sweep_seconds: float = Field(default=2.0, gt=0, le=300)
    casewire_retention_bodies_days: int | None = Field(default=None, ge=1)
    casewire_retention_rows_days: int | None = Field(default=None, ge=1)

    recurly_sites: Annotated[tuple[str, ...], NoDecode] = ()

    salesforce_login_url: str | None = None
    salesforce_client_id: str | None = None
    salesforce_client_secret: str | None = Field(default=None, repr=False)
    salesforce_username: str | None = None
    salesforce_jwt_key: str | None = Field(default=None, repr=False)
    salesforce_org_id: str | None = None
    salesforce_api_version: str = "66.0"

    @field_validator("recurly_sites", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _list(value) if isinstance(value, str) else value

    @field_validator("casewire_home", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser()

    @property
    def recurly(self) -> tuple[RecurlySite, ...]:
        """The configured Recurly sites, ``RECURLY_SITE`` first."""
        return recurly_sites(_environment(), self.recurly_sites)


def load() -> Settings:
    """The settings of this process; SetupError names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "the environment"
        raise SetupError(f"{name}: {first['msg']}. Mend it in the environment or in .env.") from None


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a process Casewire starts: this one's, with changes."""
    return {**os.environ, **changes}


def recurly_sites(environment: dict[str, str], more: tuple[str, ...]) -> tuple[RecurlySite, ...]:
    """Sites from ``RECURLY_SITE`` and, for each name of ``RECURLY_SITES``, the same variables with ``__NAME``.

    In a suffix every other character than a letter or digit is an underscore: ``acme-eu`` has ``__ACME_EU``.
    """
    sites = [_site(environment, "")] if environment.get("RECURLY_SITE") else []
    sites += [_site(environment, f"__{re.sub(r'[^A-Z0-9]', '_', name.upper())}", name) for name in more]
    names = [site.name for site in sites]
    for name in names:
        if names.count(name) > 1:
            raise SetupError(f"RECURLY_SITES: the site {name!r} is configured twice. Name each site once.")
    return tuple(sites)


def _site(environment: dict[str, str], suffix: str, default: str = "") -> RecurlySite:
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
        webhook_secrets=_list(read("RECURLY_WEBHOOK_SECRETS")),
        webhook_basic_auth=_list(read("RECURLY_WEBHOOK_BASIC_AUTH")),
        webhook_tolerance=int(tolerance),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _environment() -> dict[str, str]:
    return {**{k: v for k, v in dotenv_values(".env").items() if v is not None}, **os.environ}
