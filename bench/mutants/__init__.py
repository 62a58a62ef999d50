"""Mutation tests: single, realistic faults that the tests must notice. ``make mutants`` runs them.

``model`` describes a fault, ``lists`` holds the faults by area, ``runner`` applies one at a time to a copy of the
checkout and runs the tests that should notice it, ``__main__`` is the command.
"""
