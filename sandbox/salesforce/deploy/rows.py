"""The rows that set-up has in the tables of an org: queues, record types, permission sets and what they grant.

They follow the components: made, changed and deleted with them, under the same ids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sandbox.salesforce.custom import flag
from sandbox.salesforce.deploy.catalog import Catalog, Component, Kept
from sandbox.salesforce.schema import Schema
from sandbox.salesforce.store import Store

Adder = Callable[..., str]
_Key = tuple[str, tuple[Any, ...]]

_POWERS: Final = {
    "PermissionsCreate": "allowCreate",
    "PermissionsRead": "allowRead",
    "PermissionsEdit": "allowEdit",
    "PermissionsDelete": "allowDelete",
    "PermissionsViewAllRecords": "viewAllRecords",
    "PermissionsModifyAllRecords": "modifyAllRecords",
}
_USER_POWERS: Final = ("ApiEnabled", "ViewAllData", "ModifyAllData")


class SetupRows:
    """``add(object, **values)`` makes a row with all that every row has."""

    def __init__(self, store: Store, add: Adder) -> None:
        self._store = store
        self._add = add
        self._kept: dict[_Key, str] = {}
        self._seen: set[_Key] = set()
        self.queue_objects: frozenset[tuple[str, str]] = frozenset()

    def follow(self, catalog: Catalog, schema: Schema) -> None:
        """Use it inside ``store.transaction()``. Leaves the pairs of queue and object in ``queue_objects``."""
        self._schema, self._seen = schema, set()
        self.queue_objects = frozenset(self._queues(catalog))
        self._record_types(catalog)
        for kept in catalog.of("PermissionSet"):
            self._permission_set(kept)
        for kept in catalog.of("ListView"):
            self._list_view(kept)
        self._folders(catalog)
        for gone in [key for key in self._kept if key not in self._seen]:
            self._drop(gone)

    # -- one row

    def _row(self, object_: str, key: dict[str, Any], values: dict[str, Any], own: str | None = None) -> str:
        place = (object_, tuple(key.values()))
        self._seen.add(place)
        at = self._kept.get(place)
        kind = self._schema.objects[object_]
        if at is None or at not in self._store.table(kind).live:
            given = {} if own is None else {"Id": own}
            at = self._kept[place] = self._add(object_, **key, **values, **given)
            return at
        row = self._store.table(kind).live[at]
        changes = {name: value for name, value in values.items() if row.get(name) != value}
        if changes:
            self._store.update(kind, at, changes)
        return at

    def _drop(self, place: _Key) -> None:
        record_id = self._kept.pop(place)
        kind = self._schema.objects.get(place[0])
        if kind is None or record_id not in self._store.table(kind).live:
            return
        for child, link in self._schema.referrers(kind):
            for found in tuple(self._store.table(child).find(link, record_id)) if link.cascade else ():
                self._store.delete(child, found, {})
        self._store.delete(kind, record_id, {})

    # -- what the components say

    def _queues(self, catalog: Catalog) -> list[tuple[str, str]]:
        pairs = []
        for queue in self._schema.queues:
            kept = catalog.kept("Queue", queue.developer_name)
            named = {"DeveloperName": queue.developer_name, "Type": "Queue"}
            group = self._row("Group", named, {"Name": queue.label}, kept.id if kept else None)
            for owned in queue.objects:
                self._row("QueueSobject", {"QueueId": group, "SobjectType": owned}, {})
                pairs.append((group, owned))
        return pairs

    def _record_types(self, catalog: Catalog) -> None:
        for kind in self._schema:
            for made in kind.record_types:
                process = self._process(catalog, kind.name, made.business_process)
                kept = catalog.kept("RecordType", f"{kind.name}.{made.developer_name}")
                values = {
                    "Name": made.label,
                    "IsActive": made.active,
                    "IsPersonType": made.person,
                    "BusinessProcessId": process,
                }
                named = {"SobjectType": kind.name, "DeveloperName": made.developer_name}
                self._row("RecordType", named, values, kept.id if kept else None)

    def _process(self, catalog: Catalog, object_: str, name: str | None) -> str | None:
        if not name:
            return None
        kept = catalog.kept("BusinessProcess", f"{object_}.{name}")
        named = {"TableEnumOrId": object_, "Name": name}
        return self._row("BusinessProcess", named, {"IsActive": True}, kept.id if kept else None)

    def _permission_set(self, kept: Kept) -> None:
        node = kept.component.node
        powers = {entry.value("name") for entry in node.all("userPermissions") if flag(entry, "enabled")}
        values = {
            "Label": node.value("label") or kept.component.full,
            "Description": node.value("description"),
            "IsCustom": True,
            **{f"Permissions{power}": power in powers for power in _USER_POWERS},
        }
        parent = self._row("PermissionSet", {"Name": kept.component.full}, values, kept.id)
        for entry in node.all("objectPermissions"):
            granted = {name: flag(entry, element) for name, element in _POWERS.items()}
            named = {"ParentId": parent, "SobjectType": entry.value("object")}
            self._row("ObjectPermissions", named, granted)
        for entry in node.all("fieldPermissions"):
            field = entry.value("field") or ""
            values = {
                "SobjectType": field.partition(".")[0],
                "PermissionsEdit": flag(entry, "editable"),
                "PermissionsRead": flag(entry, "readable"),
            }
            self._row("FieldPermissions", {"ParentId": parent, "Field": field}, values)

    def _list_view(self, kept: Kept) -> None:
        component = kept.component
        named = {"SobjectType": component.object, "DeveloperName": component.own}
        values = {"Name": component.node.value("label"), "IsSoqlCompatible": True}
        self._row("ListView", named, values, kept.id)

    def _folders(self, catalog: Catalog) -> None:
        for type_ in ("Report", "Dashboard"):
            for kept in catalog.of(f"{type_}Folder"):
                named = {"Type": type_, "DeveloperName": kept.component.full}
                label = kept.component.node.value("name") or kept.component.full
                folder = self._row("Folder", named, {"Name": label}, kept.id)
                for held in catalog.of(type_):
                    if held.component.full.rpartition("/")[0] == kept.component.full:
                        self._in_folder(held, label, folder)

    def _in_folder(self, kept: Kept, label: str, folder: str) -> None:
        component = kept.component
        named = {"FolderName": label, "DeveloperName": component.full.rpartition("/")[2]}
        self._row(component.type, named, _shown(component, folder), kept.id)


def _shown(component: Component, folder: str) -> dict[str, Any]:
    node = component.node
    if component.type == "Dashboard":
        return {"Title": node.value("title"), "Description": node.value("description"), "FolderId": folder}
    return {
        "Name": node.value("name"),
        "Description": node.value("description"),
        "Format": node.value("format"),
        "OwnerId": folder,
    }
