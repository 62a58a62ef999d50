"""What no account was found for: a person gets it once it has waited, in the triage queue, with what is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journey import NO_CASE, POLICY, Row, travel
from test_stripe_to_case import CUSTOMER, tell

from connector.models.facts import SubjectKind
from connector.models.plan import Queue

KINDS = {
    "charge.dispute.created": Row("Billing_Dispute__c needs_response", "opens dispute"),
    "refund.failed": Row("Billing_Refund__c failed", "opens refund_failed"),
    "radar.early_fraud_warning.created": Row("no record", "opens fraud_warning"),
    "mandate.updated": Row("no record", "opens mandate_lost"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_after_the_wait_it_is_a_case_in_the_triage_queue(kind: str) -> None:
    row = KINDS[kind]
    landed = travel(tell, kind, row, CUSTOMER, SubjectKind.OBJECT)
    assert (landed.record, landed.case) == (row.record, row.case)
    assert not landed.crm.of("Account")
    (case,) = landed.crm.of("Case").values()
    assert case["OwnerId"] == Queue(POLICY.joining.queue)
    assert "AccountId" not in case
    assert "No account was found for it" in str(case["Billing_Summary__c"])
    assert landed.row.parents.keys() == {"Case__c"}


@pytest.mark.parametrize("kind", KINDS)
def test_while_it_waits_it_has_its_record_and_no_case(kind: str) -> None:
    wait = timedelta(minutes=POLICY.joining.wait_minutes)
    landed = travel(tell, kind, KINDS[kind], CUSTOMER, SubjectKind.OBJECT, wait - timedelta(seconds=1))
    assert (landed.record, landed.case) == (KINDS[kind].record, NO_CASE)
    assert landed.plan.look_again_at == landed.objects[0].at + wait
    assert not landed.row.parents
