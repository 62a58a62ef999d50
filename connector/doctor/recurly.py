"""Each Recurly site: whether its key is valid and of this site, and how many calls are left."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.container import Container
from connector.doctor.result import Area, Check, CheckResult, CheckSkipped, failed, ok, warning
from connector.errors import Permanent
from connector.settings import RecurlySite

_KEYS: Final = "In Recurly: Integrations > API Credentials"
_SCARCE: Final = 0.1


def areas(container: Container) -> Iterator[Area]:
    sites = container.settings.recurly
    if not sites:
        yield Area("recurly", (Check("site", _no_site),))
    for site in sites:
        yield area(site, f"recurly {site.name}" if len(sites) > 1 else "recurly")


def _no_site() -> Iterator[CheckResult]:
    yield failed(
        "no Recurly site is set: deliveries are answered 404",
        "Set RECURLY_SITE and RECURLY_API_KEY in .env, or run casewire init.",
    )


def area(site: RecurlySite, name: str = "recurly") -> Area:
    """The checks of one site. They may use the entire rate limit, because a person waits for the result."""
    if not site.api_key:
        return Area(name, (Check("key", lambda: _no_key(site)),))
    config = RecurlyConfig(site.name, site.api_key, region=site.region, api_url=site.api_url, reserve=0.0)
    client = cache(lambda: RecurlyClient(config))
    return Area(
        name,
        (
            Check("key", lambda: _key(client()), gate=True, fix=f"{_KEYS}, copy a private key of this site."),
            Check("site", lambda: _site(site, client())),
            Check("rate limit", lambda: _rate(client())),
        ),
        close=lambda: client().close() if client.cache_info().currsize else None,
    )


def _no_key(site: RecurlySite) -> Iterator[CheckResult]:
    yield failed(
        f"site {site.name} has no API key: its events cannot be worked",
        f"{_KEYS}, make a private key with read access; put it into {site.setting('RECURLY_API_KEY')}.",
    )


def _key(client: RecurlyClient) -> Iterator[CheckResult]:
    client.check()
    yield ok(f"accepted; API {client.api_version}")


def _site(site: RecurlySite, client: RecurlyClient) -> Iterator[CheckResult]:
    """The name goes into every link and every key in Salesforce: a wrong one cannot be corrected later."""
    try:
        named = client.sites()
    except Permanent as error:
        raise CheckSkipped(f"the key may not list its sites ({error})") from error
    if site.name in named:
        yield ok(f"the key is of {site.name}")
        return
    yield failed(
        f"the key is of the site {', '.join(named) or '(none)'}, the settings name {site.name}",
        f"Set RECURLY_SITE to {named[0] if named else 'the subdomain'} in .env, or use a key of {site.name}.",
    )


def _rate(client: RecurlyClient) -> Iterator[CheckResult]:
    budget = client.budget
    if budget.limit is None or budget.remaining is None:
        raise CheckSkipped("Recurly has not reported its limit")
    text = f"{budget.remaining:,} of {budget.limit:,} calls left"
    if budget.remaining < budget.limit * _SCARCE:
        yield warning(text, "Let your other systems call Recurly less, or ask Recurly for a higher limit.")
    else:
        yield ok(text)
