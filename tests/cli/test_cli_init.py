"""``casewire init``: from nothing to a green doctor; what was there is kept, and whoever gives up leaves nothing."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values
from redis import Redis

from connector.cli import casewire
from connector.cli.init import env_file, policy_file
from connector.cli.init import prompts as where_answers_come_from
from connector.errors import SetupError
from connector.policy import Policy
from sandbox.control import Control
from sandbox.recurly import Site
from sandbox.recurly import create_app as recurly_app
from sandbox.salesforce import Org, create_app, default_metadata
from sandbox.server import serve

from .conftest import Run

ORG = "00D000000000001EAA"


@pytest.fixture(scope="module")
def org() -> Iterator[tuple[Org, str]]:
    org = Org(default_metadata(), org_id=ORG)
    with serve(create_app(org, Control())) as server:
        yield org, server.url


@pytest.fixture
def crm(org: tuple[Org, str]) -> str:
    """The address of an org that has everything."""
    org[0].reset()
    return org[1]


@pytest.fixture
def billing() -> Iterator[str]:
    site = Site("acme")
    with serve(recurly_app(site, Control())) as server:
        yield server.url
    site.close()


def given(crm: str, billing: str, **more: str) -> dict[str, str]:
    return {
        "SALESFORCE_LOGIN_URL": crm,
        "SALESFORCE_CLIENT_ID": "sandbox",
        "SALESFORCE_CLIENT_SECRET": "sandbox",
        "RECURLY_SITE": "acme",
        "RECURLY_API_KEY": "sandbox",
        "RECURLY_API_URL": billing,
        "RECURLY_WEBHOOK_SECRETS": "a" * 64,
        **more,
    }


def answered(run: Run, told: dict[str, str]) -> Result:
    Path("answers").write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    return run("init", "--answers", "answers")


# ── from a file ───────────────────────────────────────────────────────────────────────────────────────────────


def test_answers_from_a_file_end_in_a_green_doctor(run: Run, crm: str, billing: str) -> None:
    result = answered(run, given(crm, billing))
    assert result.exit_code == 0, result.output
    assert "All good. Start it: casewire up" in result.output
    written = dotenv_values(".env")
    assert written["SALESFORCE_ORG_ID"] == ORG, "the org is pinned"
    assert (written["RECURLY_SITE"], written["RECURLY_WEBHOOK_SECRETS"]) == ("acme", "a" * 64)
    assert stat.S_IMODE(os.stat(".env").st_mode) == 0o600
    assert not Path("policy.toml").exists(), "nothing of the policy was answered"
    assert not list(Path().glob("*.new"))


def test_they_may_come_from_the_environment(
    run: Run, crm: str, billing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given(crm, billing).items():
        monkeypatch.setenv(name, value)
    assert run("init").exit_code == 0
    assert dotenv_values(".env")["RECURLY_API_KEY"] == "sandbox"


def test_the_policy_is_fitted_to_the_org(run: Run, billing: str) -> None:
    with serve(create_app(Org(default_metadata(), org_id=ORG, other_statuses=True), Control())) as server:
        told = {"rules.refund.review_amount": "250", "statuses.open": "In Arbeit"}
        result = answered(run, given(server.url, billing, **told))
    assert result.exit_code == 0, result.output
    policy = Policy.load(Path("policy.toml"))
    assert policy.statuses.open == "In Arbeit"
    assert not policy.statuses.is_given("closed"), "it is the org's own"
    assert policy.rules.refund.review_amount == 250
    assert "queue" not in Path("policy.toml").read_text(), "only what was answered"


def test_a_queue_is_replaced_where_the_policy_names_one_the_org_has_not(
    run: Run, crm: str, billing: str
) -> None:
    Path("policy.toml").write_text('# ours\n[joining]\nqueue = "Gone"  # old\nwait_minutes = 5\n')
    result = answered(run, given(crm, billing, **{"joining.queue": "Billing_Refunds"}))
    assert result.exit_code == 0, result.output
    assert (
        Path("policy.toml").read_text() == '# ours\n[joining]\nqueue = "Billing_Refunds"\nwait_minutes = 5\n'
    )
    assert "# old" in Path("policy.toml.bak").read_text()


def test_two_sites(run: Run, crm: str, billing: str) -> None:
    eu = Site("acme-eu")
    with serve(recurly_app(eu, Control())) as server:
        further = {
            "RECURLY_SITES": "acme-eu",
            "RECURLY_API_KEY__ACME_EU": "sandbox",
            "RECURLY_API_URL__ACME_EU": server.url,
            "RECURLY_WEBHOOK_SECRETS__ACME_EU": "b" * 64,
        }
        result = answered(run, given(crm, billing, **further))
    eu.close()
    assert result.exit_code == 0, result.output
    written = dotenv_values(".env")
    assert written["RECURLY_SITES"] == "acme-eu"
    assert written["RECURLY_WEBHOOK_SECRETS__ACME_EU"] == "b" * 64


def test_a_processors_own_password_is_made_and_its_secret_kept(run: Run, crm: str, billing: str) -> None:
    result = answered(run, given(crm, billing, ADYEN_HMAC_KEYS="ab" * 32))
    assert result.exit_code == 0, result.output
    user, _, password = (dotenv_values(".env")["ADYEN_WEBHOOK_BASIC_AUTH"] or "").partition(":")
    assert (user, len(password) >= 32) == ("casewire", True)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"SALESFORCE_CLIENT_SECRET": "of-yesterday"}, "SALESFORCE_CLIENT_SECRET does not belong to"),
        ({"SALESFORCE_ORG_ID": "00D00000000FFFFEAA"}, "not valid"),
        ({"RECURLY_API_KEY": "of-yesterday"}, "does not accept the API key of site acme"),
        ({"RECURLY_SITE": "acme-eu"}, "Set RECURLY_SITE to acme"),
        ({"RECURLY_API_KEY": ""}, "RECURLY_API_KEY is not answered"),
        ({"RECURLY_REGION": "asia"}, "RECURLY_REGION is 'asia'; it must be one of us, eu"),
        ({"DATABASE_URL": "postgresql://me@127.0.0.1:1/none"}, "PostgreSQL does not answer"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis does not answer"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_1", "STRIPE_API_KEY": "rk_test_1"}, "Stripe cannot be reached"),
        ({"ADYEN_HMAC_KEYS": "not hex"}, "ADYEN_HMAC_KEYS"),
        ({"BRAINTREE_MERCHANT_ID": "m", "BRAINTREE_ENVIRONMENT": "staging"}, "BRAINTREE_ENVIRONMENT is"),
        ({"processors": "stripe,strip"}, "There is no processor strip; there are stripe, "),
        ({"host": "billing.acme.example"}, "is not an address like https://"),
        ({"RECURLY_SITE": "acme.recurly.com"}, "'acme.recurly.com' is not a subdomain"),
        ({"RECURLY_SITES": "acme.eu"}, "'acme.eu' is not a subdomain"),
        ({"RECURLY_API_KEYS": "x"}, "there is no setting RECURLY_API_KEYS; did you mean RECURLY_API_KEY?"),
        ({"nonsense": "x"}, "there is no setting, question or key of the policy nonsense"),
        ({"CASEWIRE_POLICY": "nowhere/policy.toml"}, "There is no folder"),
        ({"rules.refund.queue": "not a name"}, "rules.refund.queue"),
        ({"rules.refund.queeu": "Billing_Refunds"}, "did you mean 'queue'?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_an_answer_that_is_not_good_stops_it_with_nothing_written(
    run: Run, crm: str, billing: str, wrong: dict[str, str], named: str
) -> None:
    result = answered(run, given(crm, billing, STRIPE_API_URL="http://127.0.0.1:1", **wrong) | wrong)
    assert result.exit_code == 1
    assert named in result.output
    assert "Traceback" not in result.output
    assert {path.name for path in Path().iterdir()} - {"answers", "home"} == set()


def test_a_value_that_cannot_stand_in_the_file_is_refused_at_once(
    run: Run, crm: str, billing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given(crm, billing, RECURLY_WEBHOOK_SECRETS="a${HOME}b").items():
        monkeypatch.setenv(name, value)
    result = run("init")
    assert result.exit_code == 1
    assert "RECURLY_WEBHOOK_SECRETS cannot be written to .env" in result.output
    assert not Path(".env").exists()


def test_settings_that_no_question_is_about_are_kept(run: Run, crm: str, billing: str) -> None:
    told = {"PORT": "9000", "CASEWIRE_POLICY": "rules.toml", "rules.refund.review_amount": "250"}
    result = answered(run, given(crm, billing, **told))
    assert result.exit_code == 0, result.output
    written = dotenv_values(".env")
    assert (written["PORT"], written["CASEWIRE_POLICY"]) == ("9000", "rules.toml")
    assert Policy.load(Path("rules.toml")).rules.refund.review_amount == 250
    assert "rules.toml is good" in result.output, "the doctor reads the policy that was written"


@pytest.mark.parametrize("unwritable", ["policy.toml", ".env"])
def test_the_policy_is_written_before_the_settings_and_the_doctor_has_the_last_word(
    run: Run, crm: str, billing: str, monkeypatch: pytest.MonkeyPatch, unwritable: str
) -> None:
    replace = env_file.replace_file

    def full(path: Path, text: str, mode: int) -> Path | None:
        if path.name == unwritable:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return replace(path, text, mode)

    monkeypatch.setattr("connector.cli.init.env_file.replace_file", full)
    result = answered(run, given(crm, billing, **{"rules.refund.review_amount": "250"}))
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "Not everything was written: [Errno 28] No space left on device" in result.output
    assert Path("policy.toml").exists() is (unwritable == ".env")
    assert not Path(".env").exists()
    looked = result.output.partition("Running the doctor")[2]
    assert "settings  values" in looked
    assert "Write the answers" in looked.partition("Left to do")[2]


def test_a_setting_that_is_wrong_already_is_named_before_the_first_question(run: Run) -> None:
    Path(".env").write_text("PORT=http\n")
    result = run("init")
    assert (result.exit_code, "PORT: " in result.output) == (1, True)
    assert "Traceback" not in result.output


def test_what_only_a_person_can_do_is_left_to_do(run: Run, billing: str) -> None:
    with serve(create_app(Org(None, org_id=ORG), Control())) as server:
        result = answered(run, given(server.url, billing))
    assert result.exit_code == 1
    assert "Left to do" in result.output
    left = result.output.partition("Left to do")[2]
    assert "salesforce fields: Account: Deploy what Casewire writes to: casewire salesforce deploy" in left
    assert dotenv_values(".env")["SALESFORCE_ORG_ID"] == ORG, "the answers were good, and are kept"


def test_what_the_org_lacks_is_deployed(run: Run, billing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.cli.salesforce.deploy_progress.sleep", lambda _: None)
    org = Org(None, org_id=ORG)
    with serve(create_app(org, Control())) as server:
        result = answered(run, given(server.url, billing, deploy="yes"))
    assert "components deployed" in result.output
    assert result.exit_code == 0, result.output
    assert "Billing_Key__c" in org.schema.objects["Account"].fields


def test_without_a_terminal_and_without_answers_one_line_says_what_to_do(run: Run) -> None:
    result = run("init")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "--answers FILE" in line


def test_engines_that_are_given_are_looked_at_but_need_not_be_at_work_yet(
    run: Run, crm: str, billing: str, database_url: str, valkey: str, redis: Redis
) -> None:
    result = answered(run, given(crm, billing, DATABASE_URL=database_url, REDIS_URL=valkey))
    assert result.exit_code == 0, result.output
    assert "Start it: casewire migrate, then casewire up" in result.output


# ── at a terminal ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def type_(alone: None, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run it as for a person who types these lines."""
    opened = where_answers_come_from.opened
    monkeypatch.setattr("connector.cli.init.opened", lambda file: opened(file, has_terminal=lambda: True))
    return lambda *lines: CliRunner().invoke(casewire, ["init"], input="".join(f"{line}\n" for line in lines))


def test_a_person_is_asked_and_a_wrong_answer_is_asked_again(type_: Run, crm: str, billing: str) -> None:
    Path(".env").write_text(f"RECURLY_API_URL={billing}\nMINE=1  # stays\n")
    result = type_(
        crm, "sandbox", "secret", "wrong", "y",  # the login is refused, and asked again
        "", "", "", "sandbox", "y",
        "n",  # no thresholds
        "https://billing.acme.example", "acme", "", "sandbox", "n", "c" * 64,
        "", "", "",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "SALESFORCE_CLIENT_SECRET does not belong to SALESFORCE_CLIENT_ID" in result.output
    assert f"Logged in: Casewire Sandbox ({ORG}" in result.output
    assert "an endpoint https://billing.acme.example/webhooks/recurly, format JSON" in result.output
    assert "c" * 64 not in result.output, "secrets are not echoed"
    text = Path(".env").read_text()
    assert "MINE=1  # stays\n" in text
    assert dotenv_values(".env")["RECURLY_WEBHOOK_SECRETS"] == "c" * 64
    assert Path(".env.bak").read_text() == f"RECURLY_API_URL={billing}\nMINE=1  # stays\n"
    assert stat.S_IMODE(os.stat(".env.bak").st_mode) == 0o600


def test_each_wrong_answer_of_a_person_is_asked_again_at_once(type_: Run, crm: str, billing: str) -> None:
    Path(".env").write_text(f"RECURLY_API_URL={billing}\n")
    result = type_(
        crm, "sandbox", "secret", "sandbox", "y",
        "y", "", "-5", "250", "", "",  # the second threshold must not be negative
        "billing.acme.example", "https://billing.acme.example",
        "acme.recurly.com", "acme", "", "sandbox", "n", "c" * 64,
        "strip", "",
        "", "",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for wrong in (
        "rules.refund.review_amount",
        "is not an address like",
        "is not a subdomain",
        "no processor strip",
    ):
        assert wrong in result.output
    assert Policy.load(Path("policy.toml")).rules.refund.review_amount == 250


def test_enter_keeps_what_was_there(type_: Run, run: Run, crm: str, billing: str) -> None:
    assert answered(run, given(crm, billing)).exit_code == 0
    before = Path(".env").read_text()
    result = type_(*[""] * 30)
    assert result.exit_code == 0, result.output
    assert Path(".env").read_text() == before
    assert not Path(".env.bak").exists()


def test_whoever_gives_up_leaves_nothing_behind(type_: Run, crm: str) -> None:
    Path(".env").write_text("MINE=1\n")
    result = type_(crm, "sandbox", "secret", "sandbox", "y", "n")
    assert result.exit_code == 1
    assert "Aborted!" in result.output
    assert [path.name for path in Path().iterdir()] == [".env"]
    assert Path(".env").read_text() == "MINE=1\n"


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("", {"A": "1"}, "A=1\n"),
        ("A=0", {"A": "1"}, "A=1"),
        ("# A=0\nB=2\n", {"A": "1"}, "A=1\nB=2\n"),
        ("A=    # what A is\n", {"A": "1"}, "A=1  # what A is\n"),
        ("# A=0   # what A is\n", {"A": "1"}, "A=1  # what A is\n"),
        ("A=1 # c\n", {"A": "1"}, "A=1 # c\n"),
        ("A=1\nB=2\n", {"A": ""}, "A=\nB=2\n"),
        ("B=2\n", {"A": ""}, "B=2\n"),
        ("A='x\ny'\nB=2\n", {"A": "1"}, "A=1\nB=2\n"),
        ("\n\nA=0\n", {"A": "x y"}, "\n\nA='x y'\n"),
        ("", {"A": "it's #1"}, "A='it\\'s #1'\n"),
        ("", {"A": "one\ntwo"}, 'A="one\\ntwo"\n'),
    ],
)
def test_only_the_lines_that_change_change(text: str, values: dict[str, str], expected: str) -> None:
    assert env_file.updated(text, values) == expected


def test_the_example_is_filled_in_where_its_lines_stand() -> None:
    example = (Path(__file__).resolve().parents[2] / ".env.example").read_text()
    filled = env_file.updated(example, {"RECURLY_SITE": "acme", "SALESFORCE_ORG_ID": ORG})
    assert len(filled.splitlines()) == len(example.splitlines())
    assert "RECURLY_SITE=acme  # your subdomain" in filled
    assert f"\nSALESFORCE_ORG_ID={ORG}  # the only org" in filled


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("", {"statuses.closed": "Done"}, policy_file.HEAD + '\n[statuses]\nclosed = "Done"\n'),
        (
            "[statuses] # s\n# c\nclosed='x'\n",
            {"statuses.closed": "Done"},
            '[statuses] # s\n# c\nclosed = "Done"\n',
        ),
        (
            "[statuses]\nopen = 'x'\n",
            {"statuses.closed": "Done"},
            "[statuses]\nclosed = \"Done\"\nopen = 'x'\n",
        ),
        (
            "[a]\nclosed = 1\n[statuses]\n",
            {"statuses.closed": "D"},
            '[a]\nclosed = 1\n[statuses]\nclosed = "D"\n',
        ),
        ("[a]\nb = 1\n", {"c": 2}, "c = 2\n[a]\nb = 1\n"),
    ],
)
def test_a_key_is_changed_where_it_stands(text: str, values: dict[str, object], expected: str) -> None:
    assert policy_file.updated(text, values) == expected


def test_a_key_that_is_written_otherwise_is_the_operators(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"change it by hand: statuses\.closed = 'Done'"):
        policy_file.updated('statuses = { closed = "x" }\n', {"statuses.closed": "Done"})


def test_a_policy_that_is_not_good_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("")
    with pytest.raises(SetupError, match="nonsense"):
        policy_file.checked(path, {"nonsense": 1})
    assert [one.name for one in tmp_path.iterdir()] == ["policy.toml"]
    assert path.read_text() == ""


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.env", tmp_path / ".env"
    kept.write_text("A=0\n")
    link.symlink_to(kept)
    assert env_file.replace_file(link, "A=1\n", env_file.SECRET) == tmp_path / "kept.env.bak"
    assert (link.is_symlink(), kept.read_text()) == (True, "A=1\n")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
