"""``casewire plan`` and ``resync`` from a sandbox Recurly to a sandbox Salesforce, typed: for whom."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import Result
from samples import rows
from sqlalchemy import Engine

from cli.conftest import Run
from cli.vendors import SITE, Vendors
from connector.cli.account_options import codes

from .telling import PAST_DUE, done, key, looked_at, stdin, told


@pytest.fixture
def crowd(casewire: Run, bob: str, both: Vendors) -> list[str]:
    """Bob, who owes, and three who do not; all in Salesforce."""
    others = both.play("population", accounts=3)
    done(casewire("resync", "--all", "--apply", "--yes", "1000"))
    return [bob, *others]


def test_accounts_are_chosen_by_what_is_known_of_them(casewire: Run, crowd: list[str]) -> None:
    assert looked_at(casewire("plan", "--all", "--json")) == 4
    assert looked_at(casewire("plan", "--state", "past_due", "--json")) == 1
    assert looked_at(casewire("plan", "--rule", "payment_failed", "--json")) == 1
    assert looked_at(casewire("plan", "--state", "disputed", "--json")) == 0
    assert looked_at(casewire("plan", *crowd, "--rule", "payment_failed", "--json")) == 1, "filters combine"
    assert looked_at(casewire("plan", *crowd[1:], "--rule", "payment_failed", "--json")) == 0


def test_a_chargeback_is_a_dispute_also_where_only_recurly_tells_of_it(casewire: Run, both: Vendors) -> None:
    both.play("chargeback_recorded")
    assert looked_at(casewire("plan", "--all", "--state", "disputed", "--json")) == 1
    done(casewire("resync", "--all", "--apply"))
    assert looked_at(casewire("plan", "--state", "disputed", "--json")) == 1


def test_where_the_ledger_chooses_it_is_said_from_what(casewire: Run, bob: str) -> None:
    result = done(casewire("plan", "--state", "past_due"))
    assert "The ledger has no accounts to select from." in result.stderr
    assert "casewire backfill" in result.stderr
    done(casewire("resync", bob, "--apply"))
    assert "Selected from the 1 accounts in the ledger." in casewire("plan", "--rule", "refund").stderr
    for said in (["--all"], ["--all", "--state", "past_due"], [bob], ["--since", "1d"]):
        assert "in the ledger" not in casewire("plan", *said).stderr


def test_a_site_alone_is_all_that_the_ledger_knows_of_it(casewire: Run, crowd: list[str]) -> None:
    assert looked_at(casewire("plan", "--site", SITE, "--json")) == 4


def test_what_changed_since_is_read_from_the_change_feed(
    casewire: Run, crowd: list[str], both: Vendors
) -> None:
    both.forget_calls()
    assert looked_at(casewire("plan", "--since", "2026-11-20", "--json")) == 1, "bob was dunned"
    assert (both.calls("recurly", "GET"), both.calls("recurly", "{id}")) == (5, 0)
    assert looked_at(casewire("plan", "--since", "2020-01-01", "--json")) == 4
    assert looked_at(casewire("plan", *crowd[1:3], "--since", "2020-01-01", "--json")) == 2


def test_the_whole_population_costs_a_call_for_a_page(casewire: Run, crowd: list[str], both: Vendors) -> None:
    both.forget_calls()
    done(casewire("plan", "--all"))
    assert (both.calls("recurly", "GET"), both.calls("recurly", "{id}")) == (5, 0)


def test_codes_come_from_a_file_and_from_stdin_each_once(casewire: Run, crowd: list[str]) -> None:
    listed = f"account_code,email\n# ours\n\n  {crowd[0]}  ,x@example.com\n{crowd[1]}\r\n{crowd[0]}\n"
    Path("codes.csv").write_text(listed)
    result = casewire("plan", "--file", "codes.csv", "--json")
    assert [account["account"] for account in told(done(result))["accounts"]] == [
        key(crowd[0]),
        key(crowd[1]),
    ]
    assert "account_code, is treated as a heading." in result.stderr
    assert looked_at(stdin("\n".join(crowd), "plan", "--file", "-", "--json")) == 4
    assert looked_at(stdin("\n".join(crowd[:2]), "plan", "-", crowd[2], "--json")) == 3


SAVED = {
    "European Excel": "\ufeffaccount_code;name\r\n00123;Nullen GmbH\r\n00456;Nullen AG\r\n".encode(),
    "Excel's Unicode text": "account_code\tname\r\n00123\tNüllen GmbH\r\n00456\tNullen AG\r\n".encode(
        "utf-16"
    ),
    "UTF-16, big end first": b"\xfe\xff" + "00123\r\n00456\r\n".encode("utf-16-be"),
    "with Excel's hint": b"sep=;\r\nCode;Name\r\n00123;A\r\n00456;B\r\n",
    "semicolons without a heading": b"00123;Nullen GmbH\n\n# ours\n00456;Nullen AG\n",
    "tabs without a heading": b"00123\tNullen GmbH\n00456\tNullen, AG\n",
    "a comma inside a name": b'account_code;name\n00123;"Nullen; GmbH"\n00456;Nullen, AG\n',
    "a line break inside a name": b'Account Code,Name\n00123,"Nullen\nGmbH"\n00456,B\n',
    "rows without anything": b"Billing_Account_Code__c;Name\n00123;A\n;;\n ; \n00456;B\n",
    "a heading after comments": b"# ours\n\naccount\n00123\n00456",
    "old Mac line ends": b"00123\r00456\r",
}


@pytest.mark.parametrize("content", SAVED.values(), ids=SAVED)
def test_a_list_is_understood_as_any_spreadsheet_saves_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "codes.csv").write_bytes(content)
    assert codes.read(str(tmp_path / "codes.csv")) == ["00123", "00456"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a;b\nc\n", ["a;b", "c"]),  # a semicolon that is not on every line belongs to the code
        ("a;b\nc;d;e\n", ["a;b", "c;d;e"]),
        ('"a;b"\n"c;d"\n', ["a;b", "c;d"]),
        ("a;b,Name\nc,Name\n", ["a;b", "c"]),
    ],
)
def test_a_semicolon_may_be_part_of_a_code(tmp_path: Path, content: str, expected: list[str]) -> None:
    (tmp_path / "codes.csv").write_text(content)
    assert codes.read(str(tmp_path / "codes.csv")) == expected


def test_a_row_without_a_code_is_not_read_by_its_next_column(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes(b"account_code\tname\n00123\tA\n\tB\n")
    with pytest.raises(click.UsageError, match=r"Line 3 of .*codes\.csv is no account code"):
        codes.read(str(tmp_path / "codes.csv"))


def test_what_is_no_account_goes_by_its_whole_key(casewire: Run, both: Vendors, engine: Engine) -> None:
    payee = "stripe:payee:acct_1"
    rows(
        engine,
        "INSERT INTO subject (key, source, site, code, status, urgency) "
        "VALUES (:key, 'stripe', '', 'payee:acct_1', 'idle', 2)",
        key=payee,
    )
    both.forget_calls()
    (account,) = told(done(casewire("plan", payee, "--json")))["accounts"]
    assert (account["account"], account["changes"]) == (payee, [])
    assert both.calls("recurly", "GET") == 0, "there is nothing to fetch"
    assert casewire("plan", "stripe:payee:acct_2").exit_code == 1


def test_a_whole_key_names_its_site(casewire: Run, bob: str) -> None:
    assert told(done(casewire("plan", key(bob), "--json")))["accounts"][0]["account"] == key(bob)


@pytest.fixture
def two_sites(casewire: Run, both: Vendors, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("RECURLY_SITE")
    monkeypatch.setenv("RECURLY_SITES", "eu,us")
    for site in ("EU", "US"):
        monkeypatch.setenv(f"RECURLY_SITE__{site}", site.lower())
        monkeypatch.setenv(f"RECURLY_API_KEY__{site}", "sandbox")
        monkeypatch.setenv(f"RECURLY_API_URL__{site}", both.recurly.url)
    return casewire


def test_with_several_sites_a_code_needs_one_and_a_filter_means_all(two_sites: Run, both: Vendors) -> None:
    (code,) = both.play(PAST_DUE)
    result = two_sites("plan", code)
    assert result.exit_code == 2
    assert "Choose a site: --site eu or --site us." in result.stderr
    assert looked_at(two_sites("plan", "--all", "--json")) == 2
    (account,) = told(done(two_sites("plan", "--all", "--site", "us", "--json")))["accounts"]
    assert account["account"] == f"recurly:us:account:{code}"
    assert two_sites("plan", f"recurly:eu:account:{code}").exit_code == 0


def test_while_recurly_has_no_calls_left_it_is_waited_for(
    casewire: Run, bob: str, both: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def mended(seconds: float) -> None:
        both.told("recurly", "DELETE", "faults")
        waited.append(seconds)

    monkeypatch.setattr("connector.cli.resync.time.sleep", mended)
    both.told("recurly", "POST", "faults", {"kind": "unavailable"})
    assert looked_at(casewire("plan", "--all", "--json")) == 1
    assert waited == [30.0]


# ── wrong usage ───────────────────────────────────────────────────────────────────────────────────────────────


def one_line(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("casewire ")
    assert all(word in line for word in words), line
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["plan", "resync"])
def test_somebody_must_say_which(casewire: Run, command: str) -> None:
    one_line(casewire(command), "--file", "--since", "--site", "--all")


def test_what_cannot_be_meant_is_one_line_that_says_what_can(casewire: Run) -> None:
    one_line(casewire("plan", "--rule", "paymnt_failed"), "payment_failed", "unapplied_credit")
    one_line(casewire("plan", "--state", "angry"), "past_due", "disputed")
    one_line(casewire("plan", "bob", "--site", "nowhere"), "--site acme")
    one_line(casewire("plan", "--since", "yesterday"), "2026-11-01")
    one_line(casewire("plan", "--since", "2999-01-01"), "'2999-01-01' is in the future")
    one_line(casewire("plan", ""), "no account code")
    one_line(casewire("plan", "a\x00b"), "no account code")


HOSTILE: list[tuple[bytes, str]] = [
    (b"", "names no account"),
    (b"\n# nobody\n\n", "names no account"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "not text in UTF-8"),
    (b"bob\n\x00\x01\n", "Line 2 of codes.txt is no account code"),
    (b"x" * 10_000_000, "Line 1 of codes.txt is too long"),
    (b"bob\n" + b"y" * 300 + b"\n", "Line 2 of codes.txt is no account code"),
    (b'"bob\n', "no account 'bob'"),
]


@pytest.mark.parametrize(("content", "said"), HOSTILE, ids=[row[1] + str(n) for n, row in enumerate(HOSTILE)])
def test_a_file_that_is_none_is_one_line(casewire: Run, content: bytes, said: str) -> None:
    Path("codes.txt").write_bytes(content)
    result = casewire("plan", "--file", "codes.txt")
    assert result.exit_code in (1, 2)
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_read_is_one_line(casewire: Run) -> None:
    one_line(casewire("plan", "--file", "nowhere.txt"), "nowhere.txt")
    one_line(casewire("plan", "--file", "."), "cannot be read")


def test_without_a_key_that_is_said_and_nothing_is_read(
    casewire: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECURLY_API_KEY")
    result = casewire("plan", "--all")
    assert result.exit_code == 1
    assert "RECURLY_API_KEY" in result.stderr
    result = casewire("plan", "bob")
    assert result.exit_code == 1
    assert "failed: Site acme has no API key" in result.stdout
