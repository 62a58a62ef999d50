"""Backfill: a whole population, or what changed since a date, read from billing and written to Salesforce.

Two phases, each of which can be stopped anywhere and goes on where it was: reading the change feed into the ledger,
then deciding (and writing) the accounts that were found, in the order of their keys.
"""

from connector.sync.backfill.report import Report, report, troubles
from connector.sync.backfill.running import Backfill
from connector.sync.backfill.state import Asked, Phase, State
from connector.sync.backfill.turn import Turn
from connector.sync.backfill.writing import Turns

__all__ = [
    "Asked",
    "Backfill",
    "Phase",
    "Report",
    "State",
    "Turn",
    "Turns",
    "report",
    "troubles",
]
