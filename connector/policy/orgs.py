"""Settings of the org adaptation, and the mapping of billing values to the org's own fields."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Final, Literal, Self, get_args, get_type_hints

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from connector.models.facts import Account, Invoice, Payment, Subscription
from connector.policy.base import DeveloperName, Section

ApiName = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z](_{0,2}[A-Za-z0-9])*$")]

SITE: Final = "site"
_CUSTOM: Final = "custom_fields"
_SHAPES: Final = {"account": Account, "subscription": Subscription, "invoice": Invoice, "payment": Payment}
_CUSTOMER: Final = ("account", "subscription")
_ROOTS: Final = {
    "Account": _CUSTOMER,
    "Contact": _CUSTOMER,
    "Case": _CUSTOMER,
    "Billing_Subscription__c": ("subscription", "account"),
    "Billing_Invoice__c": ("invoice", "account"),
    "Billing_Payment__c": ("payment", "account"),
    "Billing_Dispute__c": ("account",),
    "Billing_Refund__c": ("account",),
}
"""Object → what its fields may be filled from, the site aside."""


class Orgs(Section):
    """``person_accounts``: who becomes one, in an org that has them: those without a company, everybody, nobody.
    ``missing``: what becomes of fields that the org lacks or the integration user may not write."""

    person_accounts: Literal["consumers", "always", "never"] = "consumers"
    person_record_type: DeveloperName | None = None
    missing: Literal["refuse", "leave_out"] = "refuse"


class LookupTo(Section):
    """The object a lookup points to, and its external id that is given."""

    object: ApiName
    key: ApiName


class Mapped(Section):
    """One field of the org that is filled from what is known. ``always``: kept true; ``create``: only when the record
    is made. ``empty``: what an unknown value does to a field that is kept true."""

    object: Literal[
        "Account",
        "Contact",
        "Case",
        "Billing_Subscription__c",
        "Billing_Invoice__c",
        "Billing_Payment__c",
        "Billing_Dispute__c",
        "Billing_Refund__c",
    ]
    field: ApiName
    from_: str = Field(alias="from")
    type: Literal["text", "number", "date", "datetime", "picklist", "checkbox", "lookup"] = "text"
    when: Literal["always", "create"] = "always"
    empty: Literal["keep", "clear"] = "keep"
    lookup: LookupTo | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """``account.custom_fields.tax.id`` → account, custom_fields, tax.id."""
        return split(self.from_)

    @property
    def name(self) -> str:
        return f"{self.object}.{self.field}"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.type == "lookup") is not (self.lookup is not None):
            raise _error("lookup", "an object and its key belong to type = 'lookup', and to no other")
        why = _mistake(self.object, self.path)
        if why:
            raise _error("from", f"{self.from_!r}: {why}")
        return self


def split(path: str) -> tuple[str, ...]:
    """Its parts; the name of a custom field may hold dots."""
    parts = path.split(".")
    if len(parts) > 2 and parts[1] == _CUSTOM:
        return parts[0], _CUSTOM, ".".join(parts[2:])
    return tuple(parts)


def _error(key: str, why: str) -> PydanticCustomError:
    return PydanticCustomError("mapping", "{key}: {why}", {"key": key, "why": why})


def _mistake(object_: str, path: tuple[str, ...]) -> str:
    """Why there is no such value for a record of this object, or nothing."""
    if path == (SITE,):
        return ""
    roots = _ROOTS[object_]
    if path[0] not in roots:
        allowed = ", ".join([*(f"{root}.…" for root in roots), SITE])
        return f"there is no such value for {object_} (allowed: {allowed})"
    return _mistake_below(_SHAPES[path[0]], path, 1)


def _mistake_below(shape: type, path: tuple[str, ...], depth: int) -> str:
    hints = get_type_hints(shape)
    known = sorted(field.name for field in fields(shape))
    if depth == len(path) or path[depth] not in known:
        return f"{'.'.join(path[:depth])} has no such value (allowed: {', '.join(known)})"
    if path[depth] == _CUSTOM:
        return "" if len(path) == depth + 2 and path[-1] else "name the custom field"
    inner = _shape(hints[path[depth]])
    if inner is not None:
        return _mistake_below(inner, path, depth + 1)
    return "" if len(path) == depth + 1 else f"{'.'.join(path[: depth + 1])} has no parts"


def _shape(hint: Any) -> type | None:
    """The frozen value that a field holds, if it holds one."""
    return next((one for one in (hint, *get_args(hint)) if isinstance(one, type) and is_dataclass(one)), None)
