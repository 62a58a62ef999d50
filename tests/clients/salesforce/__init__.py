"""The Salesforce client: most tests mock its HTTP exchanges with ``responses``; some need a server of their own."""
