"""Backfill: a whole population, or what changed since a date, read from billing and written to Salesforce.

Three phases, each of which can be stopped anywhere and goes on where it was: reading the change feed into the ledger,
fetching what it did not tell, then deciding (or writing) the accounts that were found, in the order of their keys.
"""

from connector.sync.backfill.checkpoint import BackfillOptions, Checkpoint, Phase
from connector.sync.backfill.locks import BackfillLock, BulkWriteLock
from connector.sync.backfill.report import Report, report, troubles, unreadable
from connector.sync.backfill.runner import Agree, Backfill, Unit

__all__ = [
    "Agree",
    "Backfill",
    "BackfillLock",
    "BackfillOptions",
    "BulkWriteLock",
    "Checkpoint",
    "Phase",
    "Report",
    "Unit",
    "report",
    "troubles",
    "unreadable",
]
