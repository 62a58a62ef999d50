"""Tables as files for spreadsheets: values arrive as what they are, and no text is ever a formula."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from xlsxwriter import Workbook

from connector.cli.output.spreadsheets import (
    Book,
    NewFile,
    Table,
    apart,
    is_formula,
    open_book,
    write_csv,
    write_xlsx,
)

HOSTILE = [
    '=HYPERLINK("http://127.0.0.1","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "＝1+1",
    " =1+1",
    "\xa0\u3000+1",
    "\u200b=1+1",
    "\ufeff@SUM(A1)",
    "\u2060\u202e-1+1",
    "\u3164\u2800=1+1",
    "\u0301=1+1",
    " ＋1",
    "﹣1",
    "\u22121+1",
]
HARMLESS = ["", " ", "a=1", "'=1", "x\n=1", "\u200bword", "(=1)", "10-5", "ｅ@x.example"]


def sheet(path: Path, title: str | None = None) -> Any:
    book = load_workbook(path)
    return book[title] if title else book.worksheets[0]


def values(path: Path, title: str | None = None) -> list[tuple[Any, ...]]:
    return list(sheet(path, title).iter_rows(values_only=True))


def one(tmp_path: Path, value: object) -> Any:
    """The cell that Excel would read."""
    path = tmp_path / "one.xlsx"
    write_xlsx(path, [Table("T", ("value",), [(value,)])])
    return sheet(path)["A2"]


def lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


# --- xlsx ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "read", "form"),
    [
        (7, 7, "General"),
        (Decimal("1234.50"), 1234.5, "#,##0.00#"),
        (Decimal("-1.234"), -1.234, "#,##0.00#"),
        (Decimal("500"), 500, "General"),
        (0.5, 0.5, "General"),
        (True, True, "General"),
        (None, None, "General"),
        ("", None, "General"),
        ("0012", "0012", "General"),
        (10**15, "1000000000000000", "General"),
        (Decimal("NaN"), "NaN", "General"),
        (date(2026, 10, 31), datetime(2026, 10, 31), "yyyy-mm-dd"),  # noqa: DTZ001
        (date(1871, 1, 1), "1871-01-01", "General"),
        (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 1), "yyyy-mm-dd hh:mm:ss"),  # noqa: DTZ001
    ],
)
def test_a_cell_is_what_its_value_is(tmp_path: Path, value: object, read: object, form: str) -> None:
    cell = one(tmp_path, value)
    assert (cell.value, cell.number_format) == (read, form)


def test_a_moment_is_written_in_utc(tmp_path: Path) -> None:
    there = datetime(2026, 10, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert one(tmp_path, there).value == datetime(2026, 9, 30, 20)  # noqa: DTZ001


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_sheet_is_a_formula_or_a_link(tmp_path: Path, text: str) -> None:
    cell = one(tmp_path, text)
    assert cell.data_type == "s"
    assert cell.value == text.replace("\r", "\n")
    assert cell.quotePrefix, "it stays text when somebody edits the cell"
    assert one(tmp_path, "https://127.0.0.1/x").hyperlink is None


def test_what_xml_refuses_is_replaced_and_what_looks_like_an_escape_stays(tmp_path: Path) -> None:
    assert one(tmp_path, "a\x00b\x1fc\ud800d\uffffe").value == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert one(tmp_path, "two\r\nlines <&>\"'").value == "two\nlines <&>\"'"
    assert one(tmp_path, "_x0041_").value == "_x005F_x0041_"


def test_a_text_too_long_for_a_cell_ends_in_dots(tmp_path: Path) -> None:
    assert one(tmp_path, "x" * 32_767).value == "x" * 32_767
    assert one(tmp_path, "x" * 32_768).value == "x" * 32_766 + "…"
    assert one(tmp_path, "😀" * 20_000).value == "😀" * 16_383 + "…"


def test_a_table_has_a_bold_frozen_heading_a_filter_and_widths_that_fit(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_xlsx(path, [Table("Accounts", ("Key", "Note"), [("k" * 30, "n"), ("k", "n" * 500)])])
    made = sheet(path, "Accounts")
    assert [cell.font.b for cell in made[1]] == [True, True]
    assert made.freeze_panes == "A2"
    assert made.auto_filter.ref == "A1:B3"
    assert made.column_dimensions["A"].width == pytest.approx(32, abs=1)
    assert made.column_dimensions["B"].width == pytest.approx(60, abs=1)


def test_titles_fit_and_differ(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    titles = ["a/b:c", "x" * 40, "x" * 40, "History", "'", "A b C"]
    write_xlsx(path, [Table(title, ("v",), [(number,)]) for number, title in enumerate(titles)])
    names = load_workbook(path).sheetnames
    assert names == ["a b c", "x" * 31, "x" * 27 + " (2)", "History (2)", "Sheet", "A b C (2)"]


def test_an_empty_table_is_its_heading(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_xlsx(path, [Table("T", ("a", "b"), [])])
    assert values(path) == [("a", "b")]


@pytest.mark.parametrize(
    ("count", "last"),
    [(2, 1), (4, 3), (5, "2 more rows do not fit: a sheet holds 5. A CSV file holds all."), (0, "v")],
)
def test_a_table_longer_than_a_sheet_says_how_much_is_missing(
    tmp_path: Path, count: int, last: object
) -> None:
    path = tmp_path / "t.xlsx"
    workbook = Workbook(str(path), {"constant_memory": True})
    Book(workbook, rows=5).add(Table("T", ("v",), ((n,) for n in range(count))))
    workbook.close()
    found = values(path)
    assert len(found) == min(count + 1, 5)
    assert found[-1][0] == last


# --- CSV -------------------------------------------------------------------------------------------------------


def test_a_csv_file_is_as_excel_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    moment = datetime(2026, 10, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    row = ("Zoë; & Co", Decimal("-49.00"), 7, None, True, moment, date(2026, 10, 2), 'a "b"\nc')
    write_csv(path, Table("T", tuple("abcdefgh"), [row]))
    raw = path.read_bytes()
    assert raw.startswith(b'\xef\xbb\xbf"a",')
    assert raw.count(b"\r\n") == 2
    assert lines(path)[1] == [
        "Zoë; & Co",
        "-49.00",
        "7",
        "",
        "true",
        "2026-10-01 00:00:00",
        "2026-10-02",
        'a "b"\nc',
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_csv_file_is_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, Table("T", (text,), [(text,)]))
    assert lines(path) == [[f"'{text}"], [f"'{text}"]]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_formula_is_written_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, Table("T", ("v",), [(text,)]))
    assert lines(path)[1] == [text]
    assert not one(tmp_path, text).quotePrefix


@pytest.mark.parametrize("sign", "=+-@＝")
@given(unseen=st.text(st.characters(categories=("Cc", "Cf", "Zs", "Zl", "Zp", "Mn")), max_size=5))
def test_nothing_unseen_hides_a_formula(sign: str, unseen: str) -> None:
    assert is_formula(f"{unseen}{sign}1+1")
    assert not is_formula(f"{unseen}") or unseen[0] in "\t\r\n"


def test_half_a_character_does_not_stop_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, Table("T", ("v",), [("a\ud800b\0",)]))
    assert lines(path)[1] == ["a?b\ufffd"]


# --- files -----------------------------------------------------------------------------------------------------


def breaking() -> Iterator[Sequence[object]]:
    yield ("first",)
    raise RuntimeError("the source went away")


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv"])
def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("the report of last month")
    table = Table("T", ("v",), breaking())
    with pytest.raises(RuntimeError, match="went away"):
        write_csv(path, table) if name.endswith("csv") else write_xlsx(path, [table])
    assert path.read_text() == "the report of last month"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv"])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "missing" / name
    table = Table("T", ("v",), [(1,)])
    with pytest.raises(click.FileError, match="No such file or directory") as told:
        write_csv(path, table) if name.endswith("csv") else write_xlsx(path, [table])
    assert str(path) in told.value.format_message()


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv"])
def test_a_link_stays_a_link_to_what_is_written(tmp_path: Path, name: str) -> None:
    path, link = tmp_path / name, tmp_path / f"latest-{name}"
    path.write_text("the report of last month")
    link.symlink_to(path)
    table = Table("T", ("v",), [(1,)])
    write_csv(link, table) if name.endswith("csv") else write_xlsx(link, [table])
    assert link.is_symlink()
    assert path.read_bytes() != b"the report of last month"
    assert sorted(tmp_path.iterdir()) == sorted([path, link])


def test_a_device_or_a_pipe_is_never_put_out_of_its_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (pipe, Path("/dev/null")):
        with pytest.raises(click.BadParameter, match="is a device or a pipe; name a file"):
            NewFile().convert(str(place), None, None)


def test_two_files_are_two(tmp_path: Path) -> None:
    apart(tmp_path / "t.csv", tmp_path / "t.xlsx")
    apart(None, tmp_path / "t.xlsx")
    with pytest.raises(click.UsageError, match="name the same file"):
        apart(tmp_path / "t", tmp_path / "." / "t")


def test_a_workbook_may_be_filled_cell_by_cell_and_the_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_text("old")
    with open_book(path) as book:
        front = book.sheet("Front")
        book.add(Table("Rows", ("v",), [(1,)]))
        book.put(front, 0, 0, "=1", book.workbook.add_format({"bold": True}))
    assert (values(path, "Front"), values(path, "Rows")) == ([("=1",)], [("v",), (1,)])
    assert sheet(path, "Front")["A1"].font.b


@pytest.mark.parametrize(
    ("given", "told"),
    [("", "is a folder; name a file in it"), ("no/such/t.csv", "There is no folder")],
)
def test_a_place_where_nothing_can_be_written_is_said_at_once(tmp_path: Path, given: str, told: str) -> None:
    with pytest.raises(click.BadParameter, match=told):
        NewFile().convert(str(tmp_path / given), None, None)
    assert NewFile().convert(str(tmp_path / "t.csv"), None, None) == tmp_path / "t.csv"
