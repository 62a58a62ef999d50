"""What Salesforce should say, rule by rule: one file for each case, one for the records of billing.

A rule is pure: facts and policy in, changes out. Rules do not know each other. To add one: write its file, say it
in one sentence at its top, add its line to ``decide/registry.py``, its section to the policy, and its table test.
"""
