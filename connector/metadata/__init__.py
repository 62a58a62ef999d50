"""Reads the folder ``salesforce/``, packs it for a deployment, compares it with an org, and lists manual steps."""
