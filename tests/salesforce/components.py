"""The components our record pages are made of, as Salesforce documents and retrieves them."""

from __future__ import annotations

TEMPLATES = {"flexipage:recordHomeTemplateDesktop": frozenset({"header", "main", "sidebar"})}
"""By name of the template: its regions, all of which a page fills."""

FACETS = {
    "flexipage:column": "body",
    "flexipage:fieldSection": "columns",
    "flexipage:tab": "body",
    "flexipage:tabset": "tabs",
}
"""By container: the property that names the facet it holds."""

_RELATED = frozenset({"parentFieldApiName", "relatedListApiName", "showActionBar"})
PROPERTIES = {
    "flexipage:column": frozenset({"body"}),
    "flexipage:fieldSection": frozenset({"columns", "horizontalAlignment", "label"}),
    "flexipage:tab": frozenset({"active", "body", "title"}),
    "flexipage:tabset": frozenset({"tabs"}),
    "force:detailPanel": frozenset[str](),
    "force:highlightsPanel": frozenset(
        {
            "collapsed",
            "enableActionsConfiguration",
            "enableActionsInNative",
            "hideChatterActions",
            "numVisibleActions",
        }
    ),
    "force:relatedListContainer": frozenset(
        {"relatedListComponentOverride", "rowsToDisplay", "showActionBar"}
    ),
    "force:relatedListSingleContainer": _RELATED | {"relatedListComponentOverride", "rowsToDisplay"},
    "forceChatter:recordFeedContainer": frozenset[str](),
    "lst:dynamicRelatedList": _RELATED
    | {
        "actionNames",
        "adminFilters",
        "maxRecordsToDisplay",
        "relatedListDisplayType",
        "relatedListFieldAliases",
        "relatedListLabel",
        "sortFieldAlias",
        "sortFieldOrder",
    },
    "runtime_sales_activities:activityPanel": frozenset({"showLegacyActivityComposer"}),
}
"""The components a page may hold, and the properties each has: a retrieve writes no other."""

STANDARD_TABS = frozenset(f"Standard.Tab.{t}" for t in ("activity", "collaborate", "detail", "relatedLists"))
