"""A source is declared once: in ``connector/sources/<name>.py``. Everything that lists sources is derived from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.clients.processors import CLIENTS
from connector.sources.registry import PROCESSORS, SOURCES
from connector.webhooks import registry

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = (
    "app.py",
    "worker.py",
    "README.md",
    ".env.example",
    ".importlinter",
    "bench",
    "connector",
    "salesforce",
)
SUFFIXES = {".py", ".xml", ".toml", ".md", ".example", ".importlinter"}
DISTINCTIVE = {"gocardless": r"go_?cardless", "authorizenet": r"authorize[._]?net"}
"""Names that are no other word: Stripe is also in a magnetic stripe, PayPal is also a payment method of Recurly."""

LISTS = {
    "connector/webhooks/registry.py": "imports the folder that reads its webhooks",
    "connector/clients/processors/__init__.py": "imports the folder that calls its API",
    "connector/sources/registry.py": "imports the declaration",
    ".importlinter": "the folders of sources do not import each other; SDKs stay in the clients",
    ".env.example": "an operator copies it; compared with the declarations below",
    "README.md": "links to the README of each; compared with the declarations below",
}
"""Files in which a new source needs a line, with the reason."""

MENTIONS = {
    "connector/mappers/match_keys.py": "an oddity of one source, in a comment",
    "connector/mappers/reasons/__init__.py": "an oddity of one source, in a comment",
    "connector/mappers/reasons/bank_debits.py": "reason codes and their documentation",
    "connector/mappers/reasons/refund_payout_failures.py": "documentation of reason codes",
    "connector/policy/payouts.py": "the example that a template is checked with",
    "connector/redaction/patterns.py": "a comment on the form of its keys; redaction imports nothing",
    "bench/fuzz.py": "signs altered deliveries as the vendor does",
    "bench/mutants/lists/outside.py": "faults in its own folder",
    "bench/mutants/runner.py": "SDKs that are imported before faults are tried",
}
"""Files that name a source for a reason of its own; a new source leaves them alone unless it has the same reason."""


def texts() -> Iterator[tuple[str, str]]:
    for name in SEARCHED:
        start = ROOT / name
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.is_file() and (path.suffix in SUFFIXES or path.name in SUFFIXES):
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def is_own(path: str, source: str) -> bool:
    return f"/{source}/" in path or path == f"connector/sources/{source}.py"


@pytest.mark.parametrize("source", DISTINCTIVE)
def test_a_source_is_named_only_where_there_is_a_reason(source: str) -> None:
    word = re.compile(DISTINCTIVE[source], re.IGNORECASE)
    found = {path for path, text in texts() if word.search(text) and not is_own(path, source)}
    assert found - MENTIONS.keys() == LISTS.keys()


def test_every_reason_is_needed() -> None:
    named = [re.compile(word, re.IGNORECASE) for word in DISTINCTIVE.values()]
    found = {path for path, text in texts() if any(word.search(text) for word in named)}
    assert found >= LISTS.keys() | MENTIONS.keys()


LITERALS = {
    ("connector/mappers/recurly.py", "paypal"): "a payment method of Recurly",
    ("connector/webhooks/adyen/object_context.py", "paypal"): "a payment method of Adyen",
    ("connector/webhooks/stripe/payments.py", "paypal"): "a payment method of Stripe",
    ("connector/policy/incidents.py", "stripe"): "the example that a template is checked with",
}


def test_no_table_outside_its_own_folder_has_a_source_as_key() -> None:
    found = set()
    for path, text in texts():
        if path.startswith("connector/") and path.endswith(".py"):
            values = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
            found |= {(path, name) for name in PROCESSORS if name in values and not is_own(path, name)}
    assert found == LITERALS.keys()


# ── what cannot be derived agrees with the declarations ───────────────────────────────────────────────────────


def test_every_declared_source_has_a_folder_and_every_api_a_client() -> None:
    assert SOURCES.keys() == registry.SOURCES.keys()
    assert CLIENTS.keys() == {name for name, info in PROCESSORS.items() if info.api}
    assert all(info.name == name and info.labels and info.title for name, info in SOURCES.items())


def test_the_readme_names_and_links_every_source() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    flat = " ".join(readme.split())
    for name, info in SOURCES.items():
        assert info.title in flat
        assert f"(connector/webhooks/{name}/README.md)" in flat


def test_the_example_settings_have_every_setting_of_every_processor() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    assert {one.name for info in PROCESSORS.values() for one in info.settings.declared()} <= names
