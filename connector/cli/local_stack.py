"""Runs Casewire and the sandbox vendors on this machine, for the demo, the benchmarks and the flow tests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
from sqlalchemy import Engine

from connector.cli.serve import add_parts, engines, environment, restart_dead_engines
from connector.errors import SetupError
from connector.ledger import queries
from connector.ledger.engine import open_engine
from connector.local_services import Engines, free_port
from connector.retry import wait_until
from connector.sources import registry
from connector.supervisor import Supervisor, end_all

SITE = "sandbox"
_WORK = ("events_waiting", "accounts_due", "histories_wanted", "asks_waiting")
START_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Vendors:
    """The sandbox process and where its servers listen."""

    salesforce: str
    recurly: str
    processors: str
    process: subprocess.Popen[bytes]

    def control(self, server: str, method: str, path: str, body: object = None) -> Any:
        """A call to the control plane of ``salesforce``, ``recurly`` or ``processors``."""
        url = f"{getattr(self, server)}/__sandbox__/{path}"
        answer = requests.request(method, url, json=body, timeout=600)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def records(self, object_: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("salesforce", "GET", f"records/{object_}")
        return found


def require_sandbox() -> None:
    """SetupError if the package ``sandbox`` is missing, as in an installed wheel. A folder of that name without the
    package has a spec without an origin."""
    spec = find_spec("sandbox")
    if spec is None or spec.origin is None:
        raise SetupError(
            "The sandbox vendors are not part of the installed package. Run this command in a checkout of the "
            "repository, after `make`."
        )


@contextmanager
def vendors(*arguments: str) -> Iterator[Vendors]:
    """The sandbox, in a process of its own that ends with this one."""
    require_sandbox()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--exit-with-parent", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SetupError("The sandbox did not start; its output is above.")
        urls = json.loads(line)
        yield Vendors(urls["salesforce"], urls["recurly"], urls["processors"], process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        end_all([process], 10.0)
        assert process.stdout is not None
        process.stdout.close()


@dataclass(slots=True)
class Stack:
    """A running Casewire beside running sandbox vendors."""

    vendors: Vendors
    engines: Engines
    supervisor: Supervisor
    engine: Engine
    url: str
    home: Path
    environment: Mapping[str, str] = field(repr=False)

    def quiet(self) -> bool:
        """Whether everything that was received is worked. Dead letters count as worked."""
        with self.engine.connect() as connection:
            numbers = queries.numbers(connection)
        return not any(numbers[name] for name in _WORK)

    def sent(self) -> list[dict[str, Any]]:
        """Every event the sandbox sent: source, id (None if its source has none), kind, acknowledged."""
        billing = self.vendors.control("recurly", "GET", "webhooks")["notifications"]
        processors = self.vendors.control("processors", "GET", "webhooks")["notifications"]
        return [*({"source": "recurly", **one} for one in billing), *processors]

    def settle(self, seconds: float = 300.0) -> bool:
        """Wait until everything is delivered and worked; False after ``seconds``."""

        def is_settled() -> bool:
            return self.quiet() and all(one["acknowledged"] for one in self.sent()) and self.quiet()

        return wait_until(is_settled, seconds=seconds, interval=0.1)


@contextmanager
def stack(
    home: Path,
    *,
    workers: int = 1,
    sandbox: tuple[str, ...] = (),
    changes: Mapping[str, str] | None = None,
    log: BinaryIO | None = None,
) -> Iterator[Stack]:
    """Start everything, wait until deliveries can be received, end everything. ``log``: where its log goes."""
    with ExitStack() as cleanup:
        sandboxed = cleanup.enter_context(vendors(*sandbox))
        running = cleanup.enter_context(engines(home, None, None))
        port, secret = free_port(), secrets.token_hex(32)
        given = {
            **environment(running, home),
            **sandbox_settings(sandboxed, secret),
            **registry.sandbox_settings(sandboxed.processors, urlsplit(sandboxed.processors).netloc, secret),
            **(changes or {}),
        }
        supervisor = Supervisor(also=lambda: restart_dead_engines(running), log=log)
        add_parts(supervisor, given, port=port, workers=workers)
        _run(supervisor, cleanup)
        engine = open_engine(running.database_url)
        cleanup.callback(engine.dispose)
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url)
        endpoint = {"url": f"{url}/webhooks/recurly", "secret": secret, "format": "json"}
        sandboxed.control("recurly", "PUT", "webhooks", endpoint)
        sandboxed.control("processors", "PUT", "webhooks", processor_endpoints(url, secret))
        yield Stack(sandboxed, running, supervisor, engine, url, home, given)


def _run(supervisor: Supervisor, cleanup: ExitStack) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=supervisor.run, args=(stop,), name="supervisor")
    thread.start()
    cleanup.callback(thread.join)
    cleanup.callback(stop.set)


def sandbox_settings(sandboxed: Vendors, secret: str) -> dict[str, str]:
    """The settings that point Casewire to the sandbox."""
    return {
        "RECURLY_SITE": SITE,
        "RECURLY_API_KEY": "sandbox",
        "RECURLY_API_URL": sandboxed.recurly,
        "RECURLY_WEBHOOK_SECRETS": secret,
        "RECURLY_WEBHOOK_BASIC_AUTH": f"recurly:{secret}",
        "SALESFORCE_LOGIN_URL": sandboxed.salesforce,
        "SALESFORCE_CLIENT_ID": "sandbox",
        "SALESFORCE_CLIENT_SECRET": "sandbox",
        "SALESFORCE_ORG_ID": sandboxed.records("Organization")[0]["Id"],
    }


def processor_endpoints(url: str, secret: str) -> dict[str, dict[str, str]]:
    """Where the sandbox's processors post to, and how they prove it."""
    proofs = registry.sandbox_proofs(secret)
    return {name: {"url": f"{url}/webhooks/{name}", **proof} for name, proof in proofs.items()}


def _wait_until_ready(url: str) -> None:
    reasons: object = "no answer"

    def is_ready() -> bool:
        nonlocal reasons
        with suppress(requests.RequestException):
            answer = requests.get(f"{url}/readyz", timeout=2)
            if answer.status_code == 200:
                return True
            reasons = answer.json()["reasons"]
        return False

    if not wait_until(is_ready, seconds=START_SECONDS, interval=0.05):
        raise SetupError(f"Casewire did not get ready within {START_SECONDS:.0f} s: {reasons}")


def casewire(given: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a ``casewire`` command against a stack, as an admin would beside it."""
    return subprocess.run(
        [sys.executable, "-m", "connector.cli", *arguments],
        env={**os.environ, **given, "CASEWIRE_KEPT": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
