"""Reports for the people who answer for billing: figures from Salesforce's cases and the ledger, each with its
definition.

``reading.py`` turns rows into cases; everything behind it is pure: cases in, figures out (``billing.py``), counted as
they pass, so that memory does not grow with them.
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
