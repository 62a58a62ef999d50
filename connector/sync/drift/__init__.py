"""Drift: where Salesforce does not say what it should, found by deciding anew against what it holds, and mended.

What a record should say is what the plan says of it, and for the rest what was last written to it. Everything else
is as ever: the rows that would make it true are the drift, and mending it is writing them.
"""
