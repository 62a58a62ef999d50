"""A record of the billing system or of a processor, field by field, as the org's own metadata labels them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field
from sandbox.salesforce.store import Row
from sandbox.salesforce.view.cases import by_urgency, line
from sandbox.salesforce.view.rows import children, linked

_OURS: Final = "Billing_"


@dataclass(frozen=True, slots=True)
class Shown:
    """One field that has a value. ``target``: the row a lookup points to."""

    label: str
    type: str
    value: Any
    target: Row | None


def record_page(org: Org, record_id: str) -> dict[str, Any] | None:
    """The fields of one dispute, refund, payout, payment, invoice or subscription; None for anything else."""
    with org.store.lock:
        row, kind = org.store.row(record_id), org.schema.of_id(record_id)
        if row is None or kind is None or not (kind.custom and kind.name.startswith(_OURS)):
            return None
        fields = [field for field in kind.fields.values() if field.custom and not field.calculated]
        cases = children(org, "Case", kind.name, record_id)
        return {
            "record": row,
            "kind": kind.label,
            "fields": [_shown(org, row, field) for field in fields if row.get(field.name) is not None],
            "cases": [line(org, case) for case in by_urgency(cases)],
        }


def _shown(org: Org, row: Row, field: Field) -> Shown:
    target = linked(org, row, field.name) if field.type == "reference" else None
    return Shown(field.label, field.type, row[field.name], target)
