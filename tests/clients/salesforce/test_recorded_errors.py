"""Answers of real orgs, where the samples lie beside the checkout: read as they were meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.clients.salesforce import Verdict
from connector.clients.salesforce.collections import results
from connector.clients.salesforce.errors import of_answer

MEANT = {
    "DUPLICATE_VALUE": Verdict.DEAD,
    "DUPLICATES_DETECTED": Verdict.DEAD,
    "ENTITY_IS_DELETED": Verdict.DEAD,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Verdict.DEAD,
    "INVALID_SESSION_ID": Verdict.RELOGIN,
    "REQUEST_LIMIT_EXCEEDED (daily)": Verdict.PAUSE,
    "REQUIRED_FIELD_MISSING": Verdict.DEAD,
    "STRING_TOO_LONG": Verdict.DEAD,
    "UNABLE_TO_LOCK_ROW": Verdict.RETRY,
}


@pytest.fixture
def samples() -> Path:
    folder = Path(__file__).resolve().parents[3] / "../shared/fixtures/salesforce"
    if not folder.is_dir():
        pytest.skip("no samples beside this checkout (../shared/fixtures/salesforce)")
    return folder


def test_recorded_errors_get_the_verdict_they_deserve(samples: Path) -> None:
    seen: set[str] = set()
    for sample in json.loads((samples / "verbatim_errors.json").read_text()):
        if sample["code"] in MEANT:
            error = of_answer(sample["http"], _body(sample["body"]), "Account")
            assert error.verdict is MEANT[sample["code"]], sample["code"]
            seen.add(sample["code"])
    assert seen == set(MEANT)


@pytest.mark.parametrize(
    "name", ["cci_collections_upsert_created.json", "cci_collections_upsert_updated.json"]
)
def test_recorded_results_are_read_row_by_row(samples: Path, name: str) -> None:
    answer = json.loads((samples / name).read_text())
    done = results(answer, [str(n) for n in range(len(answer))], "Contact")
    assert [result.id for result in done] == [row["id"] for row in answer]
    assert [result.created for result in done] == [row["created"] for row in answer]
    assert all(result.error is None for result in done)


def _body(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text.replace("'", '"'))
