"""What an org says about itself: versions, objects, fields, limits."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.ids import MASTER_RECORD_TYPE
from sandbox.salesforce.schema import NUMBER_TYPES, Field, ObjectType

FIRST_VERSION: Final = 31
LAST_VERSION: Final = 67
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
_RESOURCES: Final = ("composite", "limits", "query", "queryAll", "sobjects", "tooling")
_SEASONS: Final = ("Spring", "Summer", "Winter")


def versions() -> list[dict[str, str]]:
    return [
        {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(FIRST_VERSION, LAST_VERSION + 1)
    ]


def _label(number: int) -> str:
    """67.0 is Summer '26; three releases a year, and Winter is named after the year that follows."""
    year, season = divmod(number - 66, 3)
    return f"{_SEASONS[season]} '{26 + year + (season == 2)}"


def resources(call: Call) -> Answer:
    """With the address of who is asking, which jsforce follows to learn its user."""
    here = f"http://{call.headers.get('host', '')}"
    identity = f"{here}/id/{call.org.org_id}/{call.user}"
    return Answer({**{name: call.url(name) for name in _RESOURCES}, "identity": identity})


def everything(call: Call) -> Answer:
    shown = [_brief(call, kind) for kind in sorted(call.org.schema, key=lambda kind: kind.name)]
    return Answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})


def basics(call: Call, object: str) -> Answer:
    return Answer({"objectDescribe": _brief(call, call.kind(object)), "recentItems": []})


def one(call: Call, object: str) -> Answer:
    kind = call.kind(object)
    return Answer(
        {
            **_brief(call, kind),
            "actionOverrides": [],
            "childRelationships": _children(call, kind),
            "compactLayoutable": True,
            "fields": [_field(known) for known in kind.fields.values()],
            "listviewable": None,
            "lookupLayoutable": None,
            "namedLayoutInfos": [],
            "networkScopeFieldName": None,
            "recordTypeInfos": _record_types(call, kind),
            "searchLayoutable": True,
            "supportedScopes": [{"label": f"All {kind.plural.lower()}", "name": "everything"}],
        }
    )


def limits(call: Call) -> Answer:
    org = call.org
    left = max(0, org.api_limit - org.api_used)
    return Answer(
        {
            "DailyApiRequests": {"Max": org.api_limit, "Remaining": left},
            "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000},
            "DailyBulkV2QueryJobs": {"Max": 10000, "Remaining": 10000},
            "DataStorageMB": {"Max": 1024, "Remaining": 1024},
            "FileStorageMB": {"Max": 1024, "Remaining": 1024},
            "HourlyODataCallout": {"Max": 1000, "Remaining": 1000},
        }
    )


def record_count(call: Call) -> Answer:
    named = {name.strip().lower() for name in call.args.get("sObjects", "").split(",") if name.strip()}
    counts = [
        {"count": len(call.org.store.table(kind).live), "name": kind.name}
        for kind in call.org.schema
        if not named or kind.name.lower() in named
    ]
    return Answer({"sObjects": counts})


def _brief(call: Call, kind: ObjectType) -> dict[str, Any]:
    base = call.url("sobjects", kind.name)
    on = dict.fromkeys(("createable", "deletable", "mruEnabled", "triggerable", "updateable"), kind.writable)
    yes = dict.fromkeys(("layoutable", "queryable", "replicateable", "retrieveable", "searchable"), True)
    no = dict.fromkeys(
        (
            "activateable",
            "customSetting",
            "deepCloneable",
            "deprecatedAndHidden",
            "hasSubtypes",
            "isInterface",
            "isSubtype",
        ),
        False,
    )
    return {
        "associateEntityType": None,
        "associateParentEntity": None,
        "custom": kind.custom,
        "feedEnabled": not kind.custom and kind.writable,
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "mergeable": kind.name in ("Account", "Contact", "Case"),
        "name": kind.name,
        "undeletable": kind.writable,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
        **on,
        **yes,
        **no,
    }


def _children(call: Call, kind: ObjectType) -> list[dict[str, Any]]:
    return [
        {
            "cascadeDelete": link.cascade,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": link.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": link.children,
            "restrictedDelete": link.restrict,
        }
        for child, link in call.org.schema.referrers(kind)
    ]


def _record_types(call: Call, kind: ObjectType) -> list[dict[str, Any]]:
    table = call.org.store.tables["RecordType"].live.values()
    own = [(row["DeveloperName"], row["Name"], row["Id"], row["IsActive"]) for row in table if _of(row, kind)]
    infos = [*own, ("Master", "Master", MASTER_RECORD_TYPE, True)]
    layouts = call.url("sobjects", kind.name, "describe", "layouts")
    return [
        {
            "active": active,
            "available": active,
            "defaultRecordTypeMapping": place == 0,
            "developerName": developer_name,
            "master": record_id == MASTER_RECORD_TYPE,
            "name": name,
            "recordTypeId": record_id,
            "urls": {"layout": f"{layouts}/{record_id}"},
        }
        for place, (developer_name, name, record_id, active) in enumerate(infos)
    ]


def _of(row: dict[str, Any], kind: ObjectType) -> bool:
    return bool(row["SobjectType"] == kind.name)


def _field(known: Field) -> dict[str, Any]:
    """All the keys of a real describe, in its order."""
    system = not (known.createable or known.updateable)
    default = False if known.type == "boolean" and known.default is None else known.default
    return {
        "aggregatable": known.filterable and known.type != "boolean",
        "aiPredictionField": False,
        "autoNumber": known.auto_number is not None,
        "byteLength": 18 if known.length == 18 else known.length * 3,
        "calculated": known.calculated,
        "calculatedFormula": None,
        "cascadeDelete": known.cascade,
        "caseSensitive": known.case_sensitive,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": known.createable,
        "custom": known.custom,
        "defaultValue": default if known.type != "picklist" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": known.defaulted or known.default is not None,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": known.external_id,
        "extraTypeInfo": None,
        "filterable": known.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": known.filterable and known.type not in ("double", "currency", "percent", "datetime"),
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": known.id_lookup,
        "inlineHelpText": known.help,
        "label": known.label,
        "length": known.length,
        "mask": None,
        "maskType": None,
        "name": known.name,
        "nameField": known.name_field,
        "namePointing": len(known.reference_to) > 1,
        "nillable": not (known.required or known.defaulted or known.type in ("id", "boolean")),
        "permissionable": not (system or known.required),
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
        "searchPrefilterable": False,
        "soapType": _SOAP.get(known.type, "xsd:string"),
        "sortable": known.filterable,
        "type": known.type,
        "unique": known.unique,
        "updateable": known.updateable,
        "writeRequiresMasterRead": False,
    }


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
