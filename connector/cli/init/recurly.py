"""Questions about the Recurly sites: API keys, and the webhook endpoint of each."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

from connector.cli.init.prompts import Answers, prompt_until_valid
from connector.doctor import recurly as doctor
from connector.doctor.result import Area
from connector.settings import recurly_sites
from connector.settings.recurly import suffix
from connector.sources.info import listed

_SUBDOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")


def ask(answers: Answers, host: str) -> None:
    """Ask for the first site, then for further ones."""
    answers.inform("Recurly: Integrations > API Credentials > a private key with read access.")
    _site(answers, "")
    first = answers.settings["RECURLY_SITE"]
    given_names = [name for name in listed(answers.given.get("RECURLY_SITES", "")) if name != first]
    further: list[str] = []
    while given_names or answers.yes("another_site", "Another Recurly site?", default=False, unasked=False):
        name = answers.ask(
            f"site{len(further) + 2}",
            "Its subdomain",
            default=given_names.pop(0) if given_names else "",
            needed=True,
            problem=partial(_site_problem, taken=(first, *further)),
        )
        _site(answers, suffix(name), name)
        further.append(name)
    answers.settings["RECURLY_SITES"] = ",".join(further)
    several = bool(further)
    for name, end in ((first, ""), *((name, suffix(name)) for name in further)):
        _endpoint(answers, end, f"{host}/webhooks/recurly" + (f"/{name}" if several else ""))


def _site(answers: Answers, end: str, name: str = "") -> None:
    def questions() -> Area:
        site = name or answers.ask(
            "RECURLY_SITE",
            "Recurly: subdomain (acme for acme.recurly.com)",
            needed=True,
            problem=_site_problem,
        )
        given = {
            f"RECURLY_SITE{end}": site,
            f"RECURLY_REGION{end}": answers.ask(
                f"RECURLY_REGION{end}",
                f"Recurly {site}: region",
                default="us",
                choices=("us", "eu"),
                needed=True,
            ),
            f"RECURLY_API_KEY{end}": answers.ask(
                f"RECURLY_API_KEY{end}", f"Recurly {site}: API key", secret=True, needed=True
            ),
        }
        api_url = answers.given.get(f"RECURLY_API_URL{end}", "")
        if api_url:
            given[f"RECURLY_API_URL{end}"] = api_url
        answers.settings |= given
        found = recurly_sites({**given}, (name,) if name else ())
        return doctor.area(found[0], f"recurly {site}")

    prompt_until_valid(answers, questions)


def _site_problem(name: str, taken: Sequence[str] = ()) -> str:
    if not _SUBDOMAIN.fullmatch(name):
        return f"{name!r} is not a subdomain: it is acme for acme.recurly.com."
    if name in taken or suffix(name) in map(suffix, taken):
        return f"The site {name} is already named; name each once."
    return ""


def _endpoint(answers: Answers, end: str, address: str) -> None:
    """JSON is signed with a secret that Recurly makes; XML is not signed, so its password is made here."""
    site = answers.settings[f"RECURLY_SITE{end}"]
    answers.inform(
        f"In Recurly ({site}): Integrations > Webhooks > an endpoint {address}, format JSON, all events.\n"
        "  Its page then shows the secret key."
    )
    signed = f"RECURLY_WEBHOOK_SECRETS{end}"
    answers.settings[signed] = answers.ask(signed, f"Recurly {site}: secret key of the endpoint", secret=True)
    basic = f"RECURLY_WEBHOOK_BASIC_AUTH{end}"
    answers.settings[basic] = answers.given.get(basic, "")
    xml = not answers.settings[signed] and not answers.settings[basic]
    if xml and answers.yes(
        f"xml{end}", "Must the endpoint be XML (no secret)?", default=False, unasked=False
    ):
        user, password = "casewire", secrets.token_urlsafe(24)
        answers.settings[basic] = f"{user}:{password}"
        answers.inform(f"  Give the endpoint this user: {user}\n  and this password: {password}")
