"""Stage 4: compare plans with what Salesforce has, write the difference, record the outcome."""
