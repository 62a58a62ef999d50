"""The outside world, behind plain methods that return our values: vendor SDKs are imported here only."""
