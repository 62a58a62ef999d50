"""Adyen's published examples, signed here where they are not: none is lost, none is a 500."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.errors import Rejected
from connector.models.events import Fate
from connector.webhooks.adyen.kinds import HANDLED

from .adyen_deliveries import Settings, batch, body_signature, read, sign_item

FOLDER = Path(__file__).resolve().parents[2] / "../shared/fixtures/adyen"


@pytest.fixture(scope="module")
def paths() -> list[Path]:
    if not FOLDER.is_dir():
        pytest.skip("no samples of Adyen beside this checkout (../shared/fixtures/adyen)")
    found = sorted((FOLDER / "openapi-examples").glob("post-*.json"))
    assert found
    return found


def test_every_example_is_known_under_its_own_name(paths: list[Path]) -> None:
    for path in paths:
        body, headers, live = packed(path)
        (event,) = read(body, headers, Settings(live=live))
        kind = path.stem.split("-")[1]
        assert event.kind == kind
        assert event.fate is (Fate.HANDLED if kind in HANDLED else Fate.IGNORED), (path.name, event.note)
        assert bool(event.carried) == (event.fate is Fate.HANDLED)
        assert event.occurred_at


def test_no_example_leaves_a_new_bank_account_behind(paths: list[Path]) -> None:
    notices = [path for path in paths if "OF_CHANGE" in path.name]
    assert notices
    for path in notices:
        change = json.loads(path.read_text())["data"]["notificationOfChange"]
        body, headers, live = packed(path)
        (event,) = read(body, headers, Settings(live=live))
        for name, value in change.items():
            if name not in ("reasonCode", "newBankAccountType"):
                assert value not in event.body, (path.name, name)


def test_the_examples_as_they_are_prove_nothing(paths: list[Path]) -> None:
    """Their signatures are left out or cut short."""
    for path in paths:
        with pytest.raises(Rejected):
            read(path.read_bytes())


def packed(path: Path) -> tuple[bytes, dict[str, str], bool]:
    """The example as Adyen would send it, and whether it is a live one."""
    found = json.loads(path.read_text())
    if "notificationItems" not in found:
        return path.read_bytes(), body_signature(path.read_bytes()), found["environment"] == "live"
    items = [sign_item(one["NotificationRequestItem"]) for one in found["notificationItems"]]
    return batch(*items, live=found["live"]), {}, found["live"] == "true"
