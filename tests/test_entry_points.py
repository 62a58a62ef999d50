"""The files at the root of the repository that servers and platforms start: ``app.py``, ``worker.py``, ``Procfile``."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from connector.cli import COMMANDS, casewire
from connector.settings import child_environment

ROOT = Path(__file__).resolve().parents[1]
FILES = {"app.py": "web", "worker.py": "worker"}
"""The command that each file runs."""
SETTINGS = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "RECURLY_SITE": "acme",
    "RECURLY_WEBHOOK_SECRETS": "0" * 64,
}
ASK_HEALTH = "from app import app; print(app.test_client().get('/healthz').json)"


def python(*arguments: str, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Python with these settings, in a folder without an ``.env``."""
    environment = child_environment(PYTHONPATH=str(ROOT), CASEWIRE_HOME=str(folder), **SETTINGS | changes)
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_app_is_a_wsgi_application_that_is_healthy_without_its_database(tmp_path: Path) -> None:
    ended = python("-c", ASK_HEALTH, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "{'status': 'alive'}\n"), ended.stderr


def test_a_wrong_setting_ends_the_wsgi_server_with_one_line(tmp_path: Path) -> None:
    ended = python("-c", ASK_HEALTH, folder=tmp_path, PORT="http")
    assert ended.returncode == 4
    assert ended.stderr.startswith("Error: PORT")
    assert len(ended.stderr.splitlines()) == 1


LIST_MODULES = "import sys, app; print(*sorted(sys.modules))"
NOT_FOR_WEB = (
    "connector.cli", "connector.clients", "connector.container", "connector.jobs", "connector.policy",
    "connector.sync", "gocardless_pro", "recurly", "simple_salesforce", "stripe",
)  # fmt: skip
"""``braintree`` and ``requests`` are not among them: Braintree's library verifies its signatures, PayPal's certificates
are fetched."""


def test_the_web_process_imports_no_client_and_no_stage(tmp_path: Path) -> None:
    ended = python("-c", LIST_MODULES, folder=tmp_path)
    loaded = ended.stdout.split()
    assert "connector.webhooks.receiver" in loaded, ended.stderr
    assert [one for one in loaded if f"{one}.".startswith(tuple(f"{name}." for name in NOT_FOR_WEB))] == []


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_run_reports_a_wrong_setting_as_the_command_does(file: str, tmp_path: Path) -> None:
    by_file = python(str(ROOT / file), folder=tmp_path, PORT="http")
    by_command = python("-m", "connector.cli", FILES[file], folder=tmp_path, PORT="http")
    assert by_file.returncode == by_command.returncode == 1
    assert by_file.stderr == by_command.stderr
    assert by_file.stderr.startswith("Error: PORT")


def test_the_procfile_names_commands_and_options_that_exist() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    processes = {name: shlex.split(command) for name, command in (line.split(": ", 1) for line in lines)}
    assert set(processes) == {"release", "web", "worker", "scheduler"}
    for program, first, *options in processes.values():
        name = FILES[first] if program == "python" else first
        assert program in ("python", "casewire")
        assert program == "casewire" or (ROOT / first).is_file()
        assert name in COMMANDS
        command = casewire.get_command(click.Context(casewire), name)
        assert command is not None
        command.make_context(name, options)


def pinned(file: str) -> set[str]:
    """``name==version`` of a requirements file."""
    return set(re.findall(r"(?m)^[a-z0-9.-]+==[^ \n]+", (ROOT / file).read_text(encoding="utf-8")))


def test_the_requirements_of_platforms_are_the_package_and_the_versions_of_the_lock() -> None:
    assert pinned("requirements.txt") == pinned("requirements.lock") < pinned("requirements-local.lock")
    assert (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1] == "."
