"""What everybody may do with records of others: an org's default for accounts, contacts and cases.

It is told, not kept: whatever is said here, a query finds every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.salesforce.org import Org

_LEVELS: Final = {
    "Account": ("None", "Read", "Edit"),
    "Contact": ("None", "Read", "Edit", "ControlledByParent"),
    "Case": ("None", "Read", "Edit", "ReadEditTransfer"),
}


def share(org: Org, told: Mapping[str, Any]) -> None:
    """``{"Account": "None", "Case": "Read"}``, until the org is reset; ``None`` is private. Raises ValueError."""
    for name, level in told.items():
        if level not in _LEVELS.get(name, ()):
            raise ValueError(
                f"{level!r} is not one of {', '.join(_LEVELS.get(name, ())) or 'any'} for {name}"
            )
    kind = org.schema.objects["Organization"]
    with org.store.transaction():
        org.store.update(kind, org.org_id, {f"Default{name}Access": level for name, level in told.items()})
