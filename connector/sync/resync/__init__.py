"""Resync: fetch the objects of chosen accounts again and plan, or write, what follows."""
