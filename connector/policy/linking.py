"""How billing accounts are linked: the keys of the search, and what to do without a clear result."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from connector.policy.base import CaseRule, Days, DeveloperName, Section
from connector.policy.templates import Text

FieldName = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Known = Annotated[
    str,
    Field(pattern=r"^(account_code|parent_code|vat_number|company|email|custom:\S(.*\S)?)$", max_length=255),
]
"""Billing values by which an account can be found."""
Minutes = Annotated[int, Field(ge=1, le=100_000)]

_VALUES: Final = {
    "account_code": "account code",
    "parent_code": "code of its parent",
    "vat_number": "VAT number",
    "company": "company",
    "email": "billing e-mail",
}


class Key(Section):
    """One way to find an account's record. ``field`` and ``value`` belong to ``field``: an Account field that contains
    a billing value."""

    by: Literal["field", "email", "domain_and_name", "parent"]
    field: FieldName | None = None
    value: Known | None = None

    @property
    def how(self) -> str:
        """In plain words."""
        match self.by:
            case "email":
                return "billing e-mail of a contact"
            case "domain_and_name":
                return "e-mail domain and name"
            case "parent":
                return "name below its parent's account"
        value = self.value or ""
        return f"{_VALUES.get(value) or value.removeprefix('custom:')} in {self.field}"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        whole = self.field is not None and self.value is not None
        if self.by == "field" and not whole:
            raise PydanticCustomError("linking_key", "by = 'field' needs field and value")
        if self.by != "field" and (self.field is not None or self.value is not None):
            raise PydanticCustomError("linking_key", "field and value belong to by = 'field'")
        return self


class Linking(Section):
    """``keys`` are tried in order; the first that fits anything decides. ``none``: nothing fits by any of them.
    ``taken``: what fits is another billing account's. ``duplicates``: a duplicate rule of the org names records."""

    enabled: bool = True
    keys: tuple[Key, ...] = (Key(by="email"), Key(by="domain_and_name"))
    none: Literal["create", "wait", "ask"] = "create"
    taken: Literal["ask", "create"] = "ask"
    duplicates: Literal["link", "ask", "refuse"] = "link"
    look_again_minutes: Minutes = 60
    watch_minutes: Minutes = 10


class AccountMatch(CaseRule):
    """A new case each time: one that was answered holds the answer to another question."""

    FRESH = {
        "problem": "2 accounts fit by billing e-mail of a contact.",
        "name": "Rivera Books",
        "person": "Bob Rivera",
        "email": "bob@example.com",
        "candidates": "Rivera Books (001000000000001AAA): billing e-mail of a contact",
        "action": "Set the account of this case to the right one.",
        "how": "chosen by a person",
    }

    queue: DeveloperName = "Billing_Triage"
    reopen_window_days: Days | None = 0
    subject: Text = Text("Which Salesforce account is billing account {{ account }}?")
    summary: Text = Text(
        """\
{% if outcome %}
{{ outcome }}{% if resolved_on %} on {{ resolved_on }}{% endif %}{% if how %}: {{ how }}{% endif %}.
{% else %}
{{ problem }}
{% endif %}
Billing account {{ account }}{% if name %}: {{ name }}{% endif %}{% if person %}, {{ person }}{% endif %}\
{% if email %}, {{ email }}{% endif %}.
{% if candidates and not outcome %}
Candidates:
{{ candidates }}
{% endif %}
{% if action and not outcome %}
What to do: {{ action }}
{% endif %}
{{ link }}"""
    )
