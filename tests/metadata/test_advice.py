"""What Salesforce says of a component leads to what a person does."""

from __future__ import annotations

import pytest

from connector.metadata.advice import OTHERWISE, advice

SAID = [
    ("Could not find field Billing_Rule__c on object Case", "Casewire_Agent"),
    ("Could not resolve list view column: Billing_Amount__c", "Casewire_Agent"),
    ("Picklist value: Working in picklist: Status not found", "policy.toml"),
    ("You have reached the maximum number of 25 external ID fields for Case", "limit"),
    ("Cannot change field type from Text to Picklist", "another kind"),
    ("In field: field - no CustomField named Case.Billing_Key__c found", "fix the other rows first"),
    ("Entity of type 'RecordType' is not available in this organization", "edition"),
    ("Unknown user permission: ApiEnabled", "licences"),
    ("You cannot deploy to a required field: Case.Billing_Key__c", "required"),
    ("insufficient access rights on cross-reference id", "System Administrator"),
    ("duplicate value found: DeveloperName duplicates value on record with id: 00G", "already"),
    ("An unexpected error occurred. Please include this ErrorId: 12-34 (56)", "support"),
    ("unable to obtain exclusive access to this record", "Another deployment"),
]


@pytest.mark.parametrize(("said", "named"), SAID, ids=[row[0][:40] for row in SAID])
def test_a_known_problem_leads_to_its_mend(said: str, named: str) -> None:
    assert named in advice(said)


def test_an_unknown_problem_gets_what_always_helps() -> None:
    assert advice("Something nobody has heard of") == OTHERWISE
