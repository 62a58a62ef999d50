"""The sandbox's org is deployed from this folder: what is declared here can be written and read there."""

from __future__ import annotations

from sandbox.salesforce.metadata import default_metadata, load_schema

from .folder import PROJECT, read


def test_the_sandbox_deploys_this_folder() -> None:
    assert default_metadata() == PROJECT


def test_the_sandbox_has_every_field_and_queue() -> None:
    folder, schema = read(), load_schema([PROJECT])
    fields = {f"{kind.name}.{name}" for kind in schema.objects.values() for name in kind.fields}
    assert folder.names("CustomField") <= fields
    assert folder.names("Queue") == {queue.developer_name for queue in schema.queues}
