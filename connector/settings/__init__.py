"""The only reader of the environment.

Values come from the process environment, then from ``.env`` in the working directory. Lists are separated by
commas. Names are fixed: operators script against them (README, ``.env.example``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connector.errors import SetupError
from connector.settings.names import SettingNames, UnknownSetting
from connector.settings.recurly import RecurlySite, recurly_sites
from connector.sources.info import ProcessorSettings, listed
from connector.sources.registry import read_processors

__all__ = [
    "SALESFORCE_API_VERSION",
    "InvalidSettings",
    "RecurlySite",
    "Settings",
    "UnknownSetting",
    "child_environment",
    "load",
    "recurly_sites",
    "setting_names",
    "unknown_settings",
]

SALESFORCE_API_VERSION = "66.0"
"""The version of Salesforce's API that Casewire is made for and tested with."""
_ENV_FILE = Path(".env")


class Settings(BaseSettings):
    """Everything an installation sets. Missing vendors are allowed: ``casewire status`` says what is off."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str | None = Field(default=None, repr=False)
    redis_url: str | None = Field(default=None, repr=False)
    redis_tls_verify: bool = True
    redis_tls_ca_file: Path | None = None
    port: int = Field(default=8080, ge=1, le=65535)
    casewire_home: Path = Path("~/.casewire")
    casewire_policy: Path | None = None
    casewire_log: Literal["json", "text"] = "text"
    casewire_mode: Literal["live", "test"] | None = None
    casewire_worker: str | None = None
    casewire_operator: str | None = None
    casewire_web_processes: int = Field(default=2, ge=1, le=64)
    casewire_web_threads: int = Field(default=8, ge=1, le=512)
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
    salesforce_api_version: str = SALESFORCE_API_VERSION

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
    def processors(self) -> Mapping[str, ProcessorSettings]:
        """The settings of every payment processor, by its source's name."""
        return read_processors(_environment(), live=self.live)

    @property
    def live(self) -> bool:
        """Whether live events are worked, or test ones. Without ``CASEWIRE_MODE`` the org tells: a sandbox, a
        scratch or developer org, or one on this machine is for tests."""
        if self.casewire_mode is not None:
            return self.casewire_mode == "live"
        host = urlsplit(self.salesforce_login_url or "").hostname or ""
        return not (host in _HERE or host == "test.salesforce.com" or _FOR_TESTS.search(host))


class InvalidSettings(SetupError):
    """Values that cannot be. ``problems``: a sentence for each, which names the variable and never its value."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(f"{one} Correct it in the environment or in .env." for one in problems))
        self.problems = problems


_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_FOR_TESTS = re.compile(
    r"\.(sandbox|scratch|develop|demo|trailblaze|patch)\.my\.salesforce\.com$"
    r"|(--[a-z0-9]+|-dev-ed)\.my\.salesforce\.com$"
)


def load() -> Settings:
    """The settings of this process; InvalidSettings names every variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problems = tuple(f"{_name(item['loc'])}: {item['msg']}." for item in error.errors())
        raise InvalidSettings(problems) from None
    except UnicodeDecodeError:
        raise SetupError(".env is not text in UTF-8: save it as such.") from None


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper() if location else "the environment"


def setting_names(sites: Iterable[str] | None = None) -> SettingNames:
    """The names of all settings. ``sites``: the further Recurly sites; by default those of ``RECURLY_SITES``."""
    if sites is None:
        sites = listed(_environment().get("RECURLY_SITES", ""))
    return SettingNames.of(Settings.model_fields, sites)


def unknown_settings() -> list[UnknownSetting]:
    """Names in ``.env`` and in the process environment that are meant for Casewire and are no setting. Values are
    not looked at, and lines of ``.env`` that cannot be read are left to the doctor."""
    in_file: list[tuple[str, int | None]] = []
    if _ENV_FILE.is_file():
        with _ENV_FILE.open(encoding="utf-8", errors="replace") as file:
            in_file = [(line.key, line.original.line) for line in parse_stream(file) if line.key]
    known = setting_names()
    return [*known.unknown(in_file), *known.unknown((name, None) for name in sorted(os.environ))]


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a process Casewire starts: this one's, with changes."""
    return {**os.environ, **changes}


def _environment() -> dict[str, str]:
    return {**{k: v for k, v in dotenv_values(_ENV_FILE).items() if v is not None}, **os.environ}
