"""What is left out because of the org, each said once: in the log, and to ``casewire status``."""

from __future__ import annotations

import structlog

log = structlog.get_logger("connector.shaping")


class SchemaWarnings:
    """Of one process. It knows names of fields, never values: there are not many."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def __call__(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told[sentence] = None
            log.warning("org_does_not_fit", what=sentence, outcome="left out")

    def told(self) -> list[str]:
        """In the order in which they came up."""
        return list(self._told)
