"""Query results waiting for ``nextRecordsUrl``; only the most recent ones are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from sandbox.salesforce.ids import make_id

_KEPT: Final = 50


class Cursors:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made = 0
        self._open: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    def open(self, records: list[dict[str, Any]]) -> str:
        with self._lock:
            self._made += 1
            name = make_id("01g", self._made)
            self._open[name] = records
            while len(self._open) > _KEPT:
                self._open.popitem(last=False)
        return name

    def records(self, name: str) -> list[dict[str, Any]] | None:
        with self._lock:
            return self._open.get(name)

    def clear(self) -> None:
        with self._lock:
            self._open.clear()
