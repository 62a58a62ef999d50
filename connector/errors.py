"""Errors carry the decision: the class says what happens next, the text what a person should do."""

from __future__ import annotations

from connector.redaction import redact_text


class CasewireError(Exception):
    """Every error Casewire raises on purpose. ``str(error)`` is a sentence for an operator. It is redacted, because a
    vendor's message may quote the value that it refuses, and errors are logged and stored."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact_text(message))


class Rejected(CasewireError):
    """A delivery is refused: answered with ``status``, counted under ``reason``, never stored."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Transient(CasewireError):
    """It may work later. ``retry_after`` seconds, when the other side named them."""

    def __init__(self, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class Unavailable(Transient):
    """A whole destination is out. Its circuit opens: work waits and no attempt is spent."""

    def __init__(
        self, destination: str, message: str, *, code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, code=code, retry_after=retry_after)
        self.destination = destination


class Permanent(CasewireError):
    """Trying again cannot help: a dead letter, with ``str(error)`` saying what to correct."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class SetupError(CasewireError):
    """The installation is not as it must be: settings, policy, schema, org. Says what to do."""
