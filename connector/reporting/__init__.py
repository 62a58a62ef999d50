"""Reports for billing leads: figures from Salesforce's cases and the ledger, each with its definition.

``case_query.py`` turns rows into cases; everything after it is pure: cases in, figures out (``billing.py``). Cases are
counted as a stream, so memory does not grow with their number.
"""

from connector.reporting.billing import LINES, PERCENT, Counting, Report
from connector.reporting.cases import Case
from connector.reporting.definitions import DEFINITIONS, GENERAL
from connector.reporting.period import Period
from connector.reporting.table_models import ALL, Section

__all__ = [
    "ALL",
    "DEFINITIONS",
    "GENERAL",
    "LINES",
    "PERCENT",
    "Case",
    "Counting",
    "Period",
    "Report",
    "Section",
]
