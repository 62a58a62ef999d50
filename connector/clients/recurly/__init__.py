"""Recurly's API v3: asks for objects in batches and answers with facts, never with the client's resources."""

from connector.clients.recurly.client import RecurlyClient, RecurlyConfig
from connector.clients.recurly.rate_limit import BudgetSnapshot, RateBudget
from connector.clients.recurly.results import Failed, Fetched

__all__ = ["BudgetSnapshot", "Failed", "Fetched", "RateBudget", "RecurlyClient", "RecurlyConfig"]
