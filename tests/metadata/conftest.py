"""The folder, and an org of the sandbox that holds all of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from connector.metadata.org_diff import OrgSchema
from connector.metadata.permissions import LACKING
from connector.metadata.source_tree import Source, default_place, read
from sandbox.control import Control
from sandbox.salesforce import Org, create_app

USER = "integration.user@casewire.sandbox"


@pytest.fixture(scope="session")
def source() -> Source:
    return read(default_place())


@pytest.fixture(scope="session")
def _described(source: Source) -> dict[str, Any]:
    """What the sandbox, which reads the folder by itself, describes of every object in it."""
    org = Org(default_place())
    api = create_app(org, Control()).test_client()
    token = org.sessions.issue(org.org_id, org.user_id)

    def describe(name: str) -> Any:
        path = f"/services/data/v66.0/sobjects/{name}/describe"
        return api.get(path, headers={"Authorization": f"Bearer {token}"}).get_json()

    return {name: describe(name) for name in {one.part_of for one in source.components if one.part_of}}


@pytest.fixture
def seen(source: Source, _described: dict[str, Any]) -> Callable[..., OrgSchema]:
    """An org with all the folder holds, seen by a user who has it all; ``seen(assigned=…)`` plants a difference."""

    def make(**planted: Any) -> OrgSchema:
        listed = {type_: frozenset(one.name for one in source.of(type_)) for type_ in source.types}
        read = {type_: {one.name: copy.deepcopy(one.root) for one in source.of(type_)} for type_ in LACKING}
        whole = {
            "user": USER,
            "listed": listed,
            "described": copy.deepcopy(_described),
            "read": read,
            "assigned": frozenset({"Casewire_Integration"}),
        }
        return OrgSchema(**{**whole, **planted})

    return make
