"""All processors of one sandbox: their objects, and their webhooks."""

from __future__ import annotations

from sandbox.processors.store import Store
from sandbox.processors.webhooks import Webhooks
from sandbox.sender import Sender


class Processors:
    """``sender`` posts for everybody who tells of the same accounts; ``close`` ends it."""

    def __init__(self, sender: Sender | None = None) -> None:
        self.store = Store()
        self.sender = sender or Sender()
        self.webhooks = Webhooks(self.sender)

    def reset(self) -> None:
        """No objects, nothing said; the webhook endpoints stay."""
        self.webhooks.clear()
        self.store.clear()

    def close(self) -> None:
        self.sender.close()
