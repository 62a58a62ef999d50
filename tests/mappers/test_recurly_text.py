"""Text that no database keeps does not hold back the object it stands in."""

from __future__ import annotations

from types import SimpleNamespace

from samples import SITE, SOURCE
from sqlalchemy import Engine

from connector.ledger import snapshots
from connector.mappers import recurly
from connector.models.facts import Account


def test_text_that_no_database_keeps_is_left_out(engine: Engine) -> None:
    told = SimpleNamespace(
        id="acc1",
        code="bob",
        state="active",
        company="Rivera\0 Books \ud83d",
        first_name="\0",
        custom_fields=[SimpleNamespace(name="no\0te", value="\udfff1")],
    )
    made = recurly.account(told)
    assert isinstance(made, Account)
    assert (made.company, made.first_name, made.custom_fields) == ("Rivera Books", None, (("note", "1"),))
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), [made])
