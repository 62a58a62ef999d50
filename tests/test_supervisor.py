"""Keeping processes: started again when they die, ended when we end, however we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from waiting import wait_until

from connector import supervisor
from connector.parent_watch import is_alive, send_signal
from connector.supervisor import Supervisor, run_child


@contextmanager
def kept(keeper: Supervisor) -> Iterator[None]:
    """Run the keeper in a thread, as ``casewire demo`` does."""
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def python(source: str) -> tuple[str, ...]:
    return sys.executable, "-c", textwrap.dedent(source)


SAY_AND_WAIT = """
    import os, sys, time
    open(sys.argv[1], "a").write(f"{os.getpid()} {os.environ['CASEWIRE_WORKER']}\\n")
    time.sleep(600)
"""


def said(file: Path) -> list[tuple[int, str]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(pid), name) for pid, name in (line.split() for line in lines)]


def test_a_child_runs_under_its_name_and_is_ended_with_its_keeper(tmp_path: Path) -> None:
    keeper = Supervisor(command=python(SAY_AND_WAIT))
    for name in ("web-1", "worker-1"):
        keeper.add(name, [str(tmp_path / name)], dict(os.environ))
    with kept(keeper):
        wait_until(lambda: said(tmp_path / "web-1") and said(tmp_path / "worker-1"))
        pids = keeper.pids()
        assert said(tmp_path / "web-1") == [(pids["web-1"], "web-1")]
        assert said(tmp_path / "worker-1") == [(pids["worker-1"], "worker-1")]
    assert not any(is_alive(pid) for pid in pids.values())
    assert keeper.pids() == {}


def test_a_child_that_is_killed_is_started_again_under_its_name(tmp_path: Path) -> None:
    keeper = Supervisor(command=python(SAY_AND_WAIT))
    keeper.add("worker-1", [str(tmp_path / "said")], dict(os.environ))
    with kept(keeper):
        wait_until(lambda: len(said(tmp_path / "said")) == 1)
        os.kill(said(tmp_path / "said")[0][0], signal.SIGKILL)
        wait_until(lambda: len(said(tmp_path / "said")) == 2)
    first, second = said(tmp_path / "said")
    assert first[0] != second[0]
    assert first[1] == second[1] == "worker-1"


def test_a_child_that_dies_at_once_is_started_with_growing_pauses() -> None:
    keeper = Supervisor(command=python("raise SystemExit(3)"))
    keeper.add("worker-1", [], dict(os.environ))
    with capture_logs() as lines, kept(keeper):
        wait_until(lambda: len(lines) >= 3)
    assert [line["code"] for line in lines[:3]] == [3, 3, 3]
    assert [line["seconds"] for line in lines[:3]] == [0.4, 0.8, 1.6]


def test_a_child_that_ran_steadily_is_started_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.0)
    keeper = Supervisor(command=python("raise SystemExit(3)"))
    keeper.add("worker-1", [], dict(os.environ))
    with capture_logs() as lines, kept(keeper):
        wait_until(lambda: len(lines) >= 3)
    assert [line["seconds"] for line in lines[:3]] == [0.2, 0.2, 0.2]


def test_a_child_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + textwrap.dedent(SAY_AND_WAIT)
    keeper = Supervisor(command=(sys.executable, "-c", deaf))
    keeper.add("worker-1", [str(tmp_path / "said")], dict(os.environ))
    with kept(keeper):
        wait_until(lambda: said(tmp_path / "said"))
    assert not is_alive(said(tmp_path / "said")[0][0])


def test_what_the_keeper_is_asked_to_do_besides_is_done_again_and_again() -> None:
    done = threading.Semaphore(0)
    with kept(Supervisor(also=done.release)):
        assert done.acquire(timeout=30)
        assert done.acquire(timeout=30)


def test_what_children_say_goes_where_it_is_told(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        keeper = Supervisor(
            log=log, command=python("import sys; print('out'); print('err', file=sys.stderr)")
        )
        keeper.add("worker-1", [], dict(os.environ))
        with kept(keeper):
            wait_until(lambda: (tmp_path / "log").read_text().count("\n") >= 2)
    assert {"out", "err"} <= set((tmp_path / "log").read_text().split())


KEEPER = """
    import os, sys, threading
    from connector.supervisor import Supervisor
    keeper = Supervisor(command=(sys.executable, "-c", sys.argv[1], sys.argv[2]))
    keeper.add("worker-1", [], {**os.environ, "CASEWIRE_KEPT": "1"})
    keeper.run(threading.Event())
"""
KEPT = "from connector.cli.serve import end_with_supervisor; end_with_supervisor()" + textwrap.dedent(
    SAY_AND_WAIT
)


def test_children_end_when_their_keeper_is_killed(tmp_path: Path) -> None:
    keeper = subprocess.Popen([*python(KEEPER), KEPT, str(tmp_path / "said")])
    wait_until(lambda: said(tmp_path / "said"))
    (child, _) = said(tmp_path / "said")[0]
    assert is_alive(child)
    keeper.kill()
    keeper.wait()
    wait_until(lambda: not is_alive(child))


# ── who is above, and who is signalled ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pid", [1, 0, -1, -os.getpid()], ids=["init", "own group", "everybody", "a group"])
def test_process_1_and_groups_are_never_signalled(pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(*sent: object) -> None:
        raise AssertionError(f"{sent} was sent")

    monkeypatch.setattr(os, "kill", kill)
    with pytest.raises(ValueError, match="not a process that Casewire started"):
        send_signal(pid, signal.SIGTERM)


def test_a_process_that_has_ended_is_not_alive_even_if_nobody_asked_how() -> None:
    """A starter that was killed stays in the process table until its own parent looks: in some containers, for ever."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        os.kill(ended.pid, 0)
        assert not is_alive(ended.pid)
    assert not send_signal(ended.pid, signal.SIGTERM)
    assert is_alive(os.getpid())
    assert not is_alive(0)
    assert not is_alive(-1)


ORPHAN = """
    import ctypes, os, signal, time
    from connector.parent_watch import end_with_parent

    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signalled = []
    signal.signal(signal.SIGTERM, lambda *_: signalled.append("signalled"))
    pids, started = os.pipe()
    wait, go = os.pipe()
    if (server := os.fork()) == 0:
        server = os.getpid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.write(started, str(os.getpid()).encode())
            os.read(wait, 1)
            end_with_parent(server, 5.0)
            time.sleep(60)
            os._exit(9)
        time.sleep(60)
        os._exit(0)
    child = int(os.read(pids, 100))
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    os.write(go, b"1")
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), *signalled)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a process that orphans are given to")
def test_a_web_process_whose_server_was_killed_ends_and_signals_nobody_else() -> None:
    """Killed before it could ask who is above: by then that is another process, here one that hears every SIGTERM."""
    answer = subprocess.run(python(ORPHAN), capture_output=True, text=True, timeout=60)
    assert answer.stdout == f"{-signal.SIGTERM}\n", answer


MODULE = """
import os, subprocess, sys, time
print(os.getpid(), os.environ["CASEWIRE_SERVER"], *sys.argv[1:], flush=True)
time.sleep(600)
"""


def test_a_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    """However soon: the pipe tells, not a pid. The server passes its own pid down."""
    (tmp_path / "some_server.py").write_text(MODULE)
    command = [sys.executable, "-m", "connector.parent_watch", "30", "some_server", "--port", "1"]
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    given = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=given
    ) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline().split() == [str(server.pid), str(server.pid), "--port", "1"]
        server.stdin.close()
        assert server.wait(60) == -signal.SIGTERM


def test_a_single_child_is_ended_when_we_are_told_to_stop(tmp_path: Path) -> None:
    stop, codes = threading.Event(), list[int]()
    command = [*python(SAY_AND_WAIT), str(tmp_path / "said")]
    given = {**os.environ, "CASEWIRE_WORKER": "w"}
    thread = threading.Thread(target=lambda: codes.append(run_child(command, given, stop, seconds=30)))
    thread.start()
    wait_until(lambda: said(tmp_path / "said"))
    stop.set()
    thread.join(60)
    assert codes == [0]
    assert not is_alive(said(tmp_path / "said")[0][0])
    assert run_child(python("raise SystemExit(3)"), given, threading.Event(), seconds=30) == 3
