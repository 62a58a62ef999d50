"""Lists arrive as they were sent: with nothing in them, with gaps, with documents in quotes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text


@pytest.mark.parametrize(
    ("type_", "sent"),
    [
        ("text", ['{"a": "\\"b\\\\"}', "{x,y}", "NULL", "", None, "ü\n"]),
        ("text", []),
        ("timestamptz", [None, datetime(2026, 11, 1, tzinfo=UTC)]),
        ("bigint", [None, None]),
        ("bigint", [1, 40_000, 2**40, None]),
        ("smallint", [1, 2]),
    ],
)
def test_a_list_arrives_as_it_was_sent(engine: Engine, type_: str, sent: list[Any]) -> None:
    with engine.connect() as connection:
        answer = connection.execute(text(f"SELECT CAST(:sent AS {type_}[])"), {"sent": sent}).scalar_one()
    assert answer == sent
