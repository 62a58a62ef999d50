"""Stage 3, pure: facts of an account, the policy and the time give the plan for Salesforce."""
