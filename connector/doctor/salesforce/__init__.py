"""Salesforce: the login, the org, what the integration user may do there, and what would be in its way."""
