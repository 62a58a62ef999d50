"""What the figures were measured on: no host name, no path."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

from redis import Redis
from sqlalchemy import create_engine, make_url

from connector.local_services import Engines


def machine() -> dict[str, str]:
    """Cores, memory, and the versions of Python, PostgreSQL and Valkey."""
    with tempfile.TemporaryDirectory(prefix="casewire-bench-") as home:
        engines = Engines(Path(home), None, None)
        try:
            postgresql, valkey = _postgresql(engines.database_url), _valkey(engines.redis_url)
        finally:
            engines.stop()
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "Python": platform.python_version(),
        "PostgreSQL": postgresql,
        "Valkey": valkey,
    }


def _postgresql(url: str) -> str:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
    engine.dispose()
    return version.split()[0]


def _valkey(url: str) -> str:
    client = Redis.from_url(url)
    told = client.info("server")
    client.close()
    return str(told.get("valkey_version") or told["redis_version"])


def _processor() -> str:
    lines = Path("/proc/cpuinfo")
    names = lines.read_text().splitlines() if lines.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in names if line.startswith("model name")),
        platform.machine(),
    )
