"""Salesforce: reads by SOQL, writes by external id, one login for all workers."""

from simple_salesforce.format import format_soql

from connector.clients.salesforce.client import SalesforceClient, UserInfo, parent
from connector.clients.salesforce.collections import RowResult
from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.errors import Match, RowError, Verdict
from connector.clients.salesforce.login import LoginRefused
from connector.clients.salesforce.metadata import Deployment, Problem
from connector.clients.salesforce.org import Org
from connector.clients.salesforce.session import Call
from connector.clients.salesforce.tokens import MemoryTokens, RedisTokens, Token, TokenStore

__all__ = [
    "Call",
    "Deployment",
    "LoginRefused",
    "Match",
    "MemoryTokens",
    "Org",
    "Problem",
    "RedisTokens",
    "RowError",
    "RowResult",
    "SalesforceClient",
    "SalesforceConfig",
    "Token",
    "TokenStore",
    "UserInfo",
    "Verdict",
    "format_soql",
    "parent",
]
