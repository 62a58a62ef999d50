"""What metadata an org has: the types, the components of a type, and components in full."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.deploy.catalog import Kept
from sandbox.salesforce.deploy.types import PARTS, TYPES, MetadataType
from sandbox.salesforce.markup import Node
from sandbox.salesforce.org import Org
from sandbox.salesforce.soap.duplicate_rules import DUPLICATE_RULE, duplicate_rules
from sandbox.salesforce.soap.envelope import Asked, Fault, elements, no_record, record

_KNOWN: Final = {**TYPES, DUPLICATE_RULE.name: DUPLICATE_RULE}
_MOST_NAMES: Final = 10
_MOST_QUERIES: Final = 3


def describe(org: Org, asked: Asked, user: str) -> list[str]:
    """Types by name, with the parts each may have; folders are told with what lies in them."""
    shown = [kind for kind in _KNOWN.values() if kind.parent is None and kind.folder_of is None]
    told = {
        "metadataObjects": [_described(kind) for kind in shown],
        "organizationNamespace": "",
        "partialSaveAllowed": True,
        "testRequired": False,
    }
    return [elements(told)]


def _described(kind: MetadataType) -> dict[str, Any]:
    parts = [part.name for part in PARTS.values() if part.parent == kind.name]
    return {
        "childXmlNames": parts,
        "directoryName": kind.directory,
        "inFolder": kind.in_folder,
        "metaFile": False,
        "suffix": kind.suffix,
        "xmlName": kind.name,
    }


def listing(org: Org, asked: Asked, user: str) -> list[str]:
    """Up to three queries of a type, and of a folder where the type has them."""
    queries = asked.body.all("queries")
    if len(queries) > _MOST_QUERIES:
        raise Fault("LIMIT_EXCEEDED", f"Number of queries is limited to {_MOST_QUERIES}")
    return [elements(told) for query in queries for told in _listed(org, query)]


def _listed(org: Org, query: Node) -> list[dict[str, Any]]:
    kind, folder = _type(query.value("type") or ""), query.value("folder")
    with org.store.lock:
        found = _kept(org, kind.name)
        if kind.in_folder:
            found = [kept for kept in found if kept.component.full.rpartition("/")[0] == folder]
        told = [_properties(org, kept) for kept in found]
        if kind.name == "CustomObject":
            named = {entry["fullName"] for entry in told}
            told += [_standard(org, name) for name in sorted(org.standard_objects - named)]
    return told


def _type(name: str) -> MetadataType:
    if name not in _KNOWN:
        raise Fault("INVALID_TYPE", f"Unknown type:{name}")
    return _KNOWN[name]


def _kept(org: Org, type_: str) -> list[Kept]:
    return duplicate_rules(org) if type_ == DUPLICATE_RULE.name else org.catalog.of(type_)


def _properties(org: Org, kept: Kept) -> dict[str, Any]:
    return {
        "createdById": kept.created_by or org.user_id,
        "createdByName": _name(org, kept.created_by),
        "createdDate": kept.created,
        "fileName": kept.component.file,
        "fullName": kept.component.full,
        "id": kept.id,
        "lastModifiedById": kept.modified_by or org.user_id,
        "lastModifiedByName": _name(org, kept.modified_by),
        "lastModifiedDate": kept.modified,
        "manageableState": "unmanaged",
        "type": kept.component.type,
    }


def _standard(org: Org, name: str) -> dict[str, Any]:
    """What came with the org was made by nobody in it."""
    nobody = {"createdById": org.user_id, "createdByName": _name(org, "")}
    changed = {"lastModifiedById": org.user_id, "lastModifiedByName": _name(org, "")}
    dates = dict.fromkeys(("createdDate", "lastModifiedDate"), "1970-01-01T00:00:00.000Z")
    place = {"fileName": f"objects/{name}.object", "fullName": name, "id": "", "type": "CustomObject"}
    return {**nobody, **changed, **dates, **place}


def _name(org: Org, user: str) -> str:
    return str(org.store.tables["User"].live[user or org.user_id]["Name"])


def components(org: Org, asked: Asked, user: str) -> list[str]:
    """Up to ten components of one type; one that is not there is told as nothing."""
    kind = _type(asked.text("type"))
    names = [node.text for node in asked.body.all("fullNames")]
    if len(names) > _MOST_NAMES:
        raise Fault("LIMIT_EXCEEDED", f"Number of full names is limited to {_MOST_NAMES}")
    with org.store.lock:
        return ["".join(_record(org, kind.name, name) for name in names)]


def _record(org: Org, type_: str, name: str) -> str:
    node = whole_object(org, name) if type_ == "CustomObject" else _part(org, type_, name)
    return record(type_, node) if node else no_record()


def _part(org: Org, type_: str, name: str) -> Node | None:
    found = next((kept.component for kept in _kept(org, type_) if kept.component.full == name), None)
    return _named(name, found.node) if found else None


def _named(name: str, node: Node) -> Node:
    """With its full name first, as a component is told outside its file."""
    rest = tuple(child for child in node.children if child.tag != "fullName")
    return node.but((Node("fullName", name), *rest))


def whole_object(org: Org, name: str) -> Node | None:
    """An object with all its parts, which go by their own names in it."""
    kind = org.schema.objects.get(name)
    if kind is None:
        return None
    found = org.catalog.get("CustomObject", name)
    own = found.node.children if found else (Node("label", kind.label), Node("pluralLabel", kind.plural))
    tags = {part.name: tag for tag, part in PARTS.items()}
    parts = [part for part in org.catalog.parts(name) if part.type in tags]
    inner = [Node(tags[part.type], "", part.node.children) for part in parts]
    ordered = sorted((*own, *inner), key=lambda node: (node.tag, node.value("fullName") or ""))
    return Node("CustomObject", "", (Node("fullName", name), *ordered))
