"""Checks of refunds: eligibility by policy, review by a person, and double refunds after a dispute."""
