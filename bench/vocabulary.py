"""Count the words of the old dialect in names, docstrings and comments, and compare with a baseline.

The baseline may only shrink: ``python -m bench.vocabulary`` prints the counts, ``--lower`` stores lower ones.
After a merge conflict in ``vocabulary.json`` take either side and run ``--lower``. The terms to use are in
``docs/glossary.md``.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = Path(__file__).with_name("vocabulary.json")
FOLDERS = ("connector", "sandbox", "bench")

NAMES = {
    "anew": "again, re-link, refetch",
    "astray": "key_conflict",
    "goes": "run_session",
    "heard": "ingested, received",
    "held": "leased, suppressed, open, tracked",
    "holding": "lease, suppression",
    "known": "baseline, snapshot, existing",
    "look": "scan, read, poll, preview",
    "looked": "scanned, read, polled, preview",
    "looking": "scan, read, poll, preview",
    "looks": "scans, reads, polls",
    "mend": "repair, fix",
    "mended": "repaired, fixed",
    "mending": "repair, fix",
    "said": "response, message, usage",
    "say": "message, report, print",
    "says": "message, response",
    "standing": "subject_status, open",
    "tell": "report_progress, notify",
    "telling": "report, progress",
    "tells": "reports",
    "told": "observation, snapshot, response, payload",
    "whoever": "the worker, the user",
    "whose": "owner, record_identity",
    "wires": "container",
}
"""Part of a defined name → terms to use instead."""

PROSE = {
    "anew": "again",
    "astray": "key conflict",
    "gave back": "release, refund",
    "give back": "release, refund",
    "given back": "released, refunded",
    "gives back": "releases, refunds",
    "giving back": "release, refund",
    "goes on": "continues",
    "held back": "suppressed",
    "mend": "repair, fix",
    "mended": "repaired, fixed",
    "mends": "repairs, fixes",
    "said": "reported, returned, written",
    "tell": "report",
    "telling": "reporting",
    "tells": "reports",
    "that which": "name the thing",
    "told": "reported, observed, notified",
    "what became of": "the outcome of",
    "whatever": "any, every",
    "whoever": "the worker, the user",
}
"""Word or phrase of a docstring or comment → terms to use instead."""

OPENINGS = {
    "what": "name the thing",
    "which": "name the thing",
    "who": "name the person",
    "whose": "name the owner",
}
"""First word of a docstring → what to do instead."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PROSE = re.compile(rf"\b({'|'.join(PROSE)})\b")
_FIRST = re.compile(rf"({'|'.join(OPENINGS)})\b")

Counts = dict[str, dict[str, int]]
"""Term → file → how often. A term is ``name told``, ``prose told`` or ``opening what``."""


def count(root: Path = ROOT, folders: tuple[str, ...] = FOLDERS) -> Counts:
    counts: Counts = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            if file != "bench/vocabulary.py" and not file.startswith("bench/mutants/lists/"):
                for term, number in count_source(path.read_text(encoding="utf-8")).items():
                    counts.setdefault(term, {})[file] = number
    return counts


def count_source(source: str) -> Counter[str]:
    """The terms in one file's names, docstrings and comments. A docstring below an attribute counts, too."""
    counts: Counter[str] = Counter()
    for node in ast.walk(ast.parse(source)):
        for name in _defined(node):
            parts = (part.lower() for part in _WORD.findall(name))
            counts.update(f"name {part}" for part in parts if part in NAMES)
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                _count_prose(text, counts)
                if first := _FIRST.match(text.lower()):
                    counts[f"opening {first[1]}"] += 1
    _count_prose("\n".join(line for line in source.splitlines() if line.lstrip().startswith("#")), counts)
    return counts


def _count_prose(text: str, counts: Counter[str]) -> None:
    words = " ".join(text.lower().split())
    counts.update(f"prose {term}" for term in _PROSE.findall(words))


def _defined(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Attribute(attr=name, ctx=ast.Store()):
            yield name


def complaints(baseline: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One line for each term whose count differs from the baseline."""
    lines = []
    for term in sorted(baseline.keys() | now.keys()):
        before, after = baseline.get(term, {}), now.get(term, {})
        old, new = sum(before.values()), sum(after.values())
        if new > old:
            files = ", ".join(file for file in after if after[file] > before.get(file, 0))
            lines.append(f"{term}: {new}, was {old}. Write: {_instead(term)}. More in: {files}")
        elif new < old:
            lines.append(f"{term}: {new}, was {old}. Lower the baseline: python -m bench.vocabulary --lower")
    return lines


def _instead(term: str) -> str:
    kind, word = term.split(" ", 1)
    return {"name": NAMES, "prose": PROSE, "opening": OPENINGS}[kind][word]


def load() -> Counts:
    counts: Counts = json.loads(BASELINE.read_text(encoding="utf-8"))
    return counts


def main() -> int:
    now = count()
    for term in sorted(now):
        print(f"{term:24}{sum(now[term].values()):6}")
    print(f"{'all':24}{sum(sum(files.values()) for files in now.values()):6}")
    if "--lower" not in sys.argv[1:]:
        return 0
    if rises := [line for line in complaints(load(), now) if "More in" in line]:
        print(*rises, sep="\n", file=sys.stderr)
        return 1
    BASELINE.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
