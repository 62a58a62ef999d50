"""Bulk API 2.0 ingest: what becomes of each row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bulk_jobs import JOBS, UPSERT, accounts, create, error, info, load, results, table, turn, upload

from sandbox.salesforce import Org
from sandbox.salesforce.bulk.jobs import CHUNK

if TYPE_CHECKING:
    from conftest import Api

MISREAD = "INVALID_FIELD:Failed to deserialize field at col 3."
UNLISTED = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_an_upsert_makes_and_changes_and_says_which(api: Api) -> None:
    known = api.create("Account", Name="Old", Billing_Key__c="k1", Site="HQ")
    job = load(api, table("Billing_Key__c,Name,Site", "k1,New,", "k2,Other,#N/A"), **UPSERT)
    rows = results(api, job, "successfulResults")
    assert list(rows[0]) == ["sf__Id", "sf__Created", "Billing_Key__c", "Name", "Site"]
    assert [(row["sf__Created"], row["Billing_Key__c"], row["Site"]) for row in rows] == [
        ("false", "k1", ""),
        ("true", "k2", "#N/A"),
    ]
    assert rows[0]["sf__Id"] == known
    assert api.rows("SELECT Name, Site FROM Account ORDER BY Billing_Key__c") == [
        {"Name": "New", "Site": "HQ"},
        {"Name": "Other", "Site": None},
    ]


def test_an_empty_cell_leaves_a_field_alone_and_the_sign_for_nothing_clears_it(api: Api) -> None:
    record = api.create("Account", Name="N", Site="HQ", Balance__c=5, Since__c="2026-01-02")
    load(api, table("Id,Site,Balance__c,Since__c", f"{record},,#N/A,#N/A"), "Account", "update")
    assert api.rows("SELECT Site, Balance__c, Since__c FROM Account") == [
        {"Site": "HQ", "Balance__c": None, "Since__c": None}
    ]


def test_cells_become_values_of_the_types_of_their_fields(api: Api) -> None:
    head = "Name,Balance__c,Overdue__c,Since__c,Seen_At__c,NumberOfEmployees"
    load(api, table(head, "A,1.255,1,2026-01-02,2026-01-02T03:04:05.000Z,7", "B,2,FALSE,,,"))
    assert api.rows(f"SELECT {head} FROM Account ORDER BY Name") == [
        {
            "Name": "A",
            "Balance__c": 1.26,
            "Overdue__c": True,
            "Since__c": "2026-01-02",
            "Seen_At__c": "2026-01-02T03:04:05.000+0000",
            "NumberOfEmployees": 7,
        },
        {
            "Name": "B",
            "Balance__c": 2.0,
            "Overdue__c": False,
            "Since__c": None,
            "Seen_At__c": None,
            "NumberOfEmployees": None,
        },
    ]


@pytest.mark.parametrize(
    ("column", "cells", "error"),
    [
        (
            "Balance__c",
            "N,much",
            f"{MISREAD} Due to, 'much' is not a valid value for the type xsd:double:Balance__c --",
        ),
        (
            "Since__c",
            "N,6/15/19",
            f"{MISREAD} Due to, '6/15/19' is not a valid value for the type xsd:date:Since__c --",
        ),
        (
            "State__c",
            "N,asleep",
            f"{UNLISTED}:State: bad value for restricted picklist field: asleep:State__c --",
        ),
        ("Site", ",HQ", "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"),
        ("ParentId", "N,001Cw00000000zz", "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"),
        (
            "Parent.Billing_Key__c",
            "N,ghost",
            "INVALID_FIELD:Foreign key external ID: ghost not found for field Billing_Key__c in entity Account:--",
        ),
    ],
)
def test_a_row_that_fails_says_why_and_takes_no_other_with_it(
    api: Api, column: str, cells: str, error: str
) -> None:
    job = load(api, table(f"Billing_Key__c,Name,{column}", f"bad,{cells}", "good,N,"), **UPSERT)
    (failed,) = results(api, job, "failedResults")
    assert list(failed) == ["sf__Id", "sf__Error", "Billing_Key__c", "Name", column]
    assert (failed["sf__Id"], failed["sf__Error"], failed["Billing_Key__c"]) == ("", error, "bad")
    assert [row["Billing_Key__c"] for row in results(api, job, "successfulResults")] == ["good"]
    told = info(api, job)
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (
        "JobComplete",
        2,
        1,
    )


def test_two_rows_of_one_chunk_with_the_same_key_both_fail(api: Api) -> None:
    job = load(api, table("Billing_Key__c,Name", "k,A", "l,B", "k,C"), **UPSERT)
    failed = results(api, job, "failedResults")
    assert [row["sf__Error"] for row in failed] == [
        "DUPLICATE_VALUE:Duplicate external id specified: k:Billing_Key__c --"
    ] * 2
    assert [row["Billing_Key__c"] for row in results(api, job, "successfulResults")] == ["l"]


def test_rows_are_worked_in_their_order_chunk_by_chunk(api: Api) -> None:
    later = table(*(f"k{place},Again" for place in range(CHUNK)))
    job = load(api, accounts(CHUNK) + later, **UPSERT)
    rows = results(api, job, "successfulResults")
    assert [row["sf__Created"] for row in rows] == ["true"] * CHUNK + ["false"] * CHUNK
    assert {row["Name"] for row in api.rows("SELECT Name FROM Account")} == {"Again"}


def test_parents_are_named_by_their_external_ids(api: Api) -> None:
    parent = api.create("Account", Name="N", Billing_Key__c="k")
    user = api.rows("SELECT Id, Username FROM User WHERE Name = 'Agent Two'")[0]
    load(api, table("Billing_Key__c,Account__r.Billing_Key__c", "i1,k"), "Invoice__c", **UPSERT)
    head = "Subject,Account.Billing_Key__c,User:Owner.Username"
    load(api, table(head, f"S,k,{user['Username']}"), "Case")
    assert api.rows("SELECT Account__c FROM Invoice__c") == [{"Account__c": parent}]
    assert api.rows("SELECT AccountId, OwnerId FROM Case") == [{"AccountId": parent, "OwnerId": user["Id"]}]
    load(api, table("Billing_Key__c,Account__r.Billing_Key__c", "i1,#N/A"), "Invoice__c", **UPSERT)
    assert api.rows("SELECT Account__c FROM Invoice__c") == [{"Account__c": None}]


def test_update_and_delete_go_by_id(api: Api) -> None:
    first, second = (api.create("Account", Name=name) for name in "AB")
    gone = api.create("Account", Name="C")
    api("DELETE", f"sobjects/Account/{gone}")
    job = load(api, table("Id,Name", f"{first[:15]},A2", f"{gone},C2", ",D2"), "Account", "update")
    assert [row["sf__Id"] for row in results(api, job, "successfulResults")] == [first]
    assert [(row["sf__Id"], row["sf__Error"]) for row in results(api, job, "failedResults")] == [
        (gone, "ENTITY_IS_DELETED:entity is deleted:--"),
        ("", "MISSING_ARGUMENT:Id not specified in an update call:--"),
    ]
    job = load(api, table("Id", second, "nonsense"), "Account", "delete")
    assert [(row["sf__Id"], row["sf__Created"]) for row in results(api, job, "successfulResults")] == [
        (second, "false")
    ]
    assert results(api, job, "failedResults")[0]["sf__Error"].startswith("MALFORMED_ID:")
    assert api.rows("SELECT Name FROM Account") == [{"Name": "A2"}]


def test_an_upsert_may_go_by_id_and_makes_what_has_none(api: Api) -> None:
    record = api.create("Account", Name="A")
    job = load(api, table("Id,Name", f"{record},A2", ",B"), operation="upsert", externalIdFieldName="id")
    assert [row["sf__Created"] for row in results(api, job, "successfulResults")] == ["false", "true"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("row_lock", "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access"),
        ("validation_rule", "FIELD_CUSTOM_VALIDATION_EXCEPTION:"),
        ("duplicate_rule", "DUPLICATES_DETECTED:"),
    ],
)
def test_faults_strike_single_rows(api: Api, kind: str, code: str) -> None:
    api("POST", "/__sandbox__/faults", {"kind": kind, "match": "^k1$"})
    job = load(api, accounts(3), **UPSERT)
    (failed,) = results(api, job, "failedResults")
    assert failed["Billing_Key__c"] == "k1"
    assert failed["sf__Error"].startswith(code)
    assert failed["sf__Error"].endswith("--")


@pytest.mark.parametrize("assigned", [False, True])
def test_cases_are_assigned_only_if_the_job_names_a_rule(
    metadata: Path, connect: Callable[[Org], Api], assigned: bool
) -> None:
    org = Org(metadata, assignment_rule=True)
    api = connect(org)
    rule = api.rows("SELECT Id FROM AssignmentRule WHERE SobjectType = 'Case'")[0]["Id"]
    named = {"assignmentRuleId": rule} if assigned else {}
    job = load(api, table("Subject", "S"), "Case", "insert", **named)
    assert info(api, job).get("assignmentRuleId") == (rule if assigned else None)
    (case,) = api.rows("SELECT OwnerId FROM Case")
    assert (case["OwnerId"] != org.user_id) is assigned


def test_a_field_the_user_may_not_see_is_not_found(api: Api) -> None:
    api("PUT", "/__sandbox__/permissions", {"Account": {"Site": "none", "Fax": "read"}})
    assert info(api, load(api, "Name,Site\nA,b\n"))["errorMessage"].endswith("not found : Site")
    (failed,) = results(api, load(api, "Name,Fax\nA,b\n"), "failedResults")
    assert failed["sf__Error"].startswith("INVALID_FIELD_FOR_INSERT_UPDATE:")
    api("PUT", "/__sandbox__/permissions", {"Account": {"object": "none"}})
    assert error(api("POST", JOBS, {"object": "Account", "operation": "insert"}))[1] == "INVALIDJOB"


def test_the_rules_of_the_org_hold_for_each_row(api: Api) -> None:
    api.create("Account", Name="N1")
    api("POST", "/__sandbox__/duplicate_rules", {"object": "Account", "fields": ["Name"], "action": "block"})
    (failed,) = results(api, load(api, accounts(3), **UPSERT), "failedResults")
    assert failed["Name"] == "N1"
    assert failed["sf__Error"].startswith("DUPLICATES_DETECTED:")


def test_a_job_is_done_by_who_made_it(api: Api, org: Org) -> None:
    agent = api.rows("SELECT Id FROM User WHERE Name = 'Agent One'")[0]["Id"]
    token = org.sessions.issue(org.org_id, agent)
    theirs = type(api)(api.http, token)
    job = create(theirs, **UPSERT)
    upload(theirs, job, accounts(1))
    turn(theirs, job, "UploadComplete")
    assert api.rows("SELECT CreatedById FROM Account") == [{"CreatedById": agent}]
