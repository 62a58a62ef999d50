"""One log line per transition, on stderr: text for people, JSON for machines (``CASEWIRE_LOG``)."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import Processor

from connector.redaction import redact_text, redact_value


def configure(form: str, *, quiet: bool = False, behind: bool = False) -> None:
    """Set up logging for this process. ``quiet`` keeps only warnings: for commands that print a result.
    ``behind``: lines may appear a twentieth of a second later (``BufferedWriter``)."""
    file = LogFile(sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redacted,
            _renderer(form),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, BufferedWriter(file) if behind else file)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


_IDENTIFIERS = frozenset({"account", "accounts", "key", "keys", "subject", "subjects"})
_OURS = frozenset({"timestamp", "level", "event", "source", "site", "kind", "fate", "outcome"})
"""What Casewire writes itself, or what is redacted where it is read."""


def redacted(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The fields of a log line without card data, bank data and credentials: a vendor's error may quote the value that
    it refuses, and a traceback the line of a body."""
    for name, value in fields.items():
        if name not in _OURS and not isinstance(value, bool | float | None):
            fields[name] = redact_value("id" if name in _IDENTIFIERS else name, value)
    return fields


class RedactingFormatter(logging.Formatter):
    """The lines of libraries, which log by the standard library, redacted as ours are."""

    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))


def _renderer(form: str) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer(pad_event_to=16)
    return line


def line(_logger: object, _method: str, told: MutableMapping[str, Any]) -> str:
    """What ConsoleRenderer writes, without colour and in a quarter of the time."""
    time, level, event = told.pop("timestamp"), told.pop("level"), told.pop("event")
    trace = told.pop("exception", None)
    pairs = " ".join(f"{name}={_shown(value)}" for name, value in told.items())
    return f"{time} [{level:<8}] {event:<16} {pairs}" + (f"\n{trace}" if trace else "")


def _shown(value: object) -> str:
    """Nothing a vendor says can begin a line of its own."""
    return value if isinstance(value, str) and value.isprintable() else repr(value)


class LogFile:
    """A text file that never raises: a log on a full disk, or whose reader has gone, must not stop the work.

    The first line that can be written again says how many were lost before it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lost = 0

    def write(self, text: str) -> int:
        try:
            if self._lost:
                self._file.write(f"{self._lost} log lines before this one could not be written\n")
            self._file.write(text)
            self._file.flush()
            self._lost = 0
        except (OSError, ValueError):  # ValueError: the file is closed
            self._lost += text.count("\n")
        return len(text)

    def flush(self) -> None:
        """Nothing: each write flushes."""


class BufferedWriter:
    """A text file whose lines a thread of its own writes, many at once.

    A web thread that writes a line gives up the interpreter for it and then waits behind all the others to get it
    back: that cost a fifth of the deliveries a second (``bench/README.md``).
    """

    SECONDS = 0.05

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._lines: deque[str] = deque()
        self._some = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        atexit.register(self.write_all)

    def write(self, text: str) -> int:
        self._lines.append(text)
        if not self._some.is_set():
            self._ensure_thread()
            self._some.set()
        return len(text)

    def flush(self) -> None:
        """Nothing: the thread flushes."""

    def _ensure_thread(self) -> None:
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(self.SECONDS)
            self._some.clear()
            self.write_all()

    def write_all(self) -> None:
        """Write what there is now; also called when the process ends."""
        lines = []
        with suppress(IndexError):
            while True:
                lines.append(self._lines.popleft())
        if lines:
            self._file.write("".join(lines))
