"""``python -m sandbox``: the local Salesforce, Recurly and processors in one process, until it is told to stop.

One JSON line on stdout says where they are; everything else goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from sandbox import processors, recurly, salesforce
from sandbox.control import Control
from sandbox.salesforce.metadata import default_metadata
from sandbox.salesforce.org import full_org_id
from sandbox.salesforce.shapes import Shape
from sandbox.server import serve

SERVERS: Final = ("salesforce", "recurly", "processors")


def main(argv: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(argv)
    told_to_stop = _stop_signals()
    controls = {name: Control() for name in SERVERS}
    for name, milliseconds in asked.latency_ms.items():
        controls[name].latency_ms = milliseconds
    key = None if asked.jwt_public_key is None else asked.jwt_public_key.read_text()
    folder = None if asked.bare else asked.metadata or default_metadata()
    org = salesforce.Org(folder, jwt_public_key=key, org_id=asked.org_id, **asdict(asked.org))
    office = processors.Processors()
    site = recurly.Site(asked.site, seed=asked.seed, processors=office)
    try:
        with (
            serve(salesforce.create_app(org, controls["salesforce"]), asked.salesforce_port) as crm,
            serve(recurly.create_app(site, controls["recurly"]), asked.recurly_port) as billing,
            serve(processors.create_app(office, controls["processors"]), asked.processors_port) as paying,
        ):
            urls = {"salesforce": crm.url, "recurly": billing.url, "processors": paying.url}
            print(json.dumps(urls), flush=True)
            _wait(told_to_stop, asked.exit_with_parent)
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    finally:
        site.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox", description="The local Salesforce, Recurly, processors.")
    for name in SERVERS:
        parser.add_argument(f"--{name}-port", type=int, default=0, metavar="P", help="default: a free one")
    parser.add_argument(
        "--latency-ms", type=_latency, default={}, metavar="salesforce=150,recurly=100", help="of each answer"
    )
    parser.add_argument("--bare", action="store_true", help="nothing is deployed into the org at the start")
    parser.add_argument(
        "--metadata",
        type=_folder,
        metavar="DIR",
        help="deployed into the org at the start; default: salesforce/",
    )
    parser.add_argument(
        "--org",
        type=_shape,
        default=Shape(),
        metavar="person_accounts,multi_currency",
        help=f"the org's shape: any of {', '.join(field.name for field in fields(Shape))}",
    )
    parser.add_argument("--org-id", type=_org_id, metavar="ID", help="of the org, for who tells orgs apart")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of stories played without their own"
    )
    parser.add_argument("--site", default="sandbox", metavar="S", help="name of the Recurly site")
    parser.add_argument("--jwt-public-key", type=_file, metavar="PEMFILE", help="for JWT bearer logins")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when stdin is closed")
    return parser


def _latency(text: str) -> dict[str, int]:
    found = {}
    for part in filter(None, text.split(",")):
        name, _, milliseconds = part.partition("=")
        if name not in SERVERS or not milliseconds.isdigit():
            raise argparse.ArgumentTypeError(f"{part!r} is not one of {', '.join(SERVERS)}, =, milliseconds")
        found[name] = int(milliseconds)
    return found


def _shape(text: str) -> Shape:
    try:
        return Shape.named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _org_id(text: str) -> str:
    try:
        return full_org_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return Path(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text} is not a file")
    return Path(text)


def _stop_signals() -> int:
    """A descriptor that becomes readable when the process is told to stop, even before anybody waits."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return readable


def _wait(told_to_stop: int, with_parent: bool) -> None:
    stdin = sys.stdin.fileno() if with_parent else told_to_stop
    while True:
        ready, _, _ = select.select({told_to_stop, stdin}, [], [])
        if told_to_stop in ready or os.read(stdin, 4096) == b"":
            return


if __name__ == "__main__":
    sys.exit(main())
