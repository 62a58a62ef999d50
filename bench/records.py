"""Compare the Salesforce records that two checkouts write for the same stories, field by field.

``python -m bench.records read CHECKOUT FILE`` plays the demo of a checkout (its ``.venv`` must be installed) and saves
the records of its sandbox; ``python -m bench.records compare BEFORE AFTER`` lists every difference and exits 1 if there
is one. Record ids become the keys of their records, dates become days before or after the day of the run, and fields
that the org sets itself are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from connector.mappers.fields import KEY, ORDER

SET_BY_ORG = frozenset(
    {"Id", "CaseNumber", "ClosedDate", "CreatedDate", "LastModifiedDate", "SystemModstamp"}
    | {"LastActivityDate", "LastViewedDate", "LastReferencedDate"}
)
NAMED = {"Group": "DeveloperName", "RecordType": "DeveloperName", "User": "Name"}
"""Objects that Casewire's records point to, and the field that identifies one."""
_ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/?$")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(T[\d:.]+(Z|[+-]\d\d:?\d\d)| \d\d:\d\d UTC)?")
_DIGEST = re.compile(r"sha256-[0-9a-f]{64}")
"""In the key of an event whose source gives it no id: a digest of its content, which has the time of the run."""

Records = dict[str, dict[str, Any]]


def read(checkout: Path, seed: int) -> Records:
    """Play the demo of a checkout and return its records by object and key."""
    with tempfile.TemporaryDirectory(prefix="casewire-records-") as home:
        demo = subprocess.Popen(
            [checkout / ".venv" / "bin" / "casewire", "demo", "--seed", str(seed), "--pace", "0"],
            cwd=checkout,
            env={**os.environ, "CASEWIRE_HOME": home, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            return _records_at_the_end(demo)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(60)


def _records_at_the_end(demo: subprocess.Popen[str]) -> Records:
    assert demo.stdout is not None
    address = ""
    for line in demo.stdout:
        if line.startswith("Salesforce") and (found := _ADDRESS.search(line.strip())):
            address = found[1]
        if line.startswith("different"):
            return normalized(
                {name: _records(address, name) for name in (*ORDER, *NAMED)}, datetime.now(UTC).date()
            )
    raise SystemExit(f"the demo ended before its summary (exit code {demo.wait()})")


def _records(address: str, name: str) -> list[dict[str, Any]]:
    with urlopen(f"{address}/__sandbox__/records/{name}", timeout=60) as response:
        found: list[dict[str, Any]] = json.load(response)
    return found


def normalized(found: Mapping[str, Iterable[Mapping[str, Any]]], today: date) -> Records:
    """The records that have a key, without what differs between two runs by its nature."""
    names = {
        row["Id"]: f"{name} {row.get(NAMED.get(name, KEY)) or row.get('Name')}"
        for name, rows in found.items()
        for row in rows
    }

    def value(raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        return names.get(raw) or _DAY.sub(lambda day: _offset(day[1], today), _DIGEST.sub("digest", raw))

    records: Records = {}
    same: Counter[str] = Counter()
    for name in ORDER:
        for row in found[name]:
            if row.get(KEY):
                fields = {field: value(raw) for field, raw in row.items() if field not in SET_BY_ORG}
                key = f"{name} {row[KEY]}"
                if _DIGEST.search(key):
                    key = f"{name} {json.dumps(fields, sort_keys=True)}"
                same[key] += 1
                records[key if same[key] == 1 else f"{key} ({same[key]})"] = fields
    return records


def _offset(day: str, today: date) -> str:
    return f"day {(date.fromisoformat(day) - today).days:+d}"


def differences(before: Records, after: Records) -> list[str]:
    """One sentence for each record that only one side has, and for each field that differs."""
    found = [f"{record} is only in the first" for record in sorted(before.keys() - after.keys())]
    found += [f"{record} is only in the second" for record in sorted(after.keys() - before.keys())]
    for record in sorted(before.keys() & after.keys()):
        one, other = before[record], after[record]
        found += [
            f"{record}: {name} is {one.get(name)!r} and {other.get(name)!r}"
            for name in sorted(one.keys() | other.keys())
            if one.get(name) != other.get(name)
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="play the demo of a checkout and save its records")
    reading.add_argument("checkout", type=Path)
    reading.add_argument("file", type=Path)
    reading.add_argument("--seed", type=int, default=1)
    comparing = commands.add_parser("compare", help="list the differences between two files")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "read":
        records = read(options.checkout.resolve(), options.seed)
        options.file.write_text(json.dumps(records, indent=1, sort_keys=True), encoding="utf-8")
        print(f"{len(records):,} records saved to {options.file}")
        return
    before, after = (json.loads(file.read_text("utf-8")) for file in (options.before, options.after))
    found = differences(before, after)
    print("\n".join(found))
    print(f"{len(found):,} differences in {len(before):,} and {len(after):,} records", file=sys.stderr)
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
