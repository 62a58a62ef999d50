"""Salesforce: reads by SOQL, writes by external id, one login for all workers."""

from connector.clients.salesforce.client import SalesforceClient, parent
from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.errors import RowError, Verdict
from connector.clients.salesforce.org import Org, missing_fields, require_fields
from connector.clients.salesforce.rows import RowResult
from connector.clients.salesforce.session import Call
from connector.clients.salesforce.tokens import MemoryTokens, Token, TokenStore

__all__ = [
    "Call",
    "MemoryTokens",
    "Org",
    "RowError",
    "RowResult",
    "SalesforceClient",
    "SalesforceConfig",
    "Token",
    "TokenStore",
    "Verdict",
    "missing_fields",
    "parent",
    "require_fields",
]
