"""Drift: differences between Salesforce and the expected records, found by deciding again against the org's values.

The expected value of a field comes from the plan, or else from the mirror. The rows that would correct Salesforce are
the drift; the repair writes them.
"""
