"""How far long work is: lines without a terminal, a bar on one."""

from __future__ import annotations

import io

from rich.console import Console

from connector.cli.output.progress import progress


class Clock:
    """Stands still until told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def plain() -> Console:
    return Console(file=io.StringIO(), highlight=False, soft_wrap=True)


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_every_tenth_is_a_line_with_rate_and_what_is_left() -> None:
    console, clock = plain(), Clock()
    with progress("Reading Recurly", 1_000, console=console, clock=clock) as tell:
        for done in range(0, 1_001, 50):
            clock.now = 100.0 + done / 50
            tell(done, "2,300 calls left" if done == 100 else "")
    assert len(lines(console)) == 10
    assert lines(console)[0] == "Reading Recurly: 100 of 1,000 (10 %), 50/s, 18 s left, 2,300 calls left"
    assert lines(console)[-1] == "Reading Recurly: 1,000 of 1,000 (100 %), 50/s"


def test_slow_work_is_told_every_ten_seconds() -> None:
    console, clock = plain(), Clock()
    with progress("Reading", 1_000_000, console=console, clock=clock) as tell:
        for second in range(1, 26):
            clock.now = 100.0 + second
            tell(second * 10)
    assert [line.partition(" of")[0] for line in lines(console)] == ["Reading: 100", "Reading: 200"]


def test_quick_work_says_nothing() -> None:
    console, clock = plain(), Clock()
    with progress("Reading", 3, console=console, clock=clock) as tell:
        for done in (1, 2, 3):
            tell(done)
    assert lines(console) == []


def test_of_how_much_may_be_known_later_or_never() -> None:
    console, clock = plain(), Clock()
    with progress("Reading", console=console, clock=clock) as tell:
        clock.now += 10
        tell(7, "[account]")
        clock.now += 10
        tell(8, total=10)
    assert lines(console) == ["Reading: 7, 1/s, [account]", "Reading: 8 of 10 (80 %), 0/s, 5 s left"]


def test_more_than_was_counted_is_never_more_than_all_of_it() -> None:
    console, clock = plain(), Clock()
    with progress("Comparing", 10, console=console, clock=clock) as tell:
        clock.now += 10
        tell(12)
        clock.now += 10
        tell(13, total=12)
    assert lines(console) == ["Comparing: 12 of 12 (100 %), 1/s", "Comparing: 13 of 13 (100 %), 1/s"]
    drawn = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with progress("Comparing", 10, console=drawn) as tell:
        tell(12)
        tell(13, total=12)
    assert "13/13" in "".join(lines(drawn))
    assert "/10" not in "".join(lines(drawn)).rpartition("13/13")[2]


def test_on_a_terminal_it_is_a_bar_that_goes_when_it_is_over() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with progress("Reading [Recurly]", 4, console=console) as tell:
        tell(1, "2,300 calls left")
        tell(3, total=5)
    text = "".join(lines(console))
    assert "Reading [Recurly]" in text
    assert "3/5" in text
    assert text.endswith("\x1b[2K"), "the line is cleared"
