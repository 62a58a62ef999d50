"""Fetch the next page while the current one is processed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each next one fetched in a thread meanwhile. What fetching raises is raised in its place."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    try:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
    finally:
        # who is left to himself may be waiting for his turn for minutes
        pool.shutdown(wait=False, cancel_futures=True)
