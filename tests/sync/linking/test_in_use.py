"""An org that is in use: people merge, clear, move and retype while Casewire works, and its rules stand in the way."""

from __future__ import annotations

from typing import Any

import pytest
from samples import one, rows, subject
from sqlalchemy import Engine
from telling import charge, dispute, item, tell

from connector.clients.salesforce import Org
from connector.errors import Unavailable
from connector.ledger import snapshots, subjects
from connector.ledger.subjects import Due
from connector.models.events import Urgency
from connector.models.facts import Account, Kind, Link, LinkState, Status
from connector.sync.linking import Linker
from sandbox.salesforce.access import permissions
from sync.linking.conftest import (
    Crm,
    Find,
    Whole,
    account,
    codes,
    keep,
    kept,
    learn,
    overdue,
    reading,
    rule,
    settings,
    whole,
)

REVIEW, LINKED = LinkState.REVIEW, LinkState.LINKED
BY_DOMAIN = {"keys": [{"by": "domain_and_name"}]}
BOB = "bob@rivera.example"


def state(engine: Engine) -> LinkState | None:
    found = kept(engine)
    return found.state if found else None


def record_of(engine: Engine) -> str:
    found = kept(engine)
    assert found
    assert found.account_id
    return found.account_id


def everything(crm: Crm) -> dict[str, Any]:
    """Which account all that hangs on one hangs on."""
    named = {"Case": "AccountId"} | dict.fromkeys(
        ("Billing_Invoice__c", "Billing_Dispute__c", "Billing_Refund__c", "Billing_Event__c"), "Account__c"
    )
    return {
        f"{object_} {row['Billing_Key__c']}": row.get(field)
        for object_, field in named.items()
        for row in crm.rows(object_)
    }


# ── duplicate rules ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("there", "policy"), [(1, {"duplicates": "ask"}), (2, {})])
def test_what_a_duplicate_rule_asks_stays_asked_until_a_person_answers(
    crm: Crm, engine: Engine, there: int, policy: dict[str, Any]
) -> None:
    """Nothing fits by any key: to look again must not mean to try again."""
    rule(crm, "Account", "Name")
    ids = [crm.account("Rivera Books") for _ in range(there)]
    learn(engine, account())
    casewire = whole(engine, crm, linking=policy)
    casewire.apply(2)
    assert (casewire.state(), state(engine)) == ("idle", REVIEW)
    case = casewire.case()
    learn(engine, account(company="Rivera Books"))
    casewire.apply(3)
    assert (casewire.state(), casewire.case()["Id"], casewire.case()["Status"]) == ("idle", case["Id"], "New")
    assert one(engine, "SELECT count(*) AS n FROM attempt WHERE outcome = 'retry'").n == 1
    crm.desk.edit("Case", case["Id"], {"AccountId": ids[-1]})
    casewire.watch()
    casewire.apply(2)
    assert crm.row("Account", ids[-1])["Billing_Key__c"] == subject("bob")
    assert casewire.case()["Billing_Outcome__c"] == "Linked"


def test_of_two_that_a_rule_named_the_one_that_is_left_is_linked(crm: Crm, engine: Engine) -> None:
    rule(crm, "Account", "Name")
    kept_, merged = crm.account("Rivera Books"), crm.account("Rivera Books")
    learn(engine, account())
    casewire = whole(engine, crm)
    casewire.apply(2)
    crm.desk.merge("Account", kept_, [merged])
    learn(engine, account())
    casewire.apply(2)
    assert (record_of(engine), codes(crm.rows("Account"))) == (kept_, ["bob"])


def test_where_the_policy_refuses_what_a_rule_blocks_is_a_dead_letter_and_an_alert_is_none(
    crm: Crm, engine: Engine
) -> None:
    rule(crm, "Account", "Name")
    crm.account("Rivera Books")
    learn(engine, account())
    casewire = whole(engine, crm, linking={"duplicates": "refuse"})
    casewire.apply(2)
    assert (casewire.state(), codes(crm.rows("Account"))) == ("dead", [])
    crm.org.drop_duplicate_rules()
    rule(crm, "Account", "Name", action="alert")
    learn(engine, account())
    casewire.apply()
    assert (casewire.state(), codes(crm.rows("Account"))) == ("idle", ["bob"])


def test_a_contact_that_a_rule_names_on_the_linked_account_becomes_the_billing_contact(
    crm: Crm, engine: Engine
) -> None:
    rule(crm, "Contact", "LastName")
    id_ = crm.account("Rivera Books", Website="rivera.example")
    hers = crm.contact(id_, "other@rivera.example")
    overdue(engine)
    learn(engine, account(last_name="Rivera"))
    casewire = whole(engine, crm, linking=BY_DOMAIN)
    casewire.apply(2)
    assert casewire.state() == "idle"
    assert crm.row("Contact", hers)["Billing_Key__c"] == "recurly:acme:contact:bob"
    assert [row["ContactId"] for row in crm.rows("Case")] == [hers]


# ── merged, moved, cleared ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def linked(engine: Engine, crm: Crm) -> Whole:
    """bob is linked by a domain, which says nothing of what his record was merged into."""
    crm.account("Rivera Books", Website="rivera.example")
    overdue(engine)
    learn(engine, account())
    casewire = whole(engine, crm, linking=BY_DOMAIN)
    casewire.apply(2)
    casewire.watch()
    return casewire


def test_a_merge_that_nobody_has_noticed_yet_is_followed_when_it_is_met(
    linked: Whole, crm: Crm, engine: Engine
) -> None:
    """Between deciding and writing, or any time before the next look."""
    first, master = crm.account("First"), crm.account("Holding")
    crm.desk.merge("Account", first, [record_of(engine)])
    crm.desk.merge("Account", master, [first])
    learn(engine, account(company="Rivera & Co"))
    overdue(engine)
    linked.apply(2)
    assert kept(engine) == Link(LINKED, master, contact_id=_contact(engine), how="merged into Holding")
    assert (linked.state(), codes(crm.rows("Account")), len(crm.rows("Account"))) == ("idle", ["bob"], 1)
    assert set(everything(crm).values()) == {master}


def _contact(engine: Engine) -> str | None:
    found = kept(engine)
    return found.contact_id if found else None


@pytest.mark.parametrize("watched", [True, False])
def test_one_merged_into_anothers_is_asked_about_even_if_no_key_finds_that(
    linked: Whole, crm: Crm, engine: Engine, watched: bool
) -> None:
    """With a name as long as they come, which the case has to quote."""
    eves = crm.account("E" * 255, Website="eve.example")
    keep(engine, eve=Link(LINKED, eves))
    crm.desk.edit("Account", eves, {"Billing_Key__c": subject("eve")})
    crm.desk.merge("Account", eves, [record_of(engine)])
    if watched:
        assert linked.watch() == 1
    learn(engine, account(company="Rivera & Co"))
    linked.apply(4)
    assert (linked.state(), state(engine)) == ("idle", REVIEW)
    assert codes(crm.rows("Account")) == ["eve"], "and none was made"
    assert subject("eve") in linked.case()["Billing_Candidates__c"]


def test_two_linked_accounts_that_are_merged_leave_one_and_a_question(
    linked: Whole, crm: Crm, engine: Engine
) -> None:
    eves = crm.account("Eve's", Website="eve.example")
    learn(engine, account("eve", email="eve@eve.example", company="Eve's"))
    linked.apply(2)
    crm.desk.merge("Account", eves, [record_of(engine)])
    learn(engine, account(company="Rivera & Co"))
    linked.apply(3)
    assert linked.watch() == 0, "it was met before it was looked for"
    linked.apply()
    assert codes(crm.rows("Account")) == ["eve"]
    assert linked.case()["Billing_Account_Key__c"] == subject("bob")
    crm.desk.edit("Case", linked.case()["Id"], {"AccountId": eves})
    linked.watch()
    linked.apply(2)
    assert linked.case()["AccountId"] == eves, "the answer is left to the person, and why it is none is told"
    assert linked.case()["Billing_Reason__c"] == "its account is another billing account's already"
    assert linked.watch() == 0, "it is told once"


def test_an_org_that_can_not_be_asked_just_then_is_asked_later(
    linked: Whole, crm: Crm, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = crm.account("Holding")
    crm.desk.merge("Account", master, [record_of(engine)])
    learn(engine, account(company="Rivera & Co"))

    def away(soql: str) -> list[dict[str, Any]]:
        raise Unavailable("salesforce", "503")

    with monkeypatch.context() as patched:
        patched.setattr(crm.client, "query_all", away)
        linked.apply()
    assert linked.state() == "due"
    rows(engine, "UPDATE circuit SET open_until = now() - interval '1 second'")
    linked.apply(2)
    assert (linked.state(), record_of(engine)) == ("idle", master)


def test_a_key_that_a_person_moves_to_another_account_moves_the_account(
    linked: Whole, crm: Crm, engine: Engine
) -> None:
    other = crm.account("The right one")
    crm.desk.edit("Account", record_of(engine), {"Billing_Key__c": None})
    crm.desk.edit("Account", other, {"Billing_Key__c": subject("bob")})
    learn(engine, account(company="Rivera & Co"))
    linked.apply(3)
    assert (linked.state(), record_of(engine)) == ("idle", other)
    assert set(everything(crm).values()) == {other}


def test_a_key_that_a_person_clears_comes_back_and_nothing_is_doubled(
    linked: Whole, crm: Crm, engine: Engine
) -> None:
    id_ = record_of(engine)
    crm.desk.edit("Account", id_, {"Billing_Key__c": None})
    rows(engine, "DELETE FROM mirror WHERE object <> 'Account'")
    learn(engine, account())
    linked.apply(3)
    assert (linked.state(), codes(crm.rows("Account"))) == ("idle", ["bob"])
    assert set(everything(crm).values()) == {id_}


def test_a_contact_that_a_person_moved_stays_where_it_was_put(
    linked: Whole, crm: Crm, engine: Engine
) -> None:
    elsewhere = crm.account("Elsewhere")
    hers = crm.rows("Contact")[0]["Id"]
    crm.desk.edit("Contact", hers, {"AccountId": elsewhere})
    learn(engine, account(first_name="Bobby", last_name="Rivera"))
    linked.apply(2)
    assert (linked.state(), len(crm.rows("Contact"))) == ("idle", 1)
    assert crm.row("Contact", hers)["AccountId"] == elsewhere
    assert crm.row("Contact", hers)["FirstName"] == "Bobby"


# ── under review ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dispute_and_a_refund_of_an_account_under_review_wait_for_nothing_and_follow(
    crm: Crm, engine: Engine
) -> None:
    ids = [crm.account(name, email=BOB) for name in ("One", "Two")]
    overdue(engine)
    learn(engine, account())
    failed = item("re_1", Kind.REFUND, status=Status.FAILED, references=("ch_1",))
    tell(engine, charge("ch_1"), dispute("dp_1", "ch_1"), failed)
    rows(
        engine,
        "UPDATE snapshot SET subject = :s, link = 'gateway reference ch_1' WHERE source = 'stripe'",
        s=subject("bob"),
    )
    casewire = whole(engine, crm)
    casewire.apply()
    before = everything(crm)
    assert set(before.values()) == {None}
    assert {"Billing_Dispute__c stripe:dispute:dp_1", "Billing_Refund__c stripe:refund:re_1"} <= before.keys()
    review = casewire.case()["Id"]
    crm.desk.edit("Case", review, {"AccountId": ids[1]})
    casewire.watch()
    casewire.apply(2)
    assert everything(crm) == dict.fromkeys(before, ids[1])


# ── persons ───────────────────────────────────────────────────────────────────────────────────────────────────


def person(crm: Crm, email: str = BOB, **values: Any) -> str:
    (id_,) = crm.desk.write("Account", [{"LastName": "Rivera", "PersonEmail": email, **values}])
    return id_


def consumer(**told: Any) -> Account:
    return account(**{"company": None, "first_name": "Bob", "last_name": "Rivera", **told})


@pytest.mark.parametrize("there", [True, False])
def test_a_consumer_is_one_record_found_or_made_and_its_cases_have_it_as_their_contact(
    persons: Crm, engine: Engine, there: bool
) -> None:
    if there:
        person(persons)
    overdue(engine)
    learn(engine, consumer())
    whole(engine, persons).apply(2)
    (found,), (shadow,), (case,) = (persons.rows(name) for name in ("Account", "Contact", "Case"))
    assert found["IsPersonAccount"] is True
    assert (found["Billing_Key__c"], found["Billing_Key__pc"]) == (subject("bob"), "recurly:acme:contact:bob")
    assert (found["Name"], found["PersonEmail"]) == ("Bob Rivera", BOB)
    assert (case["AccountId"], case["ContactId"]) == (found["Id"], shadow["Id"])


def test_a_duplicate_rule_may_name_a_person(persons: Crm, engine: Engine) -> None:
    rule(persons, "Account", "Name")
    id_ = person(persons, "other@rivera.example", FirstName="Bob")
    learn(engine, consumer())
    whole(engine, persons).apply(2)
    assert kept(engine) == Link(LINKED, id_, how="named by a duplicate rule", person=True)
    assert [row["PersonEmail"] for row in persons.rows("Account")] == [BOB]


def test_between_a_person_and_a_business_a_person_is_asked(persons: Crm, engine: Engine) -> None:
    who, firm = person(persons), persons.account("Rivera Books", email=BOB)
    overdue(engine)
    learn(engine, consumer())
    casewire = whole(engine, persons)
    casewire.apply()
    assert (state(engine), persons.row("Account", who)["Name"]) == (REVIEW, "Rivera")
    persons.desk.edit("Case", casewire.case()["Id"], {"AccountId": who})
    casewire.watch()
    casewire.apply(2)
    assert set(everything(persons).values()) == {who}
    assert persons.row("Account", firm).get("Billing_Key__c") is None
    assert persons.row("Account", who)["Billing_Key__pc"] == "recurly:acme:contact:bob"


def test_a_person_that_was_made_a_business_is_met_before_it_is_looked_for(
    persons: Crm, engine: Engine
) -> None:
    id_ = person(persons)
    overdue(engine)
    learn(engine, consumer())
    casewire = whole(engine, persons)
    casewire.apply(2)
    persons.desk.convert(id_)
    learn(engine, consumer(first_name="Robert"))
    casewire.apply(2)
    assert casewire.state() == "idle"
    found = kept(engine)
    assert found
    assert (found.account_id, found.person) == (id_, False)
    (contact,) = persons.rows("Contact")
    assert (contact["FirstName"], contact["AccountId"], contact["IsPersonAccount"]) == ("Robert", id_, False)


# ── several sites, any order ──────────────────────────────────────────────────────────────────────────────────


def at_sites(engine: Engine, *sites: str) -> None:
    for site in sites:
        key = f"recurly:{site}:account:bob"
        with engine.begin() as connection:
            snapshots.store(connection, "recurly", site, snapshots.clock(connection), [account()])
            subjects.mark_due(connection, [Due(key, "recurly", site, "bob", Urgency.ROUTINE)])


@pytest.mark.parametrize("calm", [True, False])
@pytest.mark.parametrize("sites", [("acme", "beta"), ("beta", "acme")])
def test_a_customer_of_two_sites_is_two_records_and_explained(
    crm: Crm, engine: Engine, sites: tuple[str, str], calm: bool
) -> None:
    casewire = whole(engine, crm)
    for together in [[site] for site in sites] if calm else [sites]:
        at_sites(engine, *together)
        casewire.apply(2)
    found = {(row["Billing_Key__c"], row["Billing_Linked_By__c"]) for row in crm.rows("Account")}
    assert found == {
        (f"recurly:{site}:account:bob", "made by Casewire: nothing fitted") for site in ("acme", "beta")
    }
    assert (len(crm.rows("Account")), len(crm.rows("Contact")), len(crm.rows("Case"))) == (2, 2, 0)


@pytest.mark.parametrize("calm", [True, False])
@pytest.mark.parametrize("sites", [("acme", "beta"), ("beta", "acme")])
def test_of_two_sites_that_fit_one_record_one_has_it_and_a_person_decides_of_the_other(
    crm: Crm, engine: Engine, sites: tuple[str, str], calm: bool
) -> None:
    crm.account(email=BOB)
    casewire = whole(engine, crm)
    for together in [[site] for site in sites] if calm else [sites]:
        at_sites(engine, *together)
        casewire.apply(2)
    (record,), (case,) = crm.rows("Account"), crm.rows("Case")
    assert {record["Billing_Key__c"], case["Billing_Account_Key__c"]} == {
        "recurly:acme:account:bob",
        "recurly:beta:account:bob",
    }
    assert f"linked to {record['Billing_Key__c']} already" in case["Billing_Candidates__c"]
    assert len(crm.rows("Contact")) == 1


CROWD = (
    account("agency-1", email="office@agency.example", company="One"),
    account("agency-2", email="office@agency.example", company="Two"),
    account("linked", email="linked@rivera.example"),
    account("several", email="several@rivera.example", company="Several"),
    account("domain", email="info@domain.example", company="Domain GmbH"),
    account("group", email="group@group.example", company="Group", id="id-group"),
    account("branch", email=None, company="Branch", parent_account_id="id-group"),
)
KEYS = {"keys": [{"by": "email"}, {"by": "domain_and_name"}, {"by": "parent"}]}


@pytest.mark.parametrize(
    ("size", "turned", "hidden"),
    [(1, False, False), (1, True, True), (3, True, False), (7, False, True), (7, True, False)],
)
def test_the_same_accounts_are_linked_the_same_whatever_their_order_and_batches(
    crm: Crm, engine: Engine, size: int, turned: bool, hidden: bool
) -> None:
    """``hidden``: the integration user can't see why records were linked. A branch comes with or after its parent."""
    crm.account("Linked", email="linked@rivera.example")
    for _ in range(2):
        crm.account("Several", email="several@rivera.example")
    crm.account("Domain", Website="domain.example")
    crm.account("Branch", ParentId=crm.account("Group", email="group@group.example"))
    if hidden:
        crm.org.permit(permissions(crm.org.schema, {"Account": {"Billing_Linked_By__c": "none"}}))
    casewire = whole(engine, crm, linking=KEYS, orgs={"missing": "leave_out"})
    order = list(CROWD)
    if turned:
        order = [*reversed(CROWD[:5]), *(CROWD[5:] if size < len(CROWD) else reversed(CROWD[5:]))]
    for start in range(0, len(order), size):
        learn(engine, *order[start : start + size])
        casewire.apply(2)
    told = {
        row.subject.rpartition(":")[2]: (row.state, row.how)
        for row in rows(engine, "SELECT subject, state, how FROM link")
    }
    made = ("linked", "made by Casewire: nothing fitted")
    assert told == {
        "agency-1": made,
        "agency-2": made,
        "linked": ("linked", "billing e-mail of a contact"),
        "several": ("review", "2 accounts fit by billing e-mail of a contact"),
        "domain": ("linked", "e-mail domain and name"),
        "group": ("linked", "billing e-mail of a contact"),
        "branch": ("linked", "name below its parent's account"),
    }
    assert len(crm.rows("Account")) == 8


# ── what does not fit ─────────────────────────────────────────────────────────────────────────────────────────

PARENT = {
    "object": "Account",
    "field": "ParentId",
    "from": "account.custom_fields.group",
    "type": "lookup",
    "lookup": {"object": "Account", "key": "Billing_Key__c"},
}
WEBSITE = {"object": "Account", "field": "Website", "from": "account.custom_fields.site"}


def test_a_mapped_lookup_to_a_record_that_is_not_there_holds_nothing_back(crm: Crm, engine: Engine) -> None:
    id_ = crm.account("Rivera Books", email=BOB, Website="typed.example")
    overdue(engine)
    grouped = {"custom_fields": (("group", "recurly:acme:account:boss"),)}
    learn(engine, account(**grouped))
    casewire = whole(engine, crm, mapping=[PARENT, WEBSITE])
    casewire.apply(2)
    assert casewire.state() == "idle"
    found = crm.row("Account", id_)
    assert (found.get("ParentId"), found["Website"]) == (None, "typed.example"), "what is not known is kept"
    assert set(everything(crm).values()) == {id_}
    boss = crm.account("Boss", Billing_Key__c=subject("boss"))
    learn(engine, account(phone="1", **grouped))
    casewire.apply(2)
    assert crm.row("Account", id_)["ParentId"] == boss, "it is there now"


def test_what_the_integration_user_may_not_write_is_left_out_and_named(crm: Crm, engine: Engine) -> None:
    id_ = crm.account("Rivera Books", email=BOB)
    overdue(engine)
    learn(engine, account())
    hidden = {
        "Account": {"Billing_Balance__c": "read", "Website": "read"},
        "Billing_Event__c": {"object": "none"},
    }
    crm.org.permit(permissions(crm.org.schema, hidden))
    casewire = whole(engine, crm, orgs={"missing": "leave_out"}, mapping=[WEBSITE])
    casewire.apply(2)
    assert casewire.state() == "idle"
    assert crm.row("Account", id_).get("Billing_Balance__c") is None
    assert crm.row("Account", id_)["Billing_Past_Due_Amount__c"] is not None
    assert crm.rows("Billing_Event__c") == []
    told = " ".join(casewire.told)
    for name in ("Account: Billing_Balance__c", "Billing_Event__c", "Account.Website"):
        assert name in told


ODD = (
    ("a/b:c?d#e%f&g+h", "o'brien\"\\@x'.example", "😀😀"),
    ('line\nbreak,"quoted"', "%@%.example", "%' OR Name != '"),
    ("ünï", "ßtraße@münchen.example", "A" * 400),
    ("account:account:x", "x" * 300 + "@long.example", "\\"),
    ("Bob", "bob_%@a_b.example", "O'Reilly & Søns"),
    ("bob", "bob_%@a_b.example", "'"),
)
BY_ALL = [
    {"by": "field", "field": "AccountNumber", "value": "account_code"},
    {"by": "field", "field": "Name", "value": "company"},
    {"by": "email"},
    {"by": "domain_and_name"},
]


@pytest.mark.parametrize("together", [True, False])
def test_odd_text_neither_breaks_a_query_nor_holds_anything_back(
    crm: Crm, engine: Engine, together: bool
) -> None:
    """Where Salesforce takes an address for none, the contact is written without it."""
    casewire = whole(engine, crm, linking={"keys": BY_ALL})
    crm.account("Somebody", Website="https://x.example/%27")
    crowd = [account(code, email=email, company=name, last_name=name) for code, email, name in ODD]
    for some in [crowd] if together else [[who] for who in crowd]:
        learn(engine, *some)
        casewire.apply(2)
    assert rows(engine, "SELECT key, error FROM subject WHERE status <> 'idle'") == []
    assert {row.get("Billing_Key__c") for row in crm.rows("Account")} == {
        None,
        *(subject(code) for code, _, _ in ODD),
    }
    assert len(crm.rows("Contact")) == len(ODD)


@pytest.mark.parametrize(("code", "email", "name"), ODD)
def test_odd_text_is_found_by_what_people_typed(
    crm: Crm, find: Find, code: str, email: str, name: str
) -> None:
    id_ = crm.account("Somebody", AccountNumber=code.replace("\n", " ")[:40])
    crm.account("Somebody else", AccountNumber="x")
    found = find(crm, account(code.replace("\n", " "), email=email, company=name), keys=BY_ALL[:1])
    assert [link.account_id for link in found.values()] == [id_]


def test_each_of_a_circle_of_parents_is_looked_for_once(crm: Crm, engine: Engine) -> None:
    circle = [account("a", parent_account_id="id-b"), account("b", parent_account_id="id-a")]
    learn(engine, *circle)
    shape = Org.load(crm.client).shape
    linker = Linker(engine, crm.client, settings(keys=[{"by": "parent"}]), lambda: shape)
    found = linker.find([reading(who) for who in circle])
    assert {link.state for link in found.values()} == {LinkState.NEW}


def test_what_differs_in_case_only_is_another_account_of_billing(crm: Crm, find: Find) -> None:
    id_ = crm.account("Somebody", Billing_Key__c=subject("Bob"))
    found = find(crm, account("Bob", email=None), account("bob", email=None))
    assert (found["Bob"].account_id, found["bob"].account_id) == (id_, None)
