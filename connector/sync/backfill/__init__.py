"""Backfill: read a complete billing site, or what changed since a date, and write it to Salesforce.

Three phases, each of which can be stopped at any point and resumed: read the change feed into the ledger, fetch the
history that the feed did not contain, then decide (or write) the accounts that were found, in the order of their keys.
"""

from connector.sync.backfill.checkpoint import BackfillOptions, Checkpoint, Phase
from connector.sync.backfill.locks import BackfillLock, BulkWriteLock
from connector.sync.backfill.report import Report, report, troubles, unreadable
from connector.sync.backfill.runner import Backfill, Confirm, Unit

__all__ = [
    "Backfill",
    "BackfillLock",
    "BackfillOptions",
    "BulkWriteLock",
    "Checkpoint",
    "Confirm",
    "Phase",
    "Report",
    "Unit",
    "report",
    "troubles",
    "unreadable",
]
