"""Facts → the records that mirror the billing system, one file for each Salesforce object."""
