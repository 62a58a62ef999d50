"""The engines on one machine: PostgreSQL and Valkey from their wheels, in ``CASEWIRE_HOME``.

The same engines as in production, so the same SQL and the same queue; meant for trying, developing and testing.
Their addresses are in ``engines.json`` beside their data, so that other commands of the same home find them. Any
number of homes may run at once on one machine; a home is kept by one process.

Nobody else on the machine gets in: the home is closed (0700), both engines listen on a socket in a private directory
and on no port, and PostgreSQL checks the user at the other end (docs/decisions/0034). ``private.py`` holds those
folders and accounts, ``server.py`` an engine's process, ``launch.py`` what happens between its fork and its exec.
"""

from connector.local_services.engines import FILE, Addresses, Engines, free_port, running
from connector.local_services.postgresql import Postgres
from connector.local_services.private import Account, HomeLock, PrivateDirectory, prepare_home
from connector.local_services.server import EngineError
from connector.local_services.valkey import Valkey

__all__ = [
    "FILE",
    "Account",
    "Addresses",
    "EngineError",
    "Engines",
    "HomeLock",
    "Postgres",
    "PrivateDirectory",
    "Valkey",
    "free_port",
    "prepare_home",
    "running",
]
