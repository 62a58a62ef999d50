"""Recurly, processors and Salesforce side by side."""
