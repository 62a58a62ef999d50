"""The only reader of the environment.

Values come from the process environment, then from ``.env`` in the working directory. Lists are separated by
commas. Names are fixed: operators script against them (README, ``.env.example``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connector.errors import SetupError
from connector.settings import processors as processors_
from connector.settings.processors import Processor
from connector.settings.reading import listed
from connector.settings.recurly import RecurlySite, recurly_sites

__all__ = ["Processor", "RecurlySite", "Settings", "child_environment", "load", "recurly_sites"]


class Settings(BaseSettings):
    """Everything an installation sets. Missing vendors are allowed: ``casewire status`` says what is off."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str | None = Field(default=None, repr=False)
    redis_url: str | None = Field(default=None, repr=False)
    port: int = Field(default=8080, ge=1, le=65535)
    casewire_home: Path = Path("~/.casewire")
    casewire_policy: Path | None = None
    casewire_log: Literal["json", "text"] = "text"
    casewire_mode: Literal["live", "test"] | None = None
    casewire_worker: str | None = None
    casewire_operator: str | None = None
    casewire_web_processes: int = Field(default=2, ge=1, le=64)
    casewire_web_threads: int = Field(default=16, ge=1, le=512)
    """For each source, in each process."""
    casewire_web_connections: int = Field(default=4096, ge=16, le=65536)
    """In each process."""
    casewire_web_request_seconds: float = Field(default=10.0, ge=1, le=300)
    """From the first byte of a request to the last of its body."""
    casewire_metrics_address: str | None = Field(
        default=None, pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):[0-9]{1,5}$"
    )
    """``host:port`` where ``/metrics`` is served instead of on the public port."""
    casewire_metrics_token: str | None = Field(default=None, repr=False, min_length=16)
    """What ``/metrics`` asks for: ``Authorization: Bearer <token>``."""
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
        return listed(value) if isinstance(value, str) else value

    @field_validator("casewire_home", mode="after")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser()

    @property
    def recurly(self) -> tuple[RecurlySite, ...]:
        """The configured Recurly sites, ``RECURLY_SITE`` first."""
        return recurly_sites(_environment(), self.recurly_sites)

    @property
    def processors(self) -> Mapping[str, Processor]:
        """The settings of every payment processor, by its source's name."""
        return processors_.processors(_environment(), live=self.live)

    @property
    def live(self) -> bool:
        """Whether live events are worked, or test ones. Without ``CASEWIRE_MODE`` the org tells: a sandbox, a
        scratch or developer org, or one on this machine is for tests."""
        if self.casewire_mode is not None:
            return self.casewire_mode == "live"
        host = urlsplit(self.salesforce_login_url or "").hostname or ""
        return not (host in _HERE or host == "test.salesforce.com" or _FOR_TESTS.search(host))


_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_FOR_TESTS = re.compile(
    r"\.(sandbox|scratch|develop|demo|trailblaze|patch)\.my\.salesforce\.com$"
    r"|(--[a-z0-9]+|-dev-ed)\.my\.salesforce\.com$"
)


def load() -> Settings:
    """The settings of this process; SetupError names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "the environment"
        raise SetupError(f"{name}: {first['msg']}. Mend it in the environment or in .env.") from None
    except UnicodeDecodeError:
        raise SetupError(".env is not text in UTF-8: save it as such.") from None


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a process Casewire starts: this one's, with changes."""
    return {**os.environ, **changes}


def _environment() -> dict[str, str]:
    return {**{k: v for k, v in dotenv_values(".env").items() if v is not None}, **os.environ}
