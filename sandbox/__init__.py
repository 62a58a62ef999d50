"""Local Salesforce, Recurly and processors, so that Casewire can be run and tested with no account anywhere.

Nothing in ``connector/`` imports this package, and this package writes nothing outside the servers it starts.
"""
