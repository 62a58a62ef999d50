"""``python worker.py`` runs ``casewire worker``, and takes its options."""

from __future__ import annotations

import sys

from connector.cli import main

if __name__ == "__main__":
    main(["worker", *sys.argv[1:]])
