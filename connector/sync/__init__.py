"""Stages 2 to 4: refresh what events point to, decide what Salesforce should say, apply it."""
