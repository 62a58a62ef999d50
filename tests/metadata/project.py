"""A small SFDX project for a test: ``project(tmp_path, {"queues/Q.queue-meta.xml": "Queue/<name>Q</name>"})``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SOURCE = Path("force-app/main/default")
NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


def xml(type_: str, inner: str = "") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{type_} xmlns="{NAMESPACE}">{inner}</{type_}>\n'


def project(place: Path, files: Mapping[str, str]) -> Path:
    """``files``: path below ``main/default`` → ``Type/inner XML``."""
    (place / SOURCE).mkdir(parents=True)
    (place / "sfdx-project.json").write_text(
        '{"packageDirectories": [{"path": "force-app"}], "sourceApiVersion": "66.0"}'
    )
    for name, told in files.items():
        type_, _, inner = told.partition("/")
        path = place / SOURCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(xml(type_, inner), encoding="utf-8")
    return place
