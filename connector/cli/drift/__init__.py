"""``casewire drift``: where Salesforce does not say what it should, and mending it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from connector import logs
from connector.cli.acting import REASON, YES, acting, confirm
from connector.cli.choosing import Asked, choice
from connector.cli.drift import findings
from connector.cli.drift.findings import Entry, Kept, Tally
from connector.cli.showing.output import err
from connector.cli.showing.progress import progress
from connector.cli.showing.sheets import NewFile, apart
from connector.errors import Permanent
from connector.ledger import population, runs
from connector.ledger.population import STATES, Which
from connector.mappers import fields
from connector.sync.apply import BATCH, Applier
from connector.sync.drift.against import Against, Only
from connector.sync.drift.holding import Asking, Holding, Loaded, load
from connector.sync.drift.looking import looks
from connector.sync.drift.mending import Mended, Wanted, mend
from connector.sync.drift.owned import Owned
from connector.sync.rules import RULES, timeline
from connector.wiring import Wiring, wiring

IN_BULK_FROM: Final = 10_000
"""From so many accounts on whole objects are read by Bulk API 2.0."""
_RULES: Final = sorted({*(rule.name for rule in RULES), timeline.NAME})


@click.command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option("--rule", type=click.Choice(_RULES), help="Only what this rule speaks of.")
@click.option("--object", "object_", type=click.Choice(fields.ORDER), help="Only records of this object.")
@click.option("--site", help="Only this Recurly site; needed for codes where several are configured.")
@click.option("--state", type=click.Choice(STATES), help="Only with an invoice past due, or an open dispute.")
@click.option(
    "--bulk/--no-bulk",
    default=None,
    help=f"Read by Bulk API 2.0; by itself from {IN_BULK_FROM:,} accounts on.",
)
@click.option("--fix", is_flag=True, help="Show the changes that would mend it.")
@click.option("--apply", "apply_", is_flag=True, help="With --fix: write them.")
@REASON
@YES
@click.option("--csv", "csv_", type=NewFile(), help="A line for each field, into this file.")
@click.option("--xlsx", type=NewFile(), help="The same for Excel, with the groups.")
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/drift.schema.json)."
)
def drift(**options: Any) -> None:
    """Where Salesforce does not say what it should, by rule and field. Exit code 1 if there is any.

    Only what is Casewire's own is compared: what agents may change is theirs. An account for which work waits is left
    out, and counted. With --fix --apply it is mended: more records than admin.confirm_above of the policy only if their
    number is typed, or with --yes N.

    \b
    Example: casewire drift --xlsx drift.xlsx
             casewire drift --rule payment_failed --fix --apply --reason "edited by an import"
    """
    asked = _Asked(**options)
    wires = wiring()
    logs.configure(wires.settings.casewire_log, quiet=True)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        _run(wires, asked, Kept(file), Tally())


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was said on the command line."""

    accounts: tuple[str, ...]
    rule: str | None
    object_: str | None
    site: str | None
    state: str | None
    bulk: bool | None
    fix: bool
    apply_: bool
    reason: str
    yes: int | None
    csv_: Path | None
    xlsx: Path | None
    json_: bool

    def __post_init__(self) -> None:
        if self.apply_ and not self.fix:
            raise click.UsageError("--apply mends what is found: say --fix --apply.")
        apart(self.csv_, self.xlsx)

    @property
    def only(self) -> Only:
        return Only(self.object_, self.rule)

    def which(self, wires: Wiring) -> Which:
        if not self.accounts:
            return Which(site=self._known(wires), state=self.state)
        named = choice(wires, Asked(self.accounts, None, None, False, None, self.state, self.site)).named
        keys = [one.key for one in named or ()]
        return Which(keys=keys, site=self.site, state=self.state)

    def _known(self, wires: Wiring) -> str | None:
        sites = [one.name for one in wires.settings.recurly]
        if self.site is not None and self.site not in sites:
            raise click.UsageError(f"There is no site {self.site!r}; there is: {', '.join(sites) or 'none'}.")
        return self.site

    def kept(self) -> dict[str, Any]:
        """As the audit trail keeps it."""
        said = {"accounts": list(self.accounts), "rule": self.rule, "object": self.object_}
        return {
            name: value for name, value in {**said, "site": self.site, "state": self.state}.items() if value
        }


def _run(wires: Wiring, asked: _Asked, kept: Kept, tally: Tally) -> None:
    which = asked.which(wires)
    mended, run_id = None, None
    with _applier(wires, asked, which) as applier:
        _look(applier, which, kept, tally)
        if asked.apply_ and tally.records:
            confirm(tally.records, wires.policy.admin.confirm_above, asked.yes, "records to mend")
            mended, run_id = _mended(wires, applier, asked, kept)
    _tell(asked, kept, tally, mended, run_id)
    _end(asked, tally, mended)


@contextmanager
def _applier(wires: Wiring, asked: _Asked, which: Which) -> Iterator[Applier]:
    """One that compares with what Salesforce holds."""
    owned = Owned.of(wires.shaping.org.shape, [one for one, _ in wires.shaping.mapping.fields])
    asking = Asking(wires.salesforce, owned)
    with wires.engine.connect() as connection:
        many = population.count(connection, which) >= IN_BULK_FROM
    if not (many if asked.bulk is None else asked.bulk):
        yield _against(wires, owned, asking, asked.only)
        return
    connecting = wires.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connecting as connection:
        objects = [name for name in fields.ORDER if name in owned.names and asked.object_ in (None, name)]
        with progress("Reading Salesforce, objects", len(objects)) as tell:
            read: list[str] = []

            def note(object_: str, records: int) -> None:
                read.append(object_)
                tell(len(read), f"{object_}: {records:,} records")

            load(connection, wires.salesforce, owned, objects, time.sleep, note)
        yield _against(wires, owned, Loaded(connection, asking), asked.only)


def _against(wires: Wiring, owned: Owned, holding: Holding, only: Only) -> Applier:
    return replace(wires.applier(), known=Against(wires.engine, wires.salesforce, owned, holding, only))


def _look(applier: Applier, which: Which, kept: Kept, tally: Tally) -> None:
    assert isinstance(applier.known, Against)
    looking = replace(applier, known=replace(applier.known, looking=True))
    with applier.engine.connect() as connection:
        total = population.count(connection, which)
    with progress("Comparing accounts", total) as tell:
        for look in looks(looking, which):
            tally.add(look)
            for one in look.drifted:
                kept.add(one)
            tell(tally.accounts + tally.pending, f"{tally.records:,} found")


def _mended(wires: Wiring, applier: Applier, asked: _Asked, kept: Kept) -> tuple[Mended, int | None]:
    """What is held is read anew: what changed since it was found is not overwritten by what it was then."""
    assert isinstance(applier.known, Against)
    known = applier.known
    fresh = replace(applier, known=replace(known, holding=Asking(known.crm, known.owned)))
    done = Mended()
    with acting(wires, "drift", asked.reason, asked.kept()) as cause, progress("Mending accounts") as tell:
        worked = 0
        for wanted in _batches(kept):
            done.add(mend(fresh, wanted, cause))
            worked += len(wanted.subjects)
            tell(worked, f"{done.written:,} records written")
            with wires.engine.begin() as connection:
                assert cause.run_id is not None
                runs.progress(connection, cause.run_id, {"accounts": worked, "written": done.written})
            if done.open:
                raise Permanent(
                    "Salesforce is not available; what is not mended is found again. See: casewire status"
                )
        return done, cause.run_id


def _batches(kept: Kept) -> Iterator[Wanted]:
    """The accounts that drift, some at a time."""
    entries: dict[str, list[Entry]] = {}
    for entry in kept:
        if len(entries) == BATCH and entry["account"] not in entries:
            yield _wanted(entries)
            entries = {}
        entries.setdefault(entry["account"], []).append(entry)
    if entries:
        yield _wanted(entries)


def _wanted(entries: dict[str, list[Entry]]) -> Wanted:
    every = [entry for some in entries.values() for entry in some]
    return Wanted(
        list(entries),
        frozenset(entry["account"] for entry in every if entry["linked"]),
        frozenset((entry["object"], entry["key"]) for entry in every if entry["let_go"]),
    )


def _tell(asked: _Asked, kept: Kept, tally: Tally, mended: Mended | None, run_id: int | None) -> None:
    if asked.csv_:
        findings.as_csv(asked.csv_, kept)
    if asked.xlsx:
        findings.as_xlsx(asked.xlsx, tally, kept)
    if asked.json_:
        findings.as_json(tally, kept, mended, run_id)
    elif not (asked.csv_ or asked.xlsx):
        findings.as_text(tally, kept, fix=asked.fix)
    drifts = "record drifts" if tally.records == 1 else "records drift"
    left_out = f"; {tally.pending:,} left out, as work waits for them" if tally.pending else ""
    err.print(f"{tally.records:,} {drifts}, in {tally.drifted:,} of {tally.accounts:,} accounts{left_out}.")
    for key, why in sorted(tally.undecided.items()):
        err.print(f"{key}: {why}", markup=False)


def _end(asked: _Asked, tally: Tally, mended: Mended | None) -> None:
    if mended is not None:
        err.print(f"{mended.written:,} records written.")
        _failed("are left to the workers, or to be tried again: casewire status", mended.left)
        _failed("were given up on: casewire dead list", mended.dead)
    elif asked.fix and tally.records:
        err.print("Nothing was written. Add --apply to do it.")
    whole = mended.is_whole if mended is not None else not tally.records
    if tally.undecided or not whole:
        raise SystemExit(1)


def _failed(what: str, accounts: int) -> None:
    if accounts:
        err.print(f"{accounts:,} accounts {what}")
