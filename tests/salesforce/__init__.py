"""Checks of the Salesforce metadata that need no org."""
