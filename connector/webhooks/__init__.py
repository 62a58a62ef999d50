"""Stage 1: verifies a delivery, parses it, records it in one commit, answers, and wakes stage 2.

``source.py`` defines a source, ``registry.py`` lists all, and each source has a folder.
"""
