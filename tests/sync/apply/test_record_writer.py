"""Writing rows: parents before children, and one bad row never holds back the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connector.errors import Permanent, Transient, Unavailable
from connector.mappers import fields
from connector.models.plan import Change, Lookup, Parent
from connector.sync.apply.outcomes import Refused, Results
from connector.sync.apply.record_writer import AT_ONCE, IN_BULK, write
from connector.sync.apply.row_diff import Row, row_for
from sync.fake_crm import FakeCrm, Org, RowAnswer, Trouble


def row(object_: str, key: str, *parents: tuple[str, str]) -> Row:
    lookups = {f"{of}Id" if of in ("Account", "Contact") else f"{of}__c": Parent(of, k) for of, k in parents}
    made = row_for(
        Change(object_, key, "rule", "why", {"Name": key}, parents=lookups), None, exists=False, org=Org()
    )
    assert made
    return made


BOB = ("Account", "bob")


def test_objects_are_sent_in_the_order_of_their_parents_whatever_the_order_of_the_rows() -> None:
    crm = FakeCrm()
    results = write(crm, [row(object_, object_) for object_ in reversed(fields.ORDER)])
    assert [object_ for object_, _ in crm.upserts] == list(fields.ORDER)
    assert len(results.written) == len(fields.ORDER)


def test_rows_of_an_object_go_two_hundred_at_a_time() -> None:
    crm = FakeCrm()
    write(crm, [row("Account", f"a{n}") for n in range(2 * AT_ONCE + 1)])
    assert [len(rows) for _, rows in crm.upserts] == [200, 200, 1]


def test_a_key_is_taken_off_the_record_that_carries_it_before_its_own_is_written() -> None:
    crm = FakeCrm(records={("Account", "typed"): {"Id": "001", fields.KEY: "bob"}})
    results = write(crm, [replace(row(*BOB), frees="001"), row("Account", "eve")])
    assert crm.upserts[0] == ("Account", [{"Id": "001", fields.KEY: None}])
    assert set(results.written) == {BOB, ("Account", "eve")}


def test_a_row_whose_key_cannot_be_freed_is_not_sent() -> None:
    crm = FakeCrm()
    results = write(crm, [replace(row(*BOB), frees="001"), row("Case", "c", BOB), row("Account", "eve")])
    assert results.refused[BOB].code == "ENTITY_IS_DELETED"
    assert results.refused["Case", "c"].code == "PARENT_REFUSED"
    assert list(results.written) == [("Account", "eve")]


def test_a_row_that_was_refused_before_is_not_sent() -> None:
    crm = FakeCrm()
    no = Refused("X", "No.", transient=False)
    results = Results(refused={BOB: no})
    assert write(crm, [row(*BOB), row("Account", "eve")], results=results).refused == {BOB: no}
    assert list(crm.of("Account")) == ["eve"]


def test_no_key_is_freed_for_a_row_that_was_refused_before() -> None:
    crm = FakeCrm(records={("Account", "typed"): {"Id": "001", fields.KEY: "bob"}})
    results = Results(refused={BOB: Refused("X", "No.", transient=False)})
    write(crm, [replace(row(*BOB), frees="001")], results=results)
    assert crm.upserts == []


def going(*at_each: set[tuple[str, str]]) -> Callable[[], Set[tuple[str, str]]]:
    """What is dropped when it is asked first, and so on."""
    coming = iter(at_each)
    return lambda: next(coming)


def by_id(key: str) -> Row:
    return replace(row("Account", key), id=f"id-Account-{key}")


def test_what_is_dropped_between_two_calls_is_not_sent_by_the_second() -> None:
    crm = FakeCrm()
    write(
        crm,
        [row("Account", f"a{n}") for n in range(AT_ONCE + 2)],
        dropped=going(set(), {("Account", "a200")}),
    )
    assert [len(rows) for _, rows in crm.upserts] == [200, 1]
    assert "a200" not in crm.of("Account")


def test_what_is_dropped_while_the_rows_without_an_id_are_written_is_not_sent_by_its_id() -> None:
    crm = FakeCrm(records={BOB: {"Id": "id-Account-bob"}, ("Account", "eve"): {"Id": "id-Account-eve"}})
    results = write(crm, [row("Account", "new"), by_id("bob"), by_id("eve")], dropped=going(set(), {BOB}))
    assert set(results.written) == {("Account", "new"), ("Account", "eve")}


def test_what_is_dropped_is_not_sent_again_without_an_odd_value() -> None:
    nowhere = Lookup("Product2", fields.KEY, "none")
    odd = row_for(Change(*BOB, "rule", "why", {"Product__c": nowhere}), None, exists=False, org=Org())
    assert odd
    crm = FakeCrm()
    write(crm, [odd], dropped=going(set(), {BOB}))
    assert len(crm.upserts) == 1


def test_what_is_dropped_is_not_sent_alone_to_be_told_its_duplicates() -> None:
    crm = FakeCrm(refusals={BOB: Permanent("Two.", code="DUPLICATES_DETECTED")})
    write(crm, [row(*BOB)], dropped=going(set(), {BOB}))
    assert len(crm.upserts) == 1


@dataclass
class Lister(FakeCrm):
    """As Salesforce does: in a list, a duplicate rule's refusal may leave out which records it found."""

    alone: list[str] = field(default_factory=list)
    matches: tuple[str, ...] = ()

    def upsert(self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
        return [self._told(answer, self.matches) for answer in super().upsert(object_, key_field, rows)]

    def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
        return [self._told(answer, self.matches) for answer in super().update(object_, rows)]

    def upsert_alone(self, object_: str, key_field: str, row: Mapping[str, Any]) -> RowAnswer:
        self.alone.append(row[fields.KEY])
        return self._told(super().upsert(object_, key_field, [row])[0], ("001X",))

    def _told(self, answer: RowAnswer, matches: tuple[str, ...]) -> RowAnswer:
        error = answer.error
        return replace(answer, error=replace(error, matches=matches)) if error else answer


DUPLICATE = Permanent("Two.", code="DUPLICATES_DETECTED")


def test_a_duplicate_that_was_not_named_is_asked_for_alone() -> None:
    crm = Lister(refusals={BOB: DUPLICATE})
    results = write(crm, [row(*BOB), row("Account", "eve")])
    assert crm.alone == ["bob"]
    assert results.refused[BOB].matches == ("001X",)


def test_a_duplicate_that_was_named_is_not_asked_for_again() -> None:
    crm = Lister(refusals={BOB: DUPLICATE}, matches=("001Y",))
    assert write(crm, [row(*BOB)]).refused[BOB].matches == ("001Y",)
    assert crm.alone == []


def test_another_refusal_is_not_asked_for_alone() -> None:
    crm = Lister(refusals={BOB: Permanent("No.", code="REQUIRED_FIELD_MISSING")})
    write(crm, [row(*BOB)])
    assert crm.alone == []


def test_a_record_known_by_its_id_and_refused_as_a_duplicate_is_not_sent_again_by_its_key() -> None:
    """It may not have the key: that would make the record a second time."""
    crm = Lister(records={BOB: {"Id": "id-Account-bob"}}, refusals={BOB: DUPLICATE})
    results = write(crm, [by_id("bob")])
    assert crm.alone == []
    assert results.refused[BOB].code == "DUPLICATES_DETECTED"
    assert [sorted(rows[0]) for _, rows in crm.upserts] == [sorted(("Id", fields.KEY, "Name"))]


def test_a_record_known_by_its_id_keeps_it_where_the_answer_names_none() -> None:
    class Silent(FakeCrm):
        def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[RowAnswer]:
            return [replace(answer, id=None) for answer in super().update(object_, rows)]

    crm = Silent(records={BOB: {"Id": "id-Account-bob"}})
    assert write(crm, [by_id("bob")]).written[BOB].id == "id-Account-bob"


@pytest.mark.parametrize(
    ("code", "about", "left_out"),
    [
        ("INVALID_EMAIL_ADDRESS", ("Email__c",), {"Email__c"}),
        ("INVALID_EMAIL_ADDRESS", ("Email__c", "Other__c"), {"Email__c"}),
        ("INVALID_EMAIL_ADDRESS", ("Other__c",), None),
        ("INVALID_FIELD", (), {"Product__c"}),
        ("REQUIRED_FIELD_MISSING", ("Email__c",), None),
    ],
)
def test_only_a_value_that_salesforce_cannot_take_is_left_out(
    code: str, about: tuple[str, ...], left_out: set[str] | None
) -> None:
    class Picky(FakeCrm):
        def _upsert(self, object_: str, key: str, row: Mapping[str, Any]) -> RowAnswer:
            if {"Email__c", "Product__r"} <= row.keys():
                return RowAnswer(error=Trouble(Permanent("No.", code=code), fields=about))
            return super()._upsert(object_, key, {fields.KEY: key})

    values = {"Email__c": "none", "Product__c": Lookup("Product2", "Code__c", "P1")}
    made = row_for(Change(*BOB, "rule", "why", values), None, exists=False, org=Org())
    assert made
    results = write(Picky(), [made])
    if left_out is None:
        assert results.refused[BOB].code == code
        assert results.left_out == {}
    else:
        assert results.left_out == {BOB: frozenset(left_out)}
        assert set(results.written[BOB].row.mirror) == {"Email__c", "Product__c"} - left_out


@pytest.mark.parametrize(("number", "jobs"), [(IN_BULK - 1, []), (IN_BULK, [("Account", IN_BULK)])])
def test_from_so_many_rows_on_they_go_as_a_job(number: int, jobs: list[tuple[str, int]]) -> None:
    class Waiting:
        def wait(self, seconds: float) -> None: ...
        def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None: ...
        def ended(self, job: str, *, results_read: bool) -> None: ...

    crm = FakeCrm()
    results = write(crm, [row("Account", f"a{n}") for n in range(number)], Waiting())
    assert crm.jobs == jobs
    assert len(results.written) == number


def test_nobody_is_asked_what_is_dropped_where_nothing_is_to_be_sent() -> None:
    assert write(FakeCrm(), [], dropped=going()).written == {}


def test_nothing_to_write_is_no_call() -> None:
    crm = FakeCrm()
    assert write(crm, []).written == {}
    assert crm.upserts == []


def test_what_was_written_has_its_id_and_whether_it_is_new() -> None:
    crm = FakeCrm(records={BOB: {"Id": "001"}})
    results = write(crm, [row(*BOB), row("Account", "eve")])
    assert {key: (done.id, done.created) for key, done in results.written.items()} == {
        BOB: ("001", False),
        ("Account", "eve"): ("id-Account-eve", True),
    }


@pytest.mark.parametrize("error", [Permanent("No.", code="X"), Transient("Later.", code="X")])
def test_one_refused_row_does_not_hold_back_the_others(error: Permanent | Transient) -> None:
    crm = FakeCrm(refusals={BOB: error})
    results = write(crm, [row(*BOB), row("Account", "eve")])
    assert results.refused == {BOB: Refused("X", str(error), isinstance(error, Transient))}
    assert list(results.written) == [("Account", "eve")]
    assert results.unavailable is None


@pytest.mark.parametrize("error", [Permanent("No.", code="X"), Transient("Later.", code="X")])
def test_children_of_a_refused_row_are_not_sent_and_share_its_fate(error: Permanent | Transient) -> None:
    crm = FakeCrm(refusals={BOB: error})
    case, event = ("Case", "c"), ("Billing_Event__c", "e")
    results = write(crm, [row(*BOB), row(*case, BOB), row(*event, case), row("Case", "c2")])
    assert results.refused[case] == Refused("PARENT_REFUSED", str(error), isinstance(error, Transient))
    assert results.refused[event].code == "PARENT_REFUSED"
    assert list(results.written) == [("Case", "c2")]
    assert [object_ for object_, _ in crm.upserts] == ["Account", "Case"]


def test_a_case_is_written_without_the_contact_that_was_refused() -> None:
    contact = ("Contact", "bob")
    crm = FakeCrm(refusals={contact: Permanent("A duplicate.")})
    results = write(crm, [row(*BOB), row(*contact, BOB), row("Case", "c", BOB, contact)])
    done = results.written["Case", "c"]
    assert crm.of("Case")["c"] == {
        "Id": "id-Case-c",
        "IsClosed": False,
        "ClosedDate": None,
        fields.KEY: "c",
        "Name": "c",
        "Account": "bob",
    }
    assert set(done.row.mirror) == {"Name", "AccountId"}, "the lookup is still to be written"


def test_when_salesforce_goes_away_the_rest_is_not_sent() -> None:
    crm = FakeCrm(outages={"Case": Unavailable("salesforce", "503")})
    results = write(crm, [row(*BOB), row("Case", "c"), row("Billing_Event__c", "e")])
    assert list(results.written) == [BOB]
    assert results.refused == {}
    assert str(results.unavailable) == "503"
    assert [object_ for object_, _ in crm.upserts] == ["Account", "Case"]


def test_a_row_that_met_an_outage_is_not_refused() -> None:
    crm = FakeCrm(refusals={BOB: Unavailable("salesforce", "daily limit")})
    results = write(crm, [row(*BOB), row("Account", "eve")])
    assert results.refused == {}
    assert list(results.written) == [("Account", "eve")]
    assert results.unavailable


@pytest.mark.parametrize("error", [Permanent("No such object.", code="X"), Transient("Timed out.")])
def test_a_call_that_is_refused_whole_refuses_its_rows_and_no_others(error: Permanent | Transient) -> None:
    crm = FakeCrm(outages={"Contact": error})
    results = write(crm, [row(*BOB), row("Contact", "c"), row("Case", "k")])
    assert list(results.refused) == [("Contact", "c")]
    assert set(results.written) == {BOB, ("Case", "k")}


def test_what_nobody_foresaw_is_not_swallowed() -> None:
    crm = FakeCrm(outages={"Account": RuntimeError("a bug")})
    with pytest.raises(RuntimeError):
        write(crm, [row(*BOB)])


def test_the_key_is_sent_beside_the_fields() -> None:
    crm = FakeCrm()
    write(crm, [row(*BOB)])
    sent: list[tuple[str, list[Any]]] = [(of, list(rows)) for of, rows in crm.upserts]
    assert sent == [("Account", [{fields.KEY: "bob", "Name": "bob"}])]
