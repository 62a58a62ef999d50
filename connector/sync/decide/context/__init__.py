"""Queries on the facts of one account that several rules share."""
