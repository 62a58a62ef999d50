"""Log lines: one form for people, and in the web process written by a thread of its own."""

from __future__ import annotations

import errno
import io
import logging
import threading
from collections.abc import Mapping
from typing import TextIO, cast

import structlog

from connector.logs import BufferedWriter, LogFile, RedactingFormatter, line, redacted


class _Noted(io.StringIO):
    """Tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def flush(self) -> None:
        if self.getvalue():
            self.written.set()


def test_a_line_says_when_how_bad_and_what_then_the_pairs() -> None:
    told = {"timestamp": "2026-11-20T10:00:00Z", "level": "info", "event": "delivery", "kind": "a.b", "n": 2}
    assert line(None, "info", told) == "2026-11-20T10:00:00Z [info    ] delivery         kind=a.b n=2"


def test_what_a_vendor_says_cannot_begin_a_line_of_its_own() -> None:
    told = {"timestamp": "T", "level": "error", "event": "e", "error": "no\nT [info    ] forged"}
    assert len(line(None, "error", told).splitlines()) == 1


def test_a_traceback_stands_below_its_line() -> None:
    told = {"timestamp": "T", "level": "error", "event": "job_failed", "exception": "Traceback …\nValueError"}
    assert line(None, "error", told).splitlines()[1:] == ["Traceback …", "ValueError"]


def test_lines_are_written_whole_and_in_order_by_another_thread() -> None:
    file = _Noted()
    behind = BufferedWriter(LogFile(file))
    lines = [f"{number}\n" for number in range(100)]
    for text in lines:
        behind.write(text)
    while file.getvalue() != "".join(lines):
        assert file.written.wait(10)
        file.written.clear()


def test_what_is_not_written_yet_when_the_process_ends_is_written_then() -> None:
    file = io.StringIO()
    behind = BufferedWriter(LogFile(file))
    behind.write("last words\n")
    behind.write_all()
    assert file.getvalue() == "last words\n"


class _FullDisk(io.StringIO):
    full = True

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_log_on_a_full_disk_does_not_stop_the_work_and_tells_what_it_lost() -> None:
    disk = _FullDisk()
    file = LogFile(disk)
    file.write("one\n")
    file.write("two\n")
    disk.full = False
    file.write("three\n")
    file.write("four\n")
    assert disk.getvalue() == "2 log lines before this one could not be written\nthree\nfour\n"


def test_a_log_whose_file_is_closed_does_not_stop_the_work() -> None:
    closed = io.StringIO()
    closed.close()
    log = structlog.wrap_logger(structlog.WriteLogger(cast(TextIO, LogFile(closed))), processors=[line_of])
    log.warning("wake_failed")


def line_of(_logger: object, _method: str, fields: Mapping[str, object]) -> str:
    return str(fields["event"])


def test_the_fields_of_a_line_hold_no_card_data() -> None:
    """A vendor's error may quote the value that it refuses; references stay, so that a line can be found."""
    reference = "4726080277811003"
    fields = {
        "event": "row_refused",
        "level": "error",
        "subject": f"adyen:dispute:{reference}",
        "event_id": reference,
        "error": "It refuses 4111 1111 1111 1111.",
        "exception": "ValueError: card 4111111111111111",
        "rows": 3,
        "details": {"iban": "DE89370400440532013000"},
    }
    assert redacted(None, "error", dict(fields)) == {
        **fields,
        "error": "It refuses [removed].",
        "exception": "ValueError: card [removed]",
        "details": {"iban": "[removed]"},
    }


def test_a_line_of_a_library_holds_no_card_data() -> None:
    record = logging.LogRecord("rq", logging.ERROR, "x.py", 1, "failed: %s", ("4111-1111-1111-1111",), None)
    assert RedactingFormatter("%(message)s").format(record) == "failed: [removed]"
