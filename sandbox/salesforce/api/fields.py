"""A field as a describe tells it."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.schema import NUMBER_TYPES, Field, ObjectType

_SOAP: Final = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
}
_NAME_PARTS: Final = ("LastName", "FirstName", "Salutation")
_ADDRESS: Final = (
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
    "Latitude",
    "Longitude",
    "GeocodeAccuracy",
)
_EVERYWHERE: Final = frozenset(
    {"OwnerId", "RecordTypeId", "CreatedById", "LastModifiedById", "MasterRecordId"}
)


def described(kind: ObjectType, known: Field) -> dict[str, Any]:
    """All the keys of a real describe, in its order."""
    default = False if known.type == "boolean" and known.default is None else known.default
    return {
        "aggregatable": known.filterable and known.type != "boolean",
        "aiPredictionField": False,
        "autoNumber": known.auto_number is not None,
        "byteLength": 18 if known.length == 18 else known.length * 3,
        "calculated": known.calculated,
        "calculatedFormula": None,
        "cascadeDelete": known.cascade and known.custom,
        "caseSensitive": known.case_sensitive,
        "compoundFieldName": _compound(kind, known),
        "controllerName": None,
        "createable": known.createable,
        "custom": known.custom,
        "defaultValue": default if known.type != "picklist" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": known.defaulted or known.default is not None,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": known.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": known.external_id,
        "extraTypeInfo": _extra(kind, known),
        "filterable": known.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": known.filterable and known.type not in ("double", "currency", "percent", "datetime"),
        "highScaleNumber": False,
        "htmlFormatted": known.rich,
        "idLookup": known.id_lookup,
        "inlineHelpText": known.help,
        "label": f"{kind.label} ID" if known.name == "Id" and not kind.custom else known.label,
        "length": known.length,
        "mask": None,
        "maskType": None,
        "name": known.name,
        "nameField": known.name_field,
        "namePointing": len(known.reference_to) > 1,
        "nillable": _nillable(kind, known),
        "permissionable": known.permissionable and not (known.required or known.name_field),
        "picklistValues": _values(known),
        "polymorphicForeignKey": len(known.reference_to) > 1,
        "precision": known.precision if known.type in NUMBER_TYPES else 0,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(known.reference_to),
        "relationshipName": known.relationship,
        "relationshipOrder": None,
        "restrictedDelete": known.restrict,
        "restrictedPicklist": known.restricted,
        "scale": known.scale,
        "searchPrefilterable": _prefilterable(known),
        "soapType": _SOAP.get(known.type, "xsd:string"),
        "sortable": known.filterable,
        "type": known.type,
        "unique": known.unique,
        "updateable": known.updateable,
        "writeRequiresMasterRead": False,
    }


def _nillable(kind: ObjectType, known: Field) -> bool:
    """The name of an account may be empty where it may be a person's."""
    if known.name == "Name" and _with_persons(kind):
        return True
    return not (known.required or known.defaulted or known.type in ("id", "boolean"))


def _compound(kind: ObjectType, known: Field) -> str | None:
    """The field that a part of a name or of an address belongs to."""
    if known.name in _NAME_PARTS or (known.name == "Name" and kind.name == "Account"):
        return "Name" if kind.name in ("Account", "Contact", "User") else None
    prefix = next((known.name.removesuffix(part) for part in _ADDRESS if known.name.endswith(part)), "")
    return f"{prefix}Address" if f"{prefix}PostalCode" in kind.fields and prefix else None


def _extra(kind: ObjectType, known: Field) -> str | None:
    if known.type == "textarea":
        return "richtextarea" if known.rich else "plaintextarea"
    if known.name == "PhotoUrl":
        return "imageurl"
    if known.name not in (*_NAME_PARTS, "Name") or kind.name not in ("Account", "Contact", "User"):
        return None
    return "switchablepersonname" if kind.name == "Account" else "personname"


def _with_persons(kind: ObjectType) -> bool:
    return kind.name == "Account" and "IsPersonAccount" in kind.fields


def _prefilterable(known: Field) -> bool:
    """Lookups that a search may be narrowed by; not those that every object has."""
    return known.type == "reference" and known.name not in _EVERYWHERE and not known.name.endswith("__pc")


def _values(known: Field) -> list[dict[str, Any]]:
    return [
        {
            "active": True,
            "defaultValue": value == known.default,
            "label": label,
            "validFor": None,
            "value": value,
        }
        for value, label in known.values
    ]
