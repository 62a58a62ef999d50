"""``python -m connector.cli``: how Casewire starts its own processes."""

from connector.cli import main

main()
