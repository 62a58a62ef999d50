"""What an org says about itself: versions, objects, fields, limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.api.fields import described
from sandbox.salesforce.ids import MASTER_RECORD_TYPE
from sandbox.salesforce.schema import ObjectType

FIRST_VERSION: Final = 31
LAST_VERSION: Final = 67
_RESOURCES: Final = ("composite", "limits", "query", "queryAll", "sobjects", "tooling")
_SEASONS: Final = ("Spring", "Summer", "Winter")
_WITH_PAGES: Final = frozenset({"Account", "Contact", "Case", "User"})
_OF_INTERFACES: Final = (
    "defaultImplementation",
    "extendedBy",
    "extendsInterfaces",
    "implementedBy",
    "implementsInterfaces",
)
_NEVER: Final = (
    "activateable",
    "customSetting",
    "deepCloneable",
    "deprecatedAndHidden",
    "hasSubtypes",
    "isInterface",
    "isSubtype",
)
_MASTER: Final = {"Id": MASTER_RECORD_TYPE, "DeveloperName": "Master", "Name": "Master", "IsActive": True}
_OTHER_LIMITS: Final = {
    name: {"Max": most, "Remaining": most}
    for name, most in {
        "ConcurrentAsyncGetReportInstances": 200,
        "ConcurrentSyncReportRuns": 20,
        "DailyAsyncApexExecutions": 250_000,
        "DailyBulkApiBatches": 15_000,
        "DailyBulkV2QueryFileStorageMB": 976_562,
        "DailyBulkV2QueryJobs": 10_000,
        "DailyDurableStreamingApiEvents": 10_000,
        "DailyGenericStreamingApiEvents": 10_000,
        "DailyStandardVolumePlatformEvents": 10_000,
        "DailyStreamingApiEvents": 10_000,
        "DailyWorkflowEmails": 390,
        "DataStorageMB": 1024,
        "FileStorageMB": 1024,
        "HourlyAsyncReportRuns": 1200,
        "HourlyDashboardRefreshes": 200,
        "HourlyODataCallout": 1000,
        "HourlySyncReportRuns": 500,
        "HourlyTimeBasedWorkflow": 50,
        "MassEmail": 10,
        "SingleEmail": 15,
    }.items()
}


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
    shown = [_brief(call, kind) for kind in sorted(call.schema, key=lambda kind: kind.name)]
    return Answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})


def basics(call: Call, object: str) -> Answer:
    return Answer({"objectDescribe": _brief(call, call.kind(object)), "recentItems": []})


def one(call: Call, object: str) -> Answer:
    """All the keys of a real describe, in its order, which is that of the alphabet."""
    kind = call.kind(object)
    brief = _brief(call, kind)
    told = {
        **brief,
        "actionOverrides": [],
        "childRelationships": _children(call, kind),
        "compactLayoutable": _has_pages(kind),
        "fields": [described(kind, known) for known in kind.fields.values()],
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": _record_types(call, kind),
        "searchLayoutable": _has_pages(kind),
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _scopes(kind),
        "urls": {**brief["urls"], **_pages(call, kind)},
        **dict.fromkeys(_OF_INTERFACES),
    }
    return Answer(dict(sorted(told.items())))


def limits(call: Call) -> Answer:
    org = call.org
    left = max(0, org.api_limit - org.api_used)
    return Answer({"DailyApiRequests": {"Max": org.api_limit, "Remaining": left}, **_OTHER_LIMITS})


def record_count(call: Call) -> Answer:
    named = {name.strip().lower() for name in call.args.get("sObjects", "").split(",") if name.strip()}
    counts = [
        {"count": len(call.org.store.table(kind).live), "name": kind.name}
        for kind in call.schema
        if not named or kind.name.lower() in named
    ]
    return Answer({"sObjects": counts})


def _brief(call: Call, kind: ObjectType) -> dict[str, Any]:
    writable, pages = kind.writable, _has_pages(kind)
    on = dict.fromkeys(("createable", "deletable", "undeletable", "updateable"), writable)
    yes = dict.fromkeys(("queryable", "replicateable", "retrieveable"), True)
    brief = {
        "associateEntityType": None,
        "associateParentEntity": None,
        "custom": kind.custom,
        "feedEnabled": pages and not kind.custom,
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "mergeable": kind.name in ("Account", "Contact"),
        "name": kind.name,
        "urls": _urls(call, kind),
        **on,
        **yes,
        **dict.fromkeys(("layoutable", "mruEnabled", "searchable", "triggerable"), pages),
        **dict.fromkeys(_NEVER, False),
    }
    return dict(sorted(brief.items()))


def _has_pages(kind: ObjectType) -> bool:
    """Whether people meet the object in pages and searches, or it is only set-up."""
    return kind.custom or kind.name in _WITH_PAGES


def _urls(call: Call, kind: ObjectType) -> dict[str, str]:
    base = call.url("sobjects", kind.name)
    plain = {"rowTemplate": f"{base}/{{ID}}", "describe": f"{base}/describe", "sobject": base}
    if not _has_pages(kind):
        return plain
    return {
        "compactLayouts": f"{base}/describe/compactLayouts",
        "approvalLayouts": f"{base}/describe/approvalLayouts",
        "listviews": f"{base}/listviews",
        "quickActions": f"{base}/quickActions",
        "layouts": f"{base}/describe/layouts",
        **plain,
    }


def _pages(call: Call, kind: ObjectType) -> dict[str, str]:
    """Where people open the object's records."""
    here = f"http://{call.headers.get('host', '')}"
    pages = {"uiDetailTemplate": "/{ID}", "uiEditTemplate": "/{ID}/e", "uiNewRecord": f"/{kind.prefix}/e"}
    return {name: here + path for name, path in pages.items()} if _has_pages(kind) else {}


def _scopes(kind: ObjectType) -> list[dict[str, str]]:
    many = kind.plural.lower()
    scopes = {"everything": f"All {many}"}
    if "OwnerId" in kind.fields and _has_pages(kind):
        scopes |= {"mine": f"My {many}", "scopingRule": "Filter by scope", "team": f"My team's {many}"}
    return [{"label": label, "name": name} for name, label in scopes.items()]


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
        for child, link in call.schema.referrers(kind)
        if link.name != "MasterRecordId"
    ]


def _record_types(call: Call, kind: ObjectType) -> list[dict[str, Any]]:
    """The master comes last; rows get it by default, except where there must be a kind, as for person accounts."""
    user = call.user or call.org.user_id
    rows = call.org.store.tables["RecordType"].live.values()
    own = [row for row in rows if row["SobjectType"] == kind.name]
    must = any(row["IsPersonType"] for row in own)
    infos = [
        _record_type(
            call,
            kind,
            row,
            row["IsActive"] and call.org.may_choose(kind.name, row["DeveloperName"], user),
            must and place == 0,
        )
        for place, row in enumerate(own)
    ]
    return [*infos, _record_type(call, kind, _MASTER, True, not must)]


def _record_type(
    call: Call, kind: ObjectType, row: Mapping[str, Any], available: bool, default: bool
) -> dict[str, Any]:
    return {
        "active": row["IsActive"],
        "available": available,
        "defaultRecordTypeMapping": default,
        "developerName": row["DeveloperName"],
        "master": row["Id"] == MASTER_RECORD_TYPE,
        "name": row["Name"],
        "recordTypeId": row["Id"],
        "urls": {"layout": call.url("sobjects", kind.name, "describe", "layouts", row["Id"])},
    }
