"""Whether a destination can be called now: retries, circuit breakers, API budgets."""
