"""The types in which a source is declared: its settings, its secret, its API and its words.

Everything that lists sources (settings, ``casewire init``, ``casewire doctor``, the sandbox's settings, matching,
reconcile, labels) is derived from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from connector.models.facts import Kind


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list, without blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def optional(text: str) -> str | None:
    return text or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An environment variable of a processor. ``parse`` gets "" where it is not set.

    ``question``: how ``casewire init`` asks for it; without one it does not. ``needed``: without it the processor's
    webhooks are not taken. ``generated``: a password that Casewire chooses. ``choices``: the first is the default.
    ``test_keys``, ``live_keys``: how a key begins that is for test or for live payments.
    ``sandbox``: its value beside the sandbox, with ``{secret}``, ``{api}`` and ``{host}``; ``proof``: how the sandbox
    calls the same value, where it proves the sandbox's webhooks.
    """

    name: str
    parse: Callable[[str], object]
    question: str = ""
    needed: bool = False
    generated: bool = False
    secret: bool = False
    choices: tuple[str, ...] = ()
    test_keys: tuple[str, ...] = ()
    live_keys: tuple[str, ...] = ()
    sandbox: str = ""
    proof: str = ""


_SETTING: Final = "setting"


def setting(name: str, parse: Callable[[str], object] = str, **more: Any) -> Any:
    """Declare a field of ``ProcessorSettings``. A secret is not shown by ``repr``."""
    declared = Setting(name=name, parse=parse, **more)
    return field(default_factory=lambda: parse(""), repr=not declared.secret, metadata={_SETTING: declared})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings:
    """How to trust what a processor posts, and how to call it: one account of each.

    ``live``: which of its events are worked, live or test ones; the others are recorded as ignored. A subclass declares
    each setting as a field.
    """

    live: bool

    @classmethod
    def declared(cls) -> tuple[Setting, ...]:
        """The settings in their order."""
        return tuple(one.metadata[_SETTING] for one in fields(cls) if _SETTING in one.metadata)

    @classmethod
    def read(cls, environment: Mapping[str, str], *, live: bool) -> Self:
        """The values of an environment. SetupError names the first that cannot be."""
        named = [(one.name, one.metadata[_SETTING]) for one in fields(cls) if _SETTING in one.metadata]
        values: dict[str, Any] = {
            name: given.parse(environment.get(given.name, "").strip()) for name, given in named
        }
        return cls(live=live, **values)

    @property
    def is_for_other_mode(self) -> bool:
        """Whether a key is for test payments where live ones are worked, or the other way round; if a key shows it."""
        for one in fields(self):
            declared: Setting | None = one.metadata.get(_SETTING)
            if declared is not None and declared.test_keys:
                other = declared.test_keys if self.live else declared.live_keys
                return str(getattr(self, one.name)).startswith(other)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiInfo:
    """A processor's API. ``keys``: the settings that hold its key; ``advice``: what to set them to.

    ``unknown_ids``: ids that no payment has, in each form that the processor uses; looking them up checks the key.
    """

    keys: str
    advice: str
    unknown_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A source. ``title``: its name for people. ``labels``: each handled kind of event in plain words.

    ``verified_by``: the settings that verify its webhooks; ``shown_in``: where the source shows their values.
    ``gateways``: how the billing system names it, in lower case without punctuation. ``bank_debits_only``: each payment
    is a bank debit, which takes days to settle. ``reports_only_failures``: kinds of object whose webhooks report
    failures only. ``library_settings``: environment variables of its SDK, which are not ours.
    """

    name: str
    title: str
    labels: Mapping[str, str]
    verified_by: str
    shown_in: str
    settings: type[ProcessorSettings] = ProcessorSettings
    api: ApiInfo | None = None
    gateways: tuple[str, ...] = ()
    bank_debits_only: bool = False
    reports_only_failures: frozenset[Kind] = frozenset()
    library_settings: frozenset[str] = frozenset()

    @property
    def secret_place(self) -> str:
        """Where the source shows its secret, for advice."""
        return f"{self.title}: {self.shown_in}"
