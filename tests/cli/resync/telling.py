"""What ``casewire plan`` and ``resync`` told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from click.testing import CliRunner, Result

from cli.vendors import SITE
from connector.cli import casewire as group

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "plan.schema.json"
PAST_DUE = "renewal_fails_hard"


def key(code: str) -> str:
    return f"recurly:{SITE}:account:{code}"


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def told(result: Result) -> dict[str, Any]:
    """The one document on stdout, which is as its schema says."""
    document: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    return document


def stdin(text: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(group, arguments, input=text)


def looked_at(result: Result) -> int:
    return int(told(done(result))["totals"]["accounts"])
