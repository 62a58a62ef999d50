"""The processes: all on this machine (``up``), or one each for a Procfile (``web worker scheduler migrate``).

Each command imports what its process runs, so that the web process has no vendor's client in memory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from connector import logs, settings
from connector.cli.output.console import err
from connector.errors import SetupError
from connector.ledger.engine import migrate as migrate_ledger
from connector.ledger.engine import open_engine, require_current
from connector.local_services import Engines
from connector.parent_watch import end_with_stdin
from connector.supervisor import Supervisor, run_child
from connector.web_container import WebContainer

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

log = structlog.get_logger("connector.cli")

KEPT = "CASEWIRE_KEPT"
LOOPBACK = "127.0.0.1"


_PORT = click.option(
    "--port", type=click.IntRange(1, 65535), metavar="P", help="Where to listen; default: PORT, else 8080."
)

_HOST = click.option(
    "--host", default=LOOPBACK, show_default=True, help="Address to listen on; 0.0.0.0 for every interface."
)


def stop_event() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def end_with_supervisor() -> None:
    """End a supervised process properly when its supervisor is killed."""
    if os.environ.get(KEPT):
        end_with_stdin()


def warn_of_unknown_settings() -> None:
    """Log each misspelt setting once; a supervised process leaves it to its supervisor."""
    if os.environ.get(KEPT):
        return
    for one in settings.unknown_settings():
        hint = {"did_you_mean": one.suggestion} if one.suggestion else {"advice": one.advice}
        log.warning("unknown_setting", setting=one.name, place=one.place, **hint, outcome="ignored")


@contextlib.contextmanager
def engines(home: Path, database_url: str | None, redis_url: str | None) -> Iterator[Engines]:
    """Embedded PostgreSQL and Valkey of a home, with the ledger migrated."""
    running = Engines(home, database_url, redis_url)
    try:
        engine = open_engine(running.database_url)
        migrate_ledger(engine)
        engine.dispose()
        yield running
    finally:
        running.stop()


def restart_dead_engines(running: Engines) -> None:
    """Restart engines that died."""
    for name in running.restart_dead():
        log.warning("engine_restarted", engine=name, outcome="restart")


def environment(running: Engines, home: Path) -> dict[str, str]:
    """Environment of the processes of this machine."""
    return settings.child_environment(
        DATABASE_URL=running.database_url,
        REDIS_URL=running.redis_url,
        CASEWIRE_HOME=str(home),
        **{KEPT: "1"},
    )


def add_parts(
    supervisor: Supervisor, given: dict[str, str], *, port: int, workers: int, host: str = LOOPBACK
) -> None:
    """Add web, scheduler and workers to the supervisor."""
    own = os.getpid()
    supervisor.add(f"web-{own}", ["web", "--host", host, "--port", str(port)], given)
    supervisor.add(f"scheduler-{own}", ["scheduler"], given)
    for number in range(1, workers + 1):
        supervisor.add(f"worker-{own}-{number}", ["worker"], given)


@click.command()
@_PORT
@_HOST
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def up(port: int | None, host: str, workers: int) -> None:
    """Web, worker and scheduler on this machine, with the vendors of .env.

    \b
    PostgreSQL and Valkey are embedded unless DATABASE_URL / REDIS_URL are set; in production, set both.
    Ctrl-C ends everything. Only one `casewire up` can use a CASEWIRE_HOME at a time.
    Example: casewire up --workers 2
    """
    from connector.container import container_from_environment

    given = settings.load()
    logs.configure(given.casewire_log)
    warn_of_unknown_settings()
    stop = stop_event()
    container = container_from_environment()
    container.policy  # noqa: B018 - an invalid policy fails now, not at the first case
    for sentence in container.not_configured():
        err.print(f"[yellow]{sentence}[/yellow]")
    with engines(given.casewire_home, given.database_url, given.redis_url) as running:
        supervisor = Supervisor(also=lambda: restart_dead_engines(running))
        port = given.port if port is None else port
        add_parts(
            supervisor, environment(running, given.casewire_home), port=port, workers=workers, host=host
        )
        err.print(f"Casewire is up. Deliveries: http://{host}:{port}/webhooks/<source>   Ctrl-C ends it.")
        supervisor.run(stop)


@click.command()
@_PORT
@_HOST
def web(port: int | None, host: str) -> None:
    """The receiver. Put a TLS proxy in front of it; Recurly posts to ports 80 and 443 only.

    \b
    Example: casewire web --port 8080
    """
    from connector.web import STOP_SECONDS, web_process

    end_with_supervisor()
    container = WebContainer(settings.load())
    given = container.settings
    logs.configure(given.casewire_log)
    warn_of_unknown_settings()
    try:
        require_current(container.engine)
    finally:
        container.engine.dispose()
    metrics = tempfile.mkdtemp(prefix="casewire-metrics-")
    arguments = [
        sys.executable, "-m", "connector.parent_watch", str(STOP_SECONDS + 5),
        "connector.front", f"{web_process.__module__}:{web_process.__name__}",
        "--host", host, "--port", str(given.port if port is None else port),
        "--processes", str(given.casewire_web_processes), "--stop-seconds", str(STOP_SECONDS),
    ]  # fmt: skip
    if address := given.casewire_metrics_address:
        serve_metrics(address, container, Path(metrics))
    changes = {"PROMETHEUS_MULTIPROC_DIR": metrics}
    # Before the server starts, so that a signal from now on reaches it.
    stop = stop_event()
    try:
        code = run_child(arguments, settings.child_environment(**changes), stop, seconds=STOP_SECONDS + 5.0)
    finally:
        shutil.rmtree(metrics, ignore_errors=True)
    sys.exit(1 if code > 0 else 0)


def serve_metrics(address: str, container: WebContainer, folder: Path) -> BaseWSGIServer:
    """``/metrics`` of all web processes on an address of its own, from a thread of this process."""
    from werkzeug.serving import make_server

    from connector.web import create_metrics_app

    host, _, port = address.rpartition(":")
    try:
        server = make_server(
            host.strip("[]"), int(port), create_metrics_app(container, folder), threaded=True
        )
    except (OSError, SystemExit):
        raise SetupError(
            f"CASEWIRE_METRICS_ADDRESS: {address} cannot be listened on. Choose another."
        ) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


@click.command()
@click.option(
    "--count",
    type=click.IntRange(1, 64),
    help="Run this many worker processes; default: this process is one.",
)
def worker(count: int | None) -> None:
    """RQ workers: they refresh what events point to and apply what is due.

    \b
    Example: casewire worker --count 2
    """
    if count is not None:
        _keep_workers(count)
        return
    from connector.container import container_from_environment
    from connector.worker import run

    end_with_supervisor()
    container = container_from_environment()
    logs.configure(container.settings.casewire_log)
    warn_of_unknown_settings()
    require_current(container.engine)
    run(container)


def _keep_workers(count: int) -> None:
    given = settings.load()
    logs.configure(given.casewire_log)
    warn_of_unknown_settings()
    supervisor = Supervisor()
    for number in range(1, count + 1):
        supervisor.add(
            f"worker-{os.getpid()}-{number}", ["worker"], settings.child_environment(**{KEPT: "1"})
        )
    supervisor.run(stop_event())


@click.command()
def scheduler() -> None:
    """Wakes stages that have work, runs the periodic checks, purges.

    \b
    Example: casewire scheduler
    """
    from connector.container import container_from_environment
    from connector.scheduler import run

    end_with_supervisor()
    container = container_from_environment()
    logs.configure(container.settings.casewire_log)
    warn_of_unknown_settings()
    require_current(container.engine)
    run(container, stop_event())


@click.command()
def migrate() -> None:
    """Bring the tables of DATABASE_URL to what this version needs. Safe to run at every deployment.

    \b
    Example: casewire migrate
    """
    given = settings.load()
    if not given.database_url:
        raise SetupError("DATABASE_URL is not set. `casewire up` migrates its own embedded PostgreSQL.")
    engine = open_engine(given.database_url)
    migrate_ledger(engine)
    engine.dispose()
    err.print("The ledger is up to date.")
