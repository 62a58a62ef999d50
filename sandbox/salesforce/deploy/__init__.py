"""Metadata put into an org: read from a package, checked against the org, kept, and given back."""
