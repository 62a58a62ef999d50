"""The clients against small servers that misbehave as the vendors do, and against the sandbox."""
