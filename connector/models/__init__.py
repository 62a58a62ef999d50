"""Frozen values that the stages pass on: events, facts of an account, plans. No I/O."""
