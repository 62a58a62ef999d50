"""Salesforce orgs that are not as they must be: the cause is named, and what to click or which line to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.container import Container
from connector.doctor import State
from connector.doctor.salesforce import area as salesforce
from connector.doctor.salesforce import sharing as sharing_checks
from connector.errors import Permanent
from sandbox.control import Control
from sandbox.salesforce import Org, create_app, default_metadata
from sandbox.server import serve

from .conftest import Findings, seen

ORG = "00D000000000001EAA"
Wire = Callable[..., Container]


@pytest.fixture(scope="module")
def usual() -> Iterator[tuple[Org, str]]:
    """An org that has everything, for all tests."""
    org = Org(default_metadata(), org_id=ORG)
    with serve(create_app(org, Control())) as server:
        yield org, server.url


class World:
    """A local org and the settings of a Casewire that would write to it."""

    def __init__(self, wire: Wire, stack: Callable[[Any], Any], usual: tuple[Org, str]) -> None:
        self._wire = wire
        self._enter = stack
        self._usual = usual
        self.settings: dict[str, Any] = {
            "salesforce_client_id": "sandbox",
            "salesforce_client_secret": "sandbox",
        }

    def org(self, metadata: Any = "ours", **shape: Any) -> Org:
        if metadata == "ours" and not shape:
            org, self.url = self._usual
            org.reset()
            self.plane("DELETE", "calls", None)
        else:
            org = Org(default_metadata() if metadata == "ours" else metadata, org_id=ORG, **shape)
            self.url = self._enter(serve(create_app(org, Control()))).url
        self.settings |= {"salesforce_login_url": self.url, "salesforce_org_id": org.org_id}
        return org

    def plane(self, method: str, path: str, message: Any) -> None:
        answer = requests.request(method, f"{self.url}/__sandbox__/{path}", json=message, timeout=10)
        assert answer.ok, answer.text

    def seen(self, **settings: Any) -> Findings:
        if not hasattr(self, "url"):
            self.org()
        return seen(salesforce.areas(self._wire(**{**self.settings, **settings})))


@pytest.fixture
def world(wire: Wire, usual: tuple[Org, str]) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(wire, stack.enter_context, usual)


def policy(text: str) -> None:
    Path("policy.toml").write_text(text)


def failures(found: Findings) -> set[str]:
    return {name for name, one in found.items() if one.state is State.FAILED}


# ── as it must be ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_as_it_must_be(world: World) -> None:
    found = world.seen()
    assert failures(found) == set()
    bad = {name: one.message for name, one in found.items() if one.state is not State.OK}
    assert bad == {}
    assert found["salesforce: org"].message == f"{ORG}, as pinned"
    assert "Casewire switches it off for what it writes" in found["salesforce: assignment rules"].message


def test_looking_writes_nothing(world: World) -> None:
    org = world.org()
    before = {name: org.records(name) for name in ("Account", "Case", "User", "Group")}
    world.seen()
    assert {name: org.records(name) for name in before} == before
    calls = requests.get(f"{world.url}/__sandbox__/calls", timeout=10).json()["calls"]
    writing = [call for call in calls if call.startswith(("PATCH", "PUT", "DELETE"))]
    assert writing == []
    assert [call for call in calls if call.startswith("POST")] == ["POST /services/oauth2/token"]


# ── getting in ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wrong", "check", "message", "fix"),
    [
        (
            {"salesforce_client_secret": "of-yesterday"},
            "login",
            "invalid_client:",
            "SALESFORCE_CLIENT_SECRET does not belong to SALESFORCE_CLIENT_ID: copy both",
        ),
        (
            {"salesforce_client_id": "of-another-org"},
            "login",
            "invalid_client_id",
            "copy the consumer key from Setup > External Client App Manager",
        ),
        (
            {"salesforce_login_url": "http://127.0.0.1:1"},
            "login",
            "cannot be reached",
            "Check SALESFORCE_LOGIN_URL",
        ),
        ({"salesforce_client_secret": None}, "settings", "Set SALESFORCE_CLIENT_SECRET", "casewire init"),
        ({"salesforce_login_url": None}, "settings", "Set SALESFORCE_LOGIN_URL", "block Salesforce of .env"),
        (
            {"salesforce_org_id": "00D00000000FFFFEAA"},
            "org",
            f"the login is for the org {ORG}, and SALESFORCE_ORG_ID is 00D00000000FFFFEAA: nothing is written",
            f"set SALESFORCE_ORG_ID={ORG} in .env",
        ),
        (
            {"salesforce_api_version": "99.0"},
            "api version",
            "does not support version 99.0",
            "Set SALESFORCE_API_VERSION=66.0 in .env, or remove it: 66.0 is the default.",
        ),
        (
            {"salesforce_api_version": "67"},
            "api version",
            "'67' is not a version",
            "SALESFORCE_API_VERSION=66.0",
        ),
    ],
)
def test_a_door_that_is_shut(world: World, wrong: dict[str, Any], check: str, message: str, fix: str) -> None:
    world.org()
    found = world.seen(**wrong)
    assert f"salesforce: {check}" in failures(found)
    assert message in found[f"salesforce: {check}"].message
    assert fix in found[f"salesforce: {check}"].fix
    if check != "api version":
        assert found["salesforce: fields"].state is State.SKIPPED


def test_an_api_version_older_than_casewire_is_made_for(world: World) -> None:
    world.org()
    found = world.seen(salesforce_api_version="60.0")["salesforce: api version"]
    assert (found.state, "60.0 of the API is older" in found.message) == (State.WARNING, True)
    assert "SALESFORCE_API_VERSION=66.0" in found.fix


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nowhere/key.pem", "names the file 'nowhere/key.pem', which cannot be read: No such file"),
        (".", "names the file '.', which cannot be read: Is a directory"),
        ("-----BEGIN PRIVATE KEY-----\\nopen-sesame", "is not a private RSA key in PEM form"),
        ("open-sesame" * 100, "is neither a private key in PEM form"),
    ],
)
def test_a_jwt_key_that_cannot_be_read_is_no_matter_of_the_network(
    world: World, key: str, message: str
) -> None:
    world.org()
    user = {"salesforce_client_secret": None, "salesforce_username": "ann@casewire.sandbox"}
    found = world.seen(salesforce_jwt_key=key, **user)
    settings = found["salesforce: settings"]
    assert (settings.state, message in settings.message) == (State.FAILED, True)
    assert "PEM file of the app's private key" in settings.fix
    assert str(Path.cwd()) in settings.fix
    assert "network" not in settings.fix
    assert "open-sesame" not in settings.message + settings.fix
    assert found["salesforce: login"].message == "it needs settings"


def test_an_org_that_is_down_is_one_failure_that_says_nothing_is_lost(world: World) -> None:
    world.org(api_limit=100_000)  # one of its own, so that the fault is gone with it
    world.plane("POST", "faults", {"kind": "unavailable", "match": "/services/data"})
    found = world.seen()
    assert failures(found) == {"salesforce: api version"}
    assert "503" in found["salesforce: api version"].message
    assert "the work waits and continues by itself" in found["salesforce: api version"].fix
    assert found["salesforce: queues"].message == "it needs api version"


def test_a_jwt_key_that_is_not_of_the_apps_certificate(world: World) -> None:
    apps, ours = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    public = apps.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = ours.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    world.org(jwt_public_key=public.decode())
    found = world.seen(
        salesforce_client_secret=None,
        salesforce_username="integration.user@casewire.sandbox",
        salesforce_jwt_key=pem.decode(),
    )["salesforce: login"]
    assert (found.state, "invalid_grant" in found.message) == (State.FAILED, True)
    assert "SALESFORCE_JWT_KEY does not belong to the app's certificate" in found.fix


def test_an_org_that_is_not_pinned_is_a_warning_with_the_line_that_pins_it(world: World) -> None:
    world.org()
    found = world.seen(salesforce_org_id=None)["salesforce: org"]
    assert (found.state, found.fix) == (State.WARNING, f"Add to .env: SALESFORCE_ORG_ID={ORG}")


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bare_org_is_to_be_deployed_to(world: World) -> None:
    world.org(None)
    found = world.seen()
    assert found["salesforce: key fields"].state is State.SKIPPED
    assert found["salesforce: fields: Billing_Invoice__c"].message.startswith("the object is not there")
    assert "any of our fields" in found["salesforce: fields: Account"].message
    assert "casewire salesforce deploy" in found["salesforce: fields: Account"].fix
    assert "salesforce: queues: Billing_Refunds" in failures(found)


def test_fields_the_integration_user_may_not_see_or_write_are_named(world: World) -> None:
    world.org()
    hidden = {
        "Account": {"Billing_Balance__c": "none", "Billing_MRR__c": "none", "Billing_Plan__c": "read"},
        "Billing_Payout__c": {"object": "none"},
    }
    world.plane("PUT", "permissions", hidden)
    found = world.seen()
    assert failures(found) == {"salesforce: fields: Account", "salesforce: fields: Billing_Payout__c"}
    account = found["salesforce: fields: Account"]
    assert account.message == (
        "not there, or not visible to the integration user: Billing_Balance__c, Billing_MRR__c; "
        "the integration user may read but not write: Billing_Plan__c"
    )
    assert "casewire salesforce deploy" in account.fix
    assert "has the permission set: it is older than these fields, or changed" in account.fix


def test_a_permission_set_that_is_not_assigned_is_told_from_one_that_is_not_deployed(world: World) -> None:
    org = world.org()
    for row in org.records("PermissionSetAssignment"):
        world.plane("DELETE", f"records/PermissionSetAssignment/{row['Id']}", None)
    world.plane("PUT", "permissions", {"Account": {"Billing_Balance__c": "none"}})
    account = world.seen()["salesforce: fields: Account"]
    assert account.state is State.FAILED
    assert account.fix.startswith(
        "Assign the permission set Casewire_Integration to the integration user: Setup >"
    )
    assert "does not have it" in account.fix


def test_a_key_that_is_not_unique_is_named_with_where_to_tick_it(world: World, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    folder = overlay / "force-app/main/default/objects/Account/fields"
    folder.mkdir(parents=True)
    (deployed,) = default_metadata().rglob("objects/Account/fields/Billing_Key__c.field-meta.xml")
    (folder / deployed.name).write_text(deployed.read_text().replace("<unique>true", "<unique>false"))
    world.org([default_metadata(), overlay])
    found = world.seen()
    assert failures(found) == {"salesforce: key fields: Account"}
    key = found["salesforce: key fields: Account"]
    assert key.message == "Account.Billing_Key__c is not unique"
    assert "Object Manager > Account" in key.fix
    assert "tick Unique" in key.fix


def test_what_the_policy_leaves_out_is_only_warned_of(world: World) -> None:
    world.org()
    world.plane("PUT", "permissions", {"Account": {"Billing_MRR__c": "none"}})
    policy('[orgs]\nmissing = "leave_out"\n')
    found = world.seen()
    account = found["salesforce: fields: Account"]
    assert (account.state, account.message.endswith("left out, as the policy says")) == (State.WARNING, True)
    assert found["salesforce: fit"].state is State.OK


def test_what_cannot_be_left_out_is_refused_all_the_same(world: World) -> None:
    world.org()
    world.plane("PUT", "permissions", {"Account": {"Billing_Key__c": "none"}})
    policy('[orgs]\nmissing = "leave_out"\n')
    found = world.seen()["salesforce: fit"]
    assert (found.state, "nothing works without it: Account: Billing_Key__c" in found.message) == (
        State.FAILED,
        True,
    )


def test_a_mapping_that_does_not_fit_is_named(world: World) -> None:
    policy('[[mapping]]\nobject = "Account"\nfield = "Customer_Since__c"\nfrom = "account.created_at"\n')
    found = world.seen()
    (name,) = failures(found)
    assert name.startswith("salesforce: fit: ")
    assert "Customer_Since__c" in found[name].message
    assert "[[mapping]]" in found[name].fix


def test_a_field_that_accounts_are_found_by(world: World) -> None:
    policy('[[linking.keys]]\nby = "field"\nfield = "Customer_No__c"\nvalue = "account_code"\n')
    found = world.seen()
    assert failures(found) == {"salesforce: linking: Customer_No__c"}
    assert "read access to Customer_No__c" in found["salesforce: linking: Customer_No__c"].fix


def test_a_standard_field_that_accounts_are_found_by(world: World) -> None:
    world.org()
    world.plane("PUT", "permissions", {"Account": {"Website": "none"}})
    policy('[[linking.keys]]\nby = "email"\n[[linking.keys]]\nby = "domain_and_name"\n')
    found = world.seen()
    assert failures(found) == set()
    website = found["salesforce: linking: Account.Website"]
    assert (website.state, website.message) == (
        State.WARNING,
        "the integration user may not see Account.Website: no account is found by e-mail domain and name",
    )
    assert "casewire salesforce deploy" in website.fix
    policy('[[linking.keys]]\nby = "email"\n')
    assert world.seen()["salesforce: linking"].message == "accounts are found by Contact.Email"


# ── sharing ───────────────────────────────────────────────────────────────────────────────────────────────────

ACCOUNT, CASE = "salesforce: sharing: Account", "salesforce: sharing: Case"
GRANTED = """<?xml version="1.0" encoding="UTF-8"?>
<PermissionSet xmlns="http://soap.sforce.com/2006/04/metadata">
    <label>More</label>
    {inside}
</PermissionSet>
"""


def granted(world: World, tmp_path: Path, inside: str) -> Org:
    """An org whose integration user has one more permission set."""
    place = tmp_path / "more/force-app/main/default/permissionsets"
    place.mkdir(parents=True)
    (place / "More.permissionset-meta.xml").write_text(GRANTED.format(inside=inside))
    org = world.org([default_metadata(), tmp_path / "more"])
    (more,) = (row["Id"] for row in org.records("PermissionSet") if row["Name"] == "More")
    world.plane(
        "POST", "records/PermissionSetAssignment", [{"AssigneeId": org.user_id, "PermissionSetId": more}]
    )
    return org


def of_all(object_: str, *powers: str) -> str:
    given = "".join(f"<{power}>true</{power}>" for power in powers)
    return f"<objectPermissions><object>{object_}</object>{given}</objectPermissions>"


def sharing(found: Findings) -> dict[str, State]:
    return {
        name: one.state
        for name, one in found.items()
        if name.startswith("salesforce: sharing") and one.state is not State.OK
    }


def test_private_records_that_nothing_opens(world: World) -> None:
    world.org()
    world.plane("PUT", "sharing", {"Account": "None", "Contact": "None", "Case": "None"})
    found = world.seen()
    assert failures(found) == set(), "a role or a sharing rule may open them, and cannot be asked for"
    assert found[ACCOUNT].message == (
        "private, and the integration user has no View All and Modify All: accounts that are not shared with it are "
        "not found, and are made a second time"
    )
    assert (
        "contacts that are not shared with it find no account"
        in found["salesforce: sharing: Contact"].message
    )
    assert "neither seen nor changed once a queue or an agent owns them" in found[CASE].message
    for one in (found[ACCOUNT], found[CASE]):
        assert one.state is State.WARNING
        assert "View All and Modify All in Object Settings" in one.fix
        assert "Setup > Sharing Settings: a rule" in one.fix
    assert "the cases of the policy's queues" in found[CASE].fix


def test_records_that_all_may_see_and_only_their_owners_change(world: World) -> None:
    world.org()
    world.plane("PUT", "sharing", {"Case": "Read"})
    found = world.seen()
    assert sharing(found) == {CASE: State.WARNING}
    assert found[CASE].message == (
        "read-only for users who do not own them, and the integration user has no Modify All: records that are not "
        "shared with it are seen, but changes to them are refused"
    )


@pytest.mark.parametrize(
    ("inside", "left"),
    [
        (of_all("Account", "allowRead", "viewAllRecords"), {ACCOUNT, CASE}),
        (of_all("Account", "allowRead", "viewAllRecords", "modifyAllRecords"), {CASE}),
        (
            of_all("Account", "viewAllRecords", "modifyAllRecords")
            + of_all("Case", "viewAllRecords", "modifyAllRecords"),
            set(),
        ),
        ("<userPermissions><enabled>true</enabled><name>ModifyAllData</name></userPermissions>", set()),
    ],
)
def test_a_permission_set_opens_what_is_private(
    world: World, tmp_path: Path, inside: str, left: set[str]
) -> None:
    granted(world, tmp_path, inside)
    world.plane("PUT", "sharing", {"Account": "None", "Case": "None"})
    found = world.seen()
    assert set(sharing(found)) == left
    if ACCOUNT in left:
        assert "has no Modify All: records that are not shared with it are seen" in found[ACCOUNT].message
    if not left:
        assert "it has Modify All where the org does not share" in found["salesforce: sharing"].message


def test_what_cannot_be_known_is_said_to_be_unknown(world: World) -> None:
    """Permissions are told to those who may View Setup and Configuration, which Casewire's user need not."""
    world.org()
    world.plane("PUT", "permissions", {"ObjectPermissions": {"object": "none"}})
    assert sharing(world.seen()) == {}, "where all is public it does not matter"
    world.plane("PUT", "sharing", {"Account": "None"})
    found = world.seen()
    assert sharing(found) == {ACCOUNT: State.WARNING}
    assert "cannot see whether it has View All and Modify All" in found[ACCOUNT].message
    assert found[ACCOUNT].fix.startswith("Nothing, if a role or sharing rules let it edit them all")


def test_an_org_that_does_not_tell_its_defaults(world: World) -> None:
    world.org()
    world.plane("PUT", "permissions", {"Organization": {"object": "none"}})
    found = world.seen()["salesforce: sharing"]
    assert (found.state, "Setup > Sharing Settings" in found.message) == (State.SKIPPED, True)


# ── what the policy names ─────────────────────────────────────────────────────────────────────────────────────


def test_a_queue_that_is_missing_is_named_with_the_keys_that_name_it(world: World) -> None:
    policy('[rules.refund]\nqueue = "Money_Back"\n[rules.payout]\nqueue = "Money_Back"\n')
    found = world.seen()
    assert failures(found) == {"salesforce: queues: Money_Back"}
    queue = found["salesforce: queues: Money_Back"]
    assert queue.message.startswith(
        "there is no queue Money_Back (or it is not visible); the org has Billing_"
    )
    assert "change rules.payout.queue, rules.refund.queue in policy.toml" in queue.fix


def test_a_queue_that_may_not_own_cases(world: World) -> None:
    org = world.org()
    (triage,) = (row["Id"] for row in org.records("Group") if row["DeveloperName"] == "Billing_Triage")
    for row in org.records("QueueSobject"):
        if row["QueueId"] == triage:
            world.plane("DELETE", f"records/QueueSobject/{row['Id']}", None)
    found = world.seen()["salesforce: queues: Billing_Triage"]
    assert (found.state, found.message) == (State.FAILED, "the queue Billing_Triage may not own cases")
    assert "Setup > Queues > Billing_Triage" in found.fix


def test_statuses_the_org_does_not_have_are_named_with_those_it_has(world: World) -> None:
    world.org(other_statuses=True)
    assert world.seen()["salesforce: case statuses"].message == "the org's own are used"
    policy('[statuses]\nclosed = "Closed"\nopen = "New"\n')
    found = world.seen()
    closed, opened = found["salesforce: case statuses: closed"], found["salesforce: case statuses: open"]
    assert closed.message == "the org has no case status 'Closed'"
    assert 'section [statuses]: closed = "Erledigt"' in closed.fix
    assert 'open = "Offen"' in opened.fix


def test_a_status_that_does_not_close_does_not_do_for_closing(world: World) -> None:
    policy('[statuses]\nclosed = "Working"\nopen = "Closed"\n')
    found = world.seen()
    assert "counts 'Working' as open" in found["salesforce: case statuses: closed"].message
    assert "counts 'Closed' as closed" in found["salesforce: case statuses: open"].message


def test_a_record_type_that_is_not_there_or_not_for_the_user(world: World) -> None:
    org = world.org()
    world.plane("PUT", "permissions", {"Case": {"record_types": {"Billing": "none"}}})
    policy('[rules.refund]\nrecord_type = "Refunds"\n')
    found = world.seen()
    shut, none = found["salesforce: record types: Billing"], found["salesforce: record types: Refunds"]
    assert (shut.state, none.state) == (State.FAILED, State.WARNING)
    assert "assign the record type Billing" in shut.fix
    assert "rules.refund.record_type" in none.fix
    assert org.org_id == ORG


def test_a_priority_the_org_does_not_have(world: World) -> None:
    policy('[rules.payout]\npriority = "Urgent"\n')
    found = world.seen()["salesforce: case values: Priority"]
    assert found.state is State.WARNING
    assert found.message == (
        "'Urgent' is not in the list (High, Low, Medium): Salesforce accepts it, but people can neither "
        "pick nor translate it"
    )
    assert "rules.payout.priority" in found.fix


def test_our_own_origin_needs_no_place_in_the_list_and_another_may_be_a_slip(world: World) -> None:
    own = world.seen()["salesforce: case values: Origin"]
    assert (own.state, own.fix) == (State.OK, "")
    assert own.message.startswith("'Billing' is not in the list (Email, Phone, Web): Salesforce accepts it")
    policy('[cases]\norigin = "Emial"\n')
    slip = world.seen()["salesforce: case values: Origin"]
    assert slip.state is State.WARNING
    assert "add Emial; or change cases.origin in policy.toml" in slip.fix
    policy('[cases]\norigin = "Email"\n')
    assert world.seen()["salesforce: case values"].message == "priorities and origin are values of the org"


def test_a_policy_that_cannot_be_read_leaves_out_only_what_needs_it(world: World) -> None:
    policy("nonsense = 1\n")
    found = world.seen()
    assert found["salesforce: queues"].message == "the policy cannot be read"
    assert found["salesforce: queues"].state is State.SKIPPED
    assert found["salesforce: fields"].state is State.OK


# ── rules and limits ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_duplicate_rule_that_blocks_is_told_from_one_that_alerts(world: World) -> None:
    world.org()
    for object_, action in (("Account", "block"), ("Contact", "alert")):
        rule = {"object": object_, "fields": ["Name"], "action": action, "name": f"Same_{object_}"}
        world.plane("POST", "duplicate_rules", rule)
    found = world.seen()
    blocks, alerts = (found[f"salesforce: duplicate rules: {name}"] for name in ("Account", "Contact"))
    assert (blocks.state, alerts.state) == (State.FAILED, State.OK)
    assert blocks.message == "'Same Account' blocks new and changed records of Account that look like others"
    assert "Setup > Duplicate Rules > Same Account: set Action to Allow with alert" in blocks.fix
    assert alerts.message == "'Same Contact' lets records pass with an alert, which Casewire answers"


class Reading:
    """A look that sees one rule, and its metadata or not."""

    def __init__(self, read: str | None) -> None:
        self._read = read
        self.client = self

    def rows(self, soql: str) -> list[dict[str, str]]:
        return [{"DeveloperName": "Same_Name", "MasterLabel": "Same Name", "SobjectType": "Account"}]

    def read_metadata(self, type_: str, names: list[str]) -> dict[str, Any]:
        if self._read is None:
            raise Permanent("no", code="INSUFFICIENT_ACCESS")
        xmlns = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
        return {name: ElementTree.fromstring(f"<records {xmlns}>{self._read}</records>") for name in names}


@pytest.mark.parametrize(
    ("read", "state", "message"),
    [
        (
            "<actionOnInsert>Block</actionOnInsert><actionOnUpdate>Allow</actionOnUpdate>",
            "failed",
            "blocks new",
        ),
        (
            "<actionOnInsert>Block</actionOnInsert><actionOnUpdate>Block</actionOnUpdate>",
            "failed",
            "blocks new and changed records of Account",
        ),
        (
            "<actionOnInsert>Allow</actionOnInsert><actionOnUpdate>Allow</actionOnUpdate>",
            "ok",
            "with an alert",
        ),
        (None, "warning", "whether it blocks, the integration user may not see"),
    ],
)
def test_only_its_metadata_tells_whether_a_rule_blocks(read: str | None, state: str, message: str) -> None:
    (found,) = sharing_checks.duplicates(Reading(read))  # type: ignore[arg-type]
    assert (found.state, message in found.text) == (state, True)


def test_an_api_budget_that_is_nearly_used(world: World) -> None:
    world.org(api_limit=1000)
    world.plane("PUT", "limits", {"api_used": 850})
    found = world.seen()["salesforce: api calls"]
    assert found.state is State.FAILED
    assert "of 1,000 calls used in 24 hours, 200 kept for people: only disputes are written" in found.message
    assert "reduce its calls" in found.fix


def test_the_org_tells_its_time(world: World) -> None:
    found = world.seen()["salesforce: clock"]
    assert (found.state, "of Salesforce's clock" in found.message) == (State.OK, True)
