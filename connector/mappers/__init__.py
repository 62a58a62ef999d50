"""Pure translation at the two borders: a source's words → facts, facts → Salesforce's words."""
