"""Resync: fetch chosen accounts again and show, or write, the resulting plan."""
