"""Benchmarks: each figure is a ratio of two sides that were measured in the same run (README.md)."""
