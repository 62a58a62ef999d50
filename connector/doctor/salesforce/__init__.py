"""Salesforce: the login, the org, the rights of the integration user, and rules of the org that block writes."""
