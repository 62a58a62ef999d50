"""Reconcile: Recurly, the processors and Salesforce side by side, and where they differ about the same money."""
