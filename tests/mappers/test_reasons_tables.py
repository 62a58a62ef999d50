"""The tables of reasons: whole sentences, no code twice, each with somewhere to be used."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from connector.mappers import reasons
from connector.mappers.reasons import (
    amex_discover,
    bank_debits,
    disputes,
    refund_payout_failures,
    visa_mastercard,
)
from connector.mappers.reasons.disputes import EVIDENCE_BY_CATEGORY
from connector.mappers.reasons.reason import Reason, Table
from connector.models.facts import Kind

TABLES: dict[str, Table] = {
    "Visa": visa_mastercard.VISA,
    "Mastercard": visa_mastercard.MASTERCARD,
    "American Express": amex_discover.AMEX,
    "Discover": amex_discover.DISCOVER,
    "ACH": bank_debits.ACH,
    "SEPA": bank_debits.SEPA,
    "Bacs": bank_debits.BACS,
    "dispute words": disputes.WORDS,
    "debit words": bank_debits.WORDS,
    "refund words": refund_payout_failures.REFUNDS,
    "payout words": refund_payout_failures.PAYOUTS,
    "fraud words": disputes.FRAUD_WORDS,
}
ROWS = [(name, code, told) for name, table in TABLES.items() for code, told in table.items()]
CATEGORIES = EVIDENCE_BY_CATEGORY.keys() | {"refund", "payout"}


def whole(sentence: str) -> bool:
    return sentence.endswith(".") and not sentence[0].islower() and len(sentence) <= 255


def test_every_row_is_a_pair_of_sentences_that_fits_its_fields() -> None:
    assert len(ROWS) > 250
    for name, code, told in ROWS:
        assert told.category in CATEGORIES, (name, code)
        assert whole(told.text), (name, code)
        assert whole(told.action), (name, code)
        assert told.code is None


def test_what_is_not_listed_is_answered_as_well_for_every_kind() -> None:
    assert reasons._FALLBACKS.keys() == reasons._WORDS.keys() == set(Kind)
    for fallback in reasons._FALLBACKS.values():
        assert fallback.category in CATEGORIES
        assert whole(fallback.text.format(""))
        assert whole(fallback.action)


def test_codes_are_not_listed_twice() -> None:
    """A later row would silently take the place of an earlier one."""
    written: Counter[str] = Counter()
    for path in sorted(Path(reasons.__file__).parent.glob("*.py")):
        table = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            table = found[1] if (found := re.match(r"([A-Z]+): Final\[Table\]", line)) else table
            for code in re.findall(r'"([A-Za-z0-9_.-]+)": (?=["A-Z_])', line) if table else ():
                written[f"{path.name} {table} {code}"] += 1
    assert [code for code, times in written.items() if times > 1] == []
    assert written.total() == len(ROWS)


@pytest.mark.parametrize("table", [name for name in TABLES if name[0].isupper()])
def test_every_networks_codes_are_in_capitals_and_every_word_is_not(table: str) -> None:
    assert all(code == code.upper() for code in TABLES[table])
    assert all(word == word.lower() for name in TABLES if name[0].islower() for word in TABLES[name])


SHAPED = {
    "Visa": "visa",
    "Mastercard": "mastercard",
    "American Express": "amex",
    "ACH": "ach",
    "SEPA": "sepa",
    "Bacs": "bacs",
}
MISTAKEN = {
    "American Express": {"R03", "R13"},  # by themselves, returns of a bank debit
    "ACH": {
        "C01",
        "C02",
        "C03",
        "C05",
        "C06",
        "C07",
    },  # by themselves, American Express; they come with a prefix
}


def test_every_code_with_a_shape_of_its_own_is_read_without_its_network() -> None:
    read = {name: reasons._NETWORKS[key] for name, key in SHAPED.items()}
    for name, (title, table) in read.items():
        assert title == name
        mistaken = {code for code in table if reasons._by_shape(code) != SHAPED[name]}
        assert mistaken == MISTAKEN.get(name, set())


def test_evidence_items_are_short_enough_for_a_checklist() -> None:
    for category, needed in EVIDENCE_BY_CATEGORY.items():
        assert category in {told.category for told in _disputed()}
        assert all(10 < len(one) <= 100 and not one.endswith(".") for one in needed)


def _disputed() -> list[Reason]:
    return [told for name, _, told in ROWS if not name.startswith(("refund", "payout"))]
