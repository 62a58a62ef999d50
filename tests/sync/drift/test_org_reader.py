"""Salesforce is read by ids, then by keys; or whole before, and only what is not there is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from connector.errors import Unavailable
from connector.mappers import fields
from connector.mappers.fields import Account
from connector.mappers.fields import Invoice as F
from connector.retry import RetryPolicy
from connector.sync.drift.org_reader import BulkReader, SoqlReader, load
from connector.sync.drift.owned_fields import Owned
from sync import orgs

from .conftest import HeldCrm, shape

OWNED = Owned.of(shape(), ())


class BulkCrm:
    """A bulk query that gives these rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: list[str] = []

    def bulk_query(self, soql: str, *, wait: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(soql)
        yield from self.rows


def row(id_: str, key: str | None, **values: Any) -> dict[str, Any]:
    return {"Id": id_, fields.KEY: key, **values}


def crm(*rows: dict[str, Any]) -> HeldCrm:
    return HeldCrm({(F.OBJECT, str(one[fields.KEY] or one["Id"])): one for one in rows})


def test_a_record_is_found_by_its_id_whatever_became_of_its_key() -> None:
    asking = SoqlReader(crm(row("a01", None), row("a02", "inv:2"), row("a03", "inv:3")), OWNED)
    found = asking.read(F.OBJECT, {"inv:1": "a01", "inv:2": None, "inv:3": "gone", "inv:4": "gone too"})
    assert {key: (held.id, held.key) for key, held in found.items()} == {
        "inv:1": ("a01", ""),
        "inv:2": ("a02", "inv:2"),
        "inv:3": ("a03", "inv:3"),
    }


def test_nothing_is_asked_for_where_nothing_is_wanted() -> None:
    org = crm()
    assert SoqlReader(org, OWNED).read(F.OBJECT, {}) == {}
    assert org.queries == []


def test_what_was_read_whole_is_not_asked_for_again(engine: Engine) -> None:
    org, told = crm(row("a03", None)), []
    bulk = BulkCrm([row("a01", "inv:1", Total__c=Decimal("49.90")), row("a02", "typed")])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        began = load(connection, bulk, OWNED, [F.OBJECT], lambda _: None, lambda *one: told.append(one))
        loaded = BulkReader(connection, SoqlReader(org, OWNED), began)
        found = loaded.read(F.OBJECT, {"inv:1": "a01", "inv:2": "a02"})
        assert {key: held.key for key, held in found.items()} == {"inv:1": "inv:1", "inv:2": "typed"}
        assert found["inv:1"].data["Total__c"] == "49.90"
        assert org.queries == []
        more = loaded.read(F.OBJECT, {"inv:1": None, "inv:3": "a03", "inv:4": "a04"})
        assert set(more) == {"inv:1", "inv:3"}
    assert told == [(F.OBJECT, 2)]
    assert bulk.asked[0].endswith(f"FROM {F.OBJECT}")


@pytest.mark.parametrize(
    ("object_", "persons", "told"),
    [
        ("Case", False, f"Case WHERE {fields.KEY} != null"),
        ("Contact", True, f"Contact WHERE {fields.KEY} != null AND IsPersonAccount = false"),
    ],
)
def test_of_people_s_objects_what_has_a_key_is_read_and_no_person_twice(
    engine: Engine, object_: str, persons: bool, told: str
) -> None:
    bulk, owned = BulkCrm([]), Owned.of(orgs.shape(persons=persons), ())
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        load(connection, bulk, owned, [object_], lambda _: None, lambda *_: None)
    assert bulk.asked[0].endswith(f"FROM {told}")


class Away(BulkCrm):
    """Goes away in the middle of a query, once."""

    def bulk_query(self, soql: str, *, wait: Any) -> Iterator[dict[str, Any]]:
        yield from super().bulk_query(soql, wait=wait)
        if len(self.asked) == 2:
            raise Unavailable("salesforce", "Salesforce is unavailable (503).")


def test_an_object_is_read_anew_where_salesforce_went_away_in_the_middle(engine: Engine) -> None:
    bulk, waited = Away([row("a01", "inv:1")]), []
    patience = RetryPolicy(waited.append, lambda _: None)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        objects = [Account.OBJECT, F.OBJECT]
        began = load(connection, bulk, OWNED, objects, lambda _: None, lambda *_: None, patience)
        loaded = BulkReader(connection, SoqlReader(crm(), OWNED), began)
        assert [(object_, held.id) for object_, held in loaded.strays()] == [
            (Account.OBJECT, "a01"),
            (F.OBJECT, "a01"),
        ]
    assert (waited, len(bulk.asked)) == ([1.0], 3)


def test_a_second_look_on_the_same_connection_begins_empty(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for rows in ([row("a01", "inv:1")], []):
            began = load(connection, BulkCrm(rows), OWNED, [F.OBJECT], lambda _: None, lambda *_: None)
        assert BulkReader(connection, SoqlReader(crm(), OWNED), began).read(F.OBJECT, {"inv:1": "a01"}) == {}
