"""Casewire keeps Salesforce true to billing.

The way through, each stage resting on the ledger before the next begins:

1. receive   a delivery is verified, redacted, recorded as events, answered 2xx   (webhooks/)
2. refresh   what the events point to is fetched in batches, kept as snapshots    (sync/refresh/refresh.py)
3. decide    facts of one account + policy + now → a plan; a pure function        (sync/decide/decide.py)
4. apply     the plan is written to Salesforce by external id, row by row         (sync/apply/applier.py)

An event is a hint, the account is the unit of work, the plan is a value.
"""

__version__ = "0.1.0"
