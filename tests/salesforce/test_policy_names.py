"""The names the default policy and the mappers use are those the folder deploys."""

from __future__ import annotations

import pytest

from connector.mappers.declines import FINAL
from connector.policy import Policy
from connector.sync.decide.registry import RULES

from .folder import Component, Folder, read, text
from .names import picklist_values


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read()


def _offered(record_type: Component, picklist: str) -> set[str]:
    of = [p for p in record_type.each("picklistValues") if text(p, "picklist") == picklist]
    return {text(v, "fullName") for p in of for v in p.findall("{*}values")}


def test_every_queue_exists(folder: Folder) -> None:
    assert folder.names("Queue") >= Policy().queues()


def test_the_record_type_exists(folder: Folder) -> None:
    assert f"Case.{Policy().cases.record_type}" in folder.names("RecordType")


def test_the_process_has_every_status(folder: Folder) -> None:
    process = folder.named("BusinessProcess", "Case.Billing_Support")
    assert {text(value, "fullName") for value in process.each("values")} >= Policy().case_statuses()


def test_the_record_type_offers_every_priority(folder: Folder) -> None:
    record_type = folder.named("RecordType", "Case.Billing")
    assert _offered(record_type, "Priority") >= Policy().case_priorities()


CASE_RULES = {rule.name for rule in RULES if rule.policy}


def test_the_picklist_of_rules_has_every_rule_that_opens_cases_and_no_other(folder: Folder) -> None:
    assert picklist_values(folder.named("CustomField", "Case.Billing_Rule__c")) == CASE_RULES


def test_the_record_type_offers_every_rule(folder: Folder) -> None:
    assert _offered(folder.named("RecordType", "Case.Billing"), "Billing_Rule__c") == CASE_RULES


def test_every_rule_has_a_list_view(folder: Folder) -> None:
    filters = [f for view in folder.of("ListView") for f in view.each("filters")]
    shown = [text(f, "value").split(",") for f in filters if text(f, "field") == "Billing_Rule__c"]
    assert {name for names in shown for name in names} >= CASE_RULES


def test_a_hard_decline_is_one_that_retrying_cannot_mend(folder: Folder) -> None:
    view = folder.named("ListView", "Case.Hard_Declines")
    values = {text(f, "field"): text(f, "value") for f in view.each("filters")}
    assert set(values["Billing_Decline_Category__c"].split(",")) == FINAL
