"""The names the default policy and the mappers use are those the folder deploys."""

from __future__ import annotations

import pytest

from connector.mappers.declines import FINAL
from connector.policy import Policy

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


def test_every_rule_has_a_label(folder: Folder) -> None:
    rule = folder.named("CustomField", "Case.Billing_Rule__c")
    assert picklist_values(rule) >= set(Policy().case_rules())


def test_a_hard_decline_is_one_that_retrying_cannot_mend(folder: Folder) -> None:
    view = folder.named("ListView", "Case.Hard_Declines")
    values = {text(f, "field"): text(f, "value") for f in view.each("filters")}
    assert set(values["Billing_Decline_Category__c"].split(",")) == FINAL
