"""Reconcile: compare Recurly, the processors and Salesforce, and report where they differ about the same money."""
