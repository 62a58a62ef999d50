"""Adapts plans to one Salesforce org: its fields, record types, currencies, person accounts and mapped fields."""
