"""``casewire plan`` and ``resync``: what would change for an account, and doing it."""

from __future__ import annotations

import click
import structlog

from connector import logs
from connector.cli.acting import REASON, acting
from connector.cli.changes import document, lines
from connector.cli.output import as_json, err, out, show
from connector.errors import Permanent, SetupError
from connector.events import Urgency
from connector.ledger.subjects import Due
from connector.mappers import keys
from connector.sync.resync import Looked, look, resync_now
from connector.wiring import Wiring, wiring

log = structlog.get_logger("connector.cli")


@click.command()
@click.argument("account")
@click.option("--site", help="Which Recurly site, if several are configured.")
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def plan(account: str, site: str | None, json_: bool) -> None:
    """What would change in Salesforce for one ACCOUNT (its code), field by field. Writes nothing there.

    \b
    Example: casewire plan acme-17
    """
    wires = _quiet_wiring()
    _show([look(wires.engine, wires.apis, wires.applier(), _due(wires, account, site))], json_)


@click.command()
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT...")
@click.option("--site", help="Which Recurly site, if several are configured.")
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the plan is shown.")
@REASON
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def resync(accounts: tuple[str, ...], site: str | None, apply_: bool, reason: str, json_: bool) -> None:
    """Fetch ACCOUNTs anew from Recurly and bring Salesforce up to date. Stops at the plan unless --apply.

    \b
    Example: casewire resync acme-17 acme-18 --apply --reason "support ticket 4711"
    """
    wires = _quiet_wiring()
    looked = [look(wires.engine, wires.apis, wires.applier(), _due(wires, code, site)) for code in accounts]
    _show(looked, json_)
    if not apply_:
        if any(one.changes for one in looked):
            err.print("Nothing was written. Add --apply to do it.")
        return
    with acting(wires, "resync", reason, {"accounts": list(accounts), "site": site}) as cause:
        outcome = resync_now(wires.applier(), [one.subject for one in looked], cause)
    err.print(f"{outcome.written} records written, {outcome.refused} refused.")
    if outcome.open:
        raise Permanent("Salesforce is not available; the accounts stay due. See: casewire status")
    if outcome.refused:
        raise SystemExit(1)


def _quiet_wiring() -> Wiring:
    wires = wiring()
    logs.configure(wires.settings.casewire_log, quiet=True)
    return wires


def _due(wires: Wiring, code: str, site: str | None) -> Due:
    sites = [s.name for s in wires.settings.recurly]
    if not sites:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE and RECURLY_API_KEY.")
    chosen = site or sites[0]
    if chosen not in sites or (site is None and len(sites) > 1):
        raise SetupError(f"Say which site: --site {' or --site '.join(sites)}.")
    return Due(keys.subject("recurly", chosen, code), "recurly", chosen, code, Urgency.ROUTINE)


def _show(looked: list[Looked], json_: bool) -> None:
    if json_:
        as_json(
            [{"account": one.subject.key, "changes": [document(c) for c in one.changes]} for one in looked]
        )
        return
    for one in looked:
        out.print(f"[bold]{show(one.subject.key)}[/bold]")
        if not one.changes:
            out.print("  Salesforce is up to date.")
        for line in (line for row in one.changes for line in lines(row)):
            out.print(line)
