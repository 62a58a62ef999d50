"""Questions about Salesforce: the login, the org, and whether it has the fields that Casewire writes."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from connector.cli.init.prompts import Answers, prompt_until_valid, show_findings
from connector.cli.output.console import out, show
from connector.cli.salesforce import deploy_progress
from connector.clients.salesforce import SalesforceClient
from connector.container import Container
from connector.doctor.result import Area, Check
from connector.doctor.runner import run_checks
from connector.doctor.salesforce import fields
from connector.doctor.salesforce.area import entering, inside
from connector.doctor.salesforce.org_context import OrgContext
from connector.errors import CasewireError
from connector.metadata.org_reader import target
from connector.metadata.source_tree import default_place, read
from connector.settings import Settings

_CREDENTIALS: Final = "secret"
_JWT: Final = "jwt"
_APP: Final = (
    "Casewire logs in through an External Client App (Setup > External Client App Manager > New):\n"
    "  enable OAuth with the scope api, enable the client credentials flow, and let it run as a user made for\n"
    "  Casewire (licence Salesforce Integration). Settings > OAuth Settings shows the consumer key and secret."
)
_ASSIGNING: Final = "fields"


def ask(answers: Answers) -> OrgContext | None:
    """The chosen org, logged in; None if the user gave up. The caller closes it."""
    answers.inform(_APP)
    while True:
        context = _entered(answers)
        if context is None or _pinned(answers, context):
            return context
        context.close()


def _entered(answers: Answers) -> OrgContext | None:
    contexts: list[OrgContext] = []

    def questions() -> Area:
        contexts.append(_open_context(_answered(answers)))
        return Area("salesforce", entering(contexts[-1]))

    good = prompt_until_valid(answers, questions)
    for context in contexts[:-1] if good else contexts:
        context.close()
    return contexts[-1] if good else None


def _answered(answers: Answers) -> dict[str, str]:
    jwt_first = bool(answers.given.get("SALESFORCE_JWT_KEY")) and not answers.given.get(
        "SALESFORCE_CLIENT_SECRET"
    )
    url = answers.ask(
        "SALESFORCE_LOGIN_URL", "Salesforce: My Domain (https://acme.my.salesforce.com)", needed=True
    )
    client = answers.ask("SALESFORCE_CLIENT_ID", "Salesforce: consumer key of the app", needed=True)
    flow = answers.ask(
        "login",
        "Salesforce: log in with the app's secret, or as a user by JWT",
        default=_JWT if jwt_first else _CREDENTIALS,
        choices=(_CREDENTIALS, _JWT),
        needed=True,
    )
    given = {"SALESFORCE_LOGIN_URL": url, "SALESFORCE_CLIENT_ID": client}
    if flow == _JWT:
        given["SALESFORCE_USERNAME"] = answers.ask(
            "SALESFORCE_USERNAME", "Salesforce: user name", needed=True
        )
        key = answers.ask(
            "SALESFORCE_JWT_KEY", "Salesforce: path of the private key", secret=True, needed=True
        )
        given |= {"SALESFORCE_JWT_KEY": key, "SALESFORCE_CLIENT_SECRET": ""}
    else:
        secret = answers.ask(
            "SALESFORCE_CLIENT_SECRET", "Salesforce: consumer secret", secret=True, needed=True
        )
        given |= {"SALESFORCE_CLIENT_SECRET": secret, "SALESFORCE_JWT_KEY": "", "SALESFORCE_USERNAME": ""}
    answers.settings |= given
    return given


def _open_context(given: dict[str, str]) -> OrgContext:
    values = {name.lower(): value or None for name, value in given.items()}
    return OrgContext(Container(Settings(**values)))  # type: ignore[arg-type]


def _pinned(answers: Answers, context: OrgContext) -> bool:
    """Pin the org: Casewire writes to no other one."""
    org, before = target(context.client), answers.given.get("SALESFORCE_ORG_ID", "")
    out.print(show(f"Logged in: {org}"))
    if before and before[:15] != org.id[:15]:
        answers.inform(f"SALESFORCE_ORG_ID is {before} until now: that is another org.")
    same = not before or before[:15] == org.id[:15]
    if answers.yes("this_org", "Is Casewire to write to this org, and no other?", default=same, unasked=same):
        answers.settings["SALESFORCE_ORG_ID"] = org.id
        return True
    answers.again("Log in to another org?")
    return False


def furnish(answers: Answers, context: OrgContext) -> OrgContext:
    """Offer to deploy missing fields, and wait for steps that need a person. Returns the context to continue with."""
    if fields.missing(context) and answers.yes(
        "deploy",
        "The org lacks fields, objects or permissions of Casewire. Deploy them now? Nothing in the org is deleted",
        default=True,
        unasked=False,
    ):
        _deploy(context)
        context = _again(context)
    while not show_findings(run_checks([Area("salesforce", _of(context))])):
        if not _check_again(answers):
            break
        context = _again(context)
    return context


def _of(context: OrgContext) -> tuple[Check, ...]:
    return tuple(check for check in inside(context) if check.name in (_ASSIGNING, "key fields"))


def _check_again(answers: Answers) -> bool:
    """False for a script: the doctor lists at the end what is left to do."""
    with suppress(CasewireError):
        return answers.again("Done? Check again?")
    return False


def _again(context: OrgContext) -> OrgContext:
    context.close()
    return OrgContext(context.container)


def _deploy(context: OrgContext) -> None:
    """With a client without the short time-out of checks: a deployment takes minutes."""
    client = SalesforceClient(context.config)
    try:
        with suppress(SystemExit):
            outcome = deploy_progress.put(client, read(default_place()), check_only=False)
            deploy_progress.print_outcome(outcome, check_only=False)
    except CasewireError as error:
        out.print(f"[yellow]{show(error)}[/yellow]")
    finally:
        client.close()
