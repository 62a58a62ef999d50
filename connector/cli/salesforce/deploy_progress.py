"""Runs a deployment with progress, and prints its outcome with the problems that Salesforce reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from connector.cli.output.console import err, table
from connector.clients.salesforce import Deployment, Problem, SalesforceClient
from connector.errors import Permanent, SetupError
from connector.metadata.advice import advice
from connector.metadata.package_zip import archive
from connector.metadata.source_tree import Source

_AN_HOUR: Final = 3600.0
"""A busy org queues deployments; most take one to three minutes."""

_MAY_NOT: Final = frozenset({"INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"})
_WITHOUT_RIGHTS: Final = (
    "This login may not deploy. A user who only writes billing records should not be able to, so deploy as an "
    "administrator: in {place}, `sf org login web --alias billing`, then `sf project deploy start "
    "--manifest manifest/package.xml --target-org billing`. With a JWT login, SALESFORCE_USERNAME=admin@… before this "
    "command does the same. Or give this user the right Modify Metadata Through Metadata API Functions for the time "
    "of the deployment. Salesforce reported: {message}"
)


def put(client: SalesforceClient, source: Source, *, check_only: bool) -> Deployment:
    """Pack, deploy and wait for the end. SetupError with advice if this login may not deploy."""
    packed = archive(source)
    try:
        with _progress() as report_progress:
            return client.deploy(
                packed, check_only=check_only, wait=sleep, on_progress=report_progress, within=_AN_HOUR
            )
    except Permanent as error:
        if error.code in _MAY_NOT:
            raise SetupError(_WITHOUT_RIGHTS.format(place=source.place, message=error)) from error
        raise


def print_outcome(outcome: Deployment, *, check_only: bool) -> None:
    """Print the outcome; exit code 1 unless everything was deployed."""
    if outcome.succeeded:
        did = "would be deployed; nothing was changed" if check_only else "deployed"
        err.print(f"{outcome.total} components {did}.")
        return
    rows = [(_named(one), _place(one), one.text, advice(one.text)) for one in outcome.problems]
    table(("component", "line", "problem", "what to do"), rows, empty="Salesforce named no component.")
    err.print(
        f"Nothing was deployed ({outcome.status}): {outcome.failed} of {outcome.total} components failed."
    )
    raise SystemExit(1)


def _named(problem: Problem) -> str:
    return f"{problem.type} {problem.name}".strip() or problem.file


def _place(problem: Problem) -> str:
    if problem.line is None:
        return problem.file
    column = "" if problem.column is None else f":{problem.column}"
    return f"{problem.file}:{problem.line}{column}"


@contextmanager
def _progress() -> Iterator[Callable[[Deployment], None]]:
    """A bar on a terminal, else a line for each change of state."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("sent", total=None)

        def report_progress(now: Deployment) -> None:
            done = now.deployed + now.failed
            bar.update(task, description=now.status, total=now.total or None, completed=done)

        yield report_progress


class _Lines:
    """Prints each state once."""

    def __init__(self) -> None:
        self._printed = ""

    def __call__(self, now: Deployment) -> None:
        failed = f", {now.failed} failed" if now.failed else ""
        line = f"{now.status}: {now.deployed} of {now.total} components{failed}"
        if line != self._printed:
            err.print(line)
            self._printed = line
