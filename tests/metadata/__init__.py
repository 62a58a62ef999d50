"""The folder ``salesforce/`` read, packed, compared; against the sandbox where an org is needed."""
