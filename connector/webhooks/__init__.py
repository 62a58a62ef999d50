"""STAGE 1: a delivery is verified, parsed, recorded in one commit, answered, and stage 2 is woken.

``source.py`` says what a source is, ``registry.py`` lists them, one folder holds what is known of each.
"""
