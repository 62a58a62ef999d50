"""The notation standard objects are written in: one line for each field.

Name, type, then flags: ``!`` required, ``ro`` not writable, ``key`` usable in an upsert, ``restricted`` picklist,
``open`` to everybody (no field-level security), ``cascade`` and ``restrict`` on delete, ``owner``, ``auto`` number.
``-> Object.Relationship[/Children]`` is a lookup, ``= a|*b|c`` are picklist values with the default starred, and
text in quotes is a label unlike the name. ``@system`` and ``@stamps`` stand for what Salesforce keeps, ``@Billing``
for an address.
"""

from __future__ import annotations

import re
from typing import Final

from sandbox.salesforce.schema import Field, label_of

_ADDRESS: Final = """
    {0}Street          textarea(255)
    {0}City            string(40)
    {0}State           string(80)     "{0} State/Province"
    {0}PostalCode      string(20)     "{0} Zip/Postal Code"
    {0}Country         string(80)
    {0}Latitude        double(18,15)
    {0}Longitude       double(18,15)
    {0}GeocodeAccuracy picklist(40)   restricted = {accuracy}
"""
_ACCURACY: Final = "Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown"
_STAMPS: Final = """
    CreatedDate      datetime  ro defaulted
    CreatedById      reference ro defaulted -> User.CreatedBy
    LastModifiedDate datetime  ro defaulted
    LastModifiedById reference ro defaulted -> User.LastModifiedBy
    SystemModstamp   datetime  ro defaulted
"""
SYSTEM: Final = 'IsDeleted boolean ro "Deleted"\n' + _STAMPS

_LINE = re.compile(
    r"(?P<name>\w+)\s+(?P<type>\w+)(?:\((?P<size>[\d,]+)\))?(?P<flags>(?:\s+[!\w]+)*)"
    r"(?:\s+\"(?P<label>[^\"]*)\")?(?:\s+->\s*(?P<to>[\w,]+)(?:\.(?P<rel>\w+))?(?:/(?P<kids>\w+))?)?"
    r"(?:\s+=\s*(?P<values>.*))?$"
)


def read_fields(text: str) -> list[Field]:
    """Raises ValueError for a line that is not in the notation."""
    return [read_field(line) for line in _expand(text)]


def read_field(line: str) -> Field:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a field description: {line!r}")
    name, kind, flags = found["name"], found["type"], set(found["flags"].split())
    owner, read_only = "owner" in flags, "ro" in flags
    starred = found["values"].split("|") if found["values"] else []
    values = [value.removeprefix("*") for value in starred]
    return Field(
        name=name,
        type=kind,
        label=found["label"] or label_of(name),
        length=_length(kind, found["size"]),
        precision=_digits(found["size"])[0],
        scale=_digits(found["size"])[1],
        digits=int(found["size"] or 0) if kind == "int" else 0,
        values=tuple((value, value) for value in values),
        default=next((value[1:] for value in starred if value.startswith("*")), None),
        required="!" in flags,
        createable=not read_only,
        updateable=not read_only,
        permissionable=not (read_only or owner or "!" in flags or "open" in flags),
        defaulted=owner or kind == "boolean" or "defaulted" in flags or "auto" in flags,
        id_lookup="key" in flags,
        cascade="cascade" in flags,
        restrict="restrict" in flags,
        restricted="restricted" in flags,
        reference_to=tuple(found["to"].split(",")) if found["to"] else (),
        relationship=found["rel"],
        children=found["kids"],
        auto_number="{00000000}" if "auto" in flags else None,
        name_field=name in ("Name", "CaseNumber"),
    )


def _expand(text: str) -> list[str]:
    text = text.replace("@system", SYSTEM).replace("@stamps", _STAMPS)
    text = re.sub(r"@(\w+)", lambda found: _ADDRESS.format(found[1], accuracy=_ACCURACY), text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _length(kind: str, size: str | None) -> int:
    if size is None:
        return 18 if kind == "reference" else 0
    return 0 if "," in size or kind == "int" else int(size)


def _digits(size: str | None) -> tuple[int, int]:
    """Precision and scale of ``(18,2)``."""
    precision, _, scale = (size or "").partition(",")
    return (int(precision), int(scale)) if scale else (0, 0)
