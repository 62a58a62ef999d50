"""How commands speak: what was received is shown as it is, whatever it looks like."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from connector.cli.output import console as output


@pytest.mark.parametrize(
    "text", ["[bold]x[/bold]", "[/]", "a\\", "[a]\\[b]", "[link=http://x]y[/link]", "100%"]
)
def test_square_brackets_are_never_markup(text: str) -> None:
    for terminal in (True, False):
        file = io.StringIO()
        console = Console(
            file=file, force_terminal=terminal, color_system=None, highlight=False, soft_wrap=True
        )
        console.print(f"[bold]{output.show(text)}[/bold] end")
        assert file.getvalue() == f"{text} end\n"


def test_names_between_colons_are_never_pictures() -> None:
    """Keys are full of colons, and a site may be called by anything."""
    for console in (output.out, output.err):
        with console.capture() as told:
            console.print(output.show("recurly:x:account:fire:1"))
        assert told.get() == "recurly:x:account:fire:1\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (datetime(2026, 11, 22, 12, tzinfo=UTC), "2026-11-22 12:00:00"),
        (Decimal("49.00"), "49.00"),
        ("two\nlines", "two ⏎ lines"),
        ("a\tb", "a b"),
        ("\x1b[2J\x1b]0;title\x07 \x9b31m", "\ufffd[2J\ufffd]0;title\ufffd \ufffd31m"),
        ("\u202e17-emca", "\ufffd17-emca"),
        ("さくら\u3000工房 👩\u200d💻", "さくら\u3000工房 👩\u200d💻"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value: object, shown: str) -> None:
    assert output.plain(value) == shown


def test_a_document_has_plain_times_and_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    output.as_json(
        {"at": datetime(2026, 11, 22, tzinfo=UTC), "on": date(2026, 11, 22), "sum": Decimal("1.50"), "n": "ü"}
    )
    told = capsys.readouterr().out
    assert json.loads(told) == {"at": "2026-11-22T00:00:00Z", "on": "2026-11-22", "sum": "1.50", "n": "ü"}
    assert "ü" in told


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError):
        output.as_json({1j})
