"""The org: logging in, which org it is, and whether it has what Casewire writes to."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from connector.cli.init.prompts import Answers, prompt_until_valid, show_findings
from connector.cli.output.console import out, show
from connector.cli.salesforce import deploy_progress
from connector.clients.salesforce import SalesforceClient
from connector.container import Container
from connector.doctor.result import Area, Check
from connector.doctor.runner import look_at
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
    """A look at the org that was chosen, logged in; None if that was given up. Close it."""
    answers.say(_APP)
    while True:
        look = _entered(answers)
        if look is None or _pinned(answers, look):
            return look
        look.close()


def _entered(answers: Answers) -> OrgContext | None:
    looks: list[OrgContext] = []

    def questions() -> Area:
        looks.append(_look(_answered(answers)))
        return Area("salesforce", entering(looks[-1]))

    good = prompt_until_valid(answers, questions)
    for look in looks[:-1] if good else looks:
        look.close()
    return looks[-1] if good else None


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


def _look(given: dict[str, str]) -> OrgContext:
    values = {name.lower(): value or None for name, value in given.items()}
    return OrgContext(Container(Settings(**values)))  # type: ignore[arg-type]


def _pinned(answers: Answers, look: OrgContext) -> bool:
    """The only org that will ever be written to."""
    org, before = target(look.client), answers.given.get("SALESFORCE_ORG_ID", "")
    out.print(show(f"Logged in: {org}"))
    if before and before[:15] != org.id[:15]:
        answers.say(f"Until now SALESFORCE_ORG_ID is {before}: that is another org.")
    same = not before or before[:15] == org.id[:15]
    if answers.yes("this_org", "Is Casewire to write to this org, and no other?", default=same, unasked=same):
        answers.settings["SALESFORCE_ORG_ID"] = org.id
        return True
    answers.again("Log in to another org?")
    return False


def furnish(answers: Answers, look: OrgContext) -> OrgContext:
    """Offers to deploy what the org lacks, and waits for what only a person can click. The look to go on with."""
    if fields.missing(look) and answers.yes(
        "deploy",
        "The org lacks fields, objects or permissions of Casewire. Deploy them now? Nothing in the org is deleted",
        default=True,
        unasked=False,
    ):
        _deploy(look)
        look = _again(look)
    while not show_findings(look_at([Area("salesforce", _of(look))])):
        if not _look_again(answers):
            break
        look = _again(look)
    return look


def _of(look: OrgContext) -> tuple[Check, ...]:
    return tuple(check for check in inside(look) if check.name in (_ASSIGNING, "key fields"))


def _look_again(answers: Answers) -> bool:
    """A script goes on: the doctor says at the end what is left."""
    with suppress(CasewireError):
        return answers.again("Done that? Look again?")
    return False


def _again(look: OrgContext) -> OrgContext:
    look.close()
    return OrgContext(look.container)


def _deploy(look: OrgContext) -> None:
    """With a client that has time: a deployment takes minutes."""
    client = SalesforceClient(look.config)
    try:
        with suppress(SystemExit):
            outcome = deploy_progress.put(client, read(default_place()), check_only=False)
            deploy_progress.told(outcome, check_only=False)
    except CasewireError as error:
        out.print(f"[yellow]{show(error)}[/yellow]")
    finally:
        client.close()
