"""A plan is made to fit the org: persons, currencies, statuses, and what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.org_schema import CaseStatus, OrgField
from connector.models.facts import Facts, Link, LinkState
from connector.models.plan import Change, Parent, RecordType
from connector.policy import Policy
from connector.sync.decide.decide import decide
from connector.sync.org_schema.adaptation import OrgAdapter, SchemaWarnings
from connector.sync.org_schema.person_accounts import person_field
from sync.orgs import fitted, org_field, shape
from sync.world import account, event, facts, invoice, payment, subscription

ACCOUNT = "recurly:acme:account:bob"
CONTACT = "recurly:acme:contact:bob"


def changes(shaping: OrgAdapter, known: Facts) -> dict[tuple[str, str], Change]:
    plan = decide(known, shaping.policy)
    found = shaping.fit(plan.changes, known)
    return {(change.object, change.key): change for change in found}


def story(**changed: Any) -> Facts:
    """A past due invoice, so that there is a case."""
    late = invoice(state="past_due", dunning_events_sent=1)
    declined = payment(status="declined", code="insufficient_funds")
    return facts(account(**changed), subscription(), late, declined)


def test_an_org_as_we_made_it_gets_the_plan_as_it_is() -> None:
    shaping, told = fitted()
    known = story()
    assert list(shaping.fit(decide(known, shaping.policy).changes, known)) == list(
        decide(known, shaping.policy).changes
    )
    assert told == []


# ── case statuses ─────────────────────────────────────────────────────────────────────────────────────────────

OTHER = (
    CaseStatus("Abgelehnt", True, False),
    CaseStatus("In Arbeit", False, False),
    CaseStatus("Offen", False, True),
    CaseStatus("Erledigt", True, False),
)


def test_statuses_that_are_not_given_are_the_orgs_own() -> None:
    statuses = fitted(shape(statuses=OTHER))[0].policy.statuses
    assert (statuses.open, statuses.reopened, statuses.closed) == ("Offen", "Offen", "Abgelehnt")


def test_without_a_good_default_the_first_open_one_is_taken() -> None:
    org = shape(statuses=(CaseStatus("Done", True, True), CaseStatus("Todo", False, False)))
    assert fitted(org)[0].policy.statuses.open == "Todo"


def test_a_status_that_is_given_stays() -> None:
    statuses = fitted(shape(statuses=OTHER), statuses={"closed": "Erledigt", "reopened": "In Arbeit"})[
        0
    ].policy.statuses
    assert (statuses.open, statuses.reopened, statuses.closed) == ("Offen", "In Arbeit", "Erledigt")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"closed": "Done"}, r"statuses.closed = 'Done': the org has no such .* ones: Abgelehnt, Erledigt"),
        ({"closed": "Offen"}, r"statuses.closed = 'Offen': it is not closed"),
        ({"open": "Erledigt"}, r"statuses.open = 'Erledigt': it is not open.* In Arbeit, Offen"),
        ({"reopened": "Erledigt"}, r"statuses.reopened"),
    ],
)
def test_a_status_that_does_not_fit_is_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(SetupError, match=why):
        fitted(shape(statuses=OTHER), statuses=given)


def test_an_org_in_which_nothing_closes_is_refused() -> None:
    with pytest.raises(SetupError, match="no closed case status"):
        fitted(shape(statuses=(CaseStatus("New", False, True),)))


def test_a_case_gets_the_orgs_status_and_no_other() -> None:
    shaping, _ = fitted(shape(statuses=OTHER))
    (case,) = [change for (object_, _), change in changes(shaping, story()).items() if object_ == "Case"]
    assert case.on_create["Status"] == "Offen"


def test_a_name_of_the_policy_that_the_org_lacks_is_told() -> None:
    _, told = fitted(
        shape(queues=Policy().queues() - {"Billing_Refunds"}), rules={"refund": {"priority": "Urgent"}}
    )
    assert told == [
        "Case.Priority has no value 'Urgent'",
        "there is no queue Billing_Refunds that may own cases: its cases stay with the integration user",
    ]


# ── person accounts ───────────────────────────────────────────────────────────────────────────────────────────

PERSONS = shape(persons=True, record_types=frozenset({"Case.Billing", "Account.PersonAccount"}))


def is_person(known: Facts, **orgs: str) -> bool:
    found = changes(fitted(PERSONS, orgs=orgs)[0], known)
    return ("Contact", CONTACT) not in found and "Name" not in found["Account", ACCOUNT].on_create


def test_an_account_and_its_contact_are_one_row() -> None:
    known = story(company=None, first_name="Bob", last_name="Rivera", email="bob@example.com", phone="1")
    found = changes(fitted(PERSONS)[0], known)
    assert ("Contact", CONTACT) not in found
    person = found["Account", ACCOUNT]
    wanted = {"FirstName": "Bob", "LastName": "Rivera", "PersonEmail": "bob@example.com", "Phone": "1"}
    assert {name: person.fields[name] for name in wanted} == wanted
    assert person.fields["Billing_Key__pc"] == CONTACT
    assert person.on_create == {}
    assert "Email" not in person.fields
    (case,) = (change for (object_, _), change in found.items() if object_ == "Case")
    assert case.parents["ContactId"] == Parent("Contact", CONTACT), "its key is that of the hidden contact"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"first_name": "Bob", "email": "bob@example.com"}, "Bob"),
        ({"email": "rivera@example.com"}, "rivera"),
        ({}, "bob"),
    ],
)
def test_a_person_is_never_without_a_last_name(told: dict[str, str], name: str) -> None:
    nothing = {"company": None, "first_name": None, "last_name": None, "email": None}
    known = story(**nothing | told)
    person = changes(fitted(PERSONS)[0], known)["Account", ACCOUNT]
    assert person.on_create == {"LastName": name}
    assert "LastName" not in person.fields, "it is the people's once there is one"
    assert person.fields["Billing_Key__pc"] == CONTACT


def test_an_account_of_a_person_that_was_removed_is_a_person_too() -> None:
    known = facts(account(company=None), gone=True)
    person = changes(fitted(PERSONS)[0], known)["Account", ACCOUNT]
    assert person.on_create["LastName"]
    assert "Name" not in person.on_create


@pytest.mark.parametrize(
    ("policy", "company", "expected"),
    [
        ("consumers", None, True),
        ("consumers", "Rivera Books", False),
        ("always", "Rivera Books", True),
        ("never", None, False),
    ],
)
def test_who_becomes_a_person_the_policy_says(policy: str, company: str | None, expected: bool) -> None:
    assert is_person(story(company=company), person_accounts=policy) is expected


@pytest.mark.parametrize("person", [True, False])
def test_what_the_crm_has_stays_what_it_is(person: bool) -> None:
    """Also when somebody turns one into the other: the link is found anew, and the next plan fits."""
    link = Link(LinkState.LINKED, account_id="001A", person=person)
    for policy, company in (("always", None), ("never", "Rivera Books"), ("consumers", "Rivera Books")):
        known = facts(account(company=company), link=link)
        assert is_person(known, person_accounts=policy) is person


def test_an_org_without_person_accounts_has_none() -> None:
    found = changes(fitted(shape(), orgs={"person_accounts": "always"})[0], story(company=None))
    assert ("Contact", CONTACT) in found


def test_a_record_type_is_chosen_only_where_the_policy_names_one() -> None:
    known = story(company=None)
    assert "RecordTypeId" not in changes(fitted(PERSONS)[0], known)["Account", ACCOUNT].on_create
    shaping, _ = fitted(PERSONS, orgs={"person_record_type": "PersonAccount"})
    made = changes(shaping, known)["Account", ACCOUNT].on_create
    assert made["RecordTypeId"] == RecordType("Account.PersonAccount")
    with pytest.raises(SetupError, match="no record type Persons of Account"):
        fitted(PERSONS, orgs={"person_record_type": "Persons"})


@pytest.mark.parametrize(
    ("contact", "account_"),
    [("Email", "PersonEmail"), ("Title", "PersonTitle"), ("Phone", "Phone"), ("Vip__c", "Vip__pc")],
)
def test_a_field_of_a_contact_has_another_name_on_a_person(contact: str, account_: str) -> None:
    assert person_field(contact) == account_


# ── currencies ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_with_one_currency_is_told_none() -> None:
    for change in changes(fitted()[0], story()).values():
        assert "CurrencyIsoCode" not in {**change.fields, **change.on_create}


def test_our_records_keep_their_currency_and_the_peoples_get_it_once() -> None:
    found = changes(fitted(shape(currencies=("USD", "EUR")))[0], story())
    said = {
        object_: (change.fields.get("CurrencyIsoCode"), change.on_create.get("CurrencyIsoCode"))
        for (object_, _), change in found.items()
    }
    once, always = (None, "USD"), ("USD", None)
    assert said == {
        **dict.fromkeys(("Account", "Contact", "Case"), once),
        **dict.fromkeys(("Billing_Subscription__c", "Billing_Invoice__c", "Billing_Payment__c"), always),
    }


def test_what_has_no_currency_of_its_own_gets_the_orgs() -> None:
    known = facts(account(), event("account.updated", story().now), subscriptions=())
    shaping, told = fitted(shape(currencies=("USD",)))
    for change in changes(shaping, known).values():
        assert "CurrencyIsoCode" not in {**change.fields, **change.on_create}
    assert told == []


def test_a_currency_that_is_not_active_is_left_out_and_told() -> None:
    shaping, told = fitted(shape(currencies=("EUR",)))
    found = changes(shaping, story())
    assert not any("CurrencyIsoCode" in {**one.fields, **one.on_create} for one in found.values())
    assert set(told) == {"CurrencyIsoCode is left out where it is USD: not an active currency of the org"}


def test_a_person_gets_the_currency_once_too() -> None:
    org = shape(persons=True, currencies=("USD",))
    person = changes(fitted(org)[0], story(company=None))["Account", ACCOUNT]
    assert person.on_create["CurrencyIsoCode"] == "USD"
    assert "PersonCurrencyIsoCode" not in {**person.fields, **person.on_create}


# ── what is not there ─────────────────────────────────────────────────────────────────────────────────────────

LEAVE = {"missing": "leave_out"}


def test_all_that_is_missing_is_named_at_once() -> None:
    org = shape(
        without={"Billing_Payout__c": (), "Account": ("Billing_MRR__c",)},
        more={"Contact": [org_field("Email", updateable=False)]},
    )
    with pytest.raises(SetupError) as caught:
        fitted(org)
    told = str(caught.value)
    assert (
        "Missing or not writable in Salesforce: Account: Billing_MRR__c; Contact: Email; Billing_Payout__c"
        in told
    )
    assert "Billing_Key__c" in told.partition("Billing_Payout__c: ")[2]
    assert "Deploy salesforce/" in told
    assert 'missing = "leave_out"' in told
    assert "Casewire_Integration" in told


def test_what_is_left_out_is_told_by_name_and_not_written() -> None:
    org = shape(
        without={"Billing_Payment__c": (), "Account": ("Billing_MRR__c",), "Case": ("Subject", "Priority")}
    )
    shaping, told = fitted(org, orgs=LEAVE)
    assert told == [
        "left out, as the org lacks it or it may not be written: Account: Billing_MRR__c",
        "left out, as the org lacks it or it may not be written: Billing_Payment__c",
        "left out, as the org lacks it or it may not be written: Case: Priority, Subject",
    ]
    found = changes(shaping, story())
    assert {object_ for object_, _ in found} == {
        "Account",
        "Contact",
        "Case",
        "Billing_Subscription__c",
        "Billing_Invoice__c",
    }
    assert "Billing_MRR__c" not in found["Account", ACCOUNT].fields
    assert "Billing_Plan__c" in found["Account", ACCOUNT].fields
    (case,) = (change for (object_, _), change in found.items() if object_ == "Case")
    assert not {"Subject", "Priority"} & {*case.on_create, *case.transition_fields}


def test_a_lookup_to_what_is_left_out_is_left_out() -> None:
    shaping, _ = fitted(shape(without={"Billing_Invoice__c": ()}), orgs=LEAVE)
    for change in changes(shaping, story()).values():
        assert "Billing_Invoice__c" not in {parent.object for parent in change.parents.values()}


@pytest.mark.parametrize(
    ("object_", "field"),
    [
        ("Account", fields.KEY),
        ("Contact", fields.KEY),
        ("Billing_Invoice__c", fields.KEY),
        ("Case", "Billing_Account_Key__c"),
        ("Case", "Billing_Rule__c"),
        ("Case", "Billing_State__c"),
        ("Case", "Billing_Escalation__c"),
        ("Case", "Status"),
    ],
)
def test_some_fields_can_never_be_left_out(object_: str, field: str) -> None:
    with pytest.raises(SetupError, match=f"nothing works without it: {object_}: {field}"):
        fitted(shape(without={object_: (field,)}), orgs=LEAVE)


@pytest.mark.parametrize("object_", ["Account", "Contact", "Case"])
def test_nor_can_the_objects_everything_hangs_on(object_: str) -> None:
    with pytest.raises(SetupError, match="nothing works without it"):
        fitted(shape(without={object_: ()}), orgs=LEAVE)


def test_a_key_that_is_not_unique_is_refused_whatever_the_policy_says() -> None:
    org = shape(more={"Case": [org_field(fields.KEY, is_key=False)]})
    for policy in (LEAVE, {"missing": "refuse"}):
        with pytest.raises(SetupError, match="Case: Billing_Key__c"):
            fitted(org, orgs=policy)


def test_the_persons_key_can_not_be_left_out_where_there_are_persons() -> None:
    org = shape(persons=True, without={"Account": (fields.PERSON_KEY,)})
    with pytest.raises(SetupError, match="Account: Billing_Key__pc"):
        fitted(org, orgs=LEAVE)


def test_a_parent_that_cannot_move_may_be_written_once() -> None:
    fixed = org_field("Account__c", type="reference", updateable=False)
    assert fitted(shape(more={"Billing_Invoice__c": [fixed]}))[1] == []
    read_only = OrgField("Account__c", "reference")
    with pytest.raises(SetupError, match="Billing_Invoice__c: Account__c"):
        fitted(shape(more={"Billing_Invoice__c": [read_only]}))


def test_an_org_without_record_types_lacks_nothing() -> None:
    assert fitted(shape(record_types=frozenset()))[1] == []


# ── remarks ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_left_out_is_said_once() -> None:
    remarks = SchemaWarnings()
    for sentence in ("one", "two", "one"):
        remarks(sentence)
    assert remarks.told() == ["one", "two"]
