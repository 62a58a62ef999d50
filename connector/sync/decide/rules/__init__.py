"""The rules: one file for each kind of case, and one for billing records.

A rule is pure: facts and policy in, changes out. Rules do not know each other. To add one: write its file with
one sentence at its top, add its line to ``decide/registry.py``, its section to the policy, and its table test.
"""
