"""The composition root of workers and commands: settings become clients and stages. Built late, once per process."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

from connector import settings
from connector.clients import processors
from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.clients.salesforce import Org, RedisTokens, SalesforceClient, SalesforceConfig
from connector.errors import SetupError
from connector.policy import Policy
from connector.sync.apply.applier import Applier
from connector.sync.availability.api_budget import ApiBudget
from connector.sync.decide.decide import decide
from connector.sync.linking import Linker, without_account
from connector.sync.org_schema import mapping
from connector.sync.org_schema.adaptation import OrgAdapter, SchemaWarnings
from connector.sync.reconcile.reconciliation import ComparedSystems
from connector.sync.refresh.enrichment import Lookups
from connector.sync.refresh.refresh import Apis
from connector.web_container import WebContainer


class Interrupts(Protocol):
    """Takes turns with the work of a job (``jobs/urgent``)."""

    def checkpoint(self) -> None: ...


@dataclass
class Container(WebContainer):
    """The container of workers, the scheduler and the commands: policy, clients and stages besides."""

    urgent_lane: Interrupts | None = None
    """What a worker does between two pieces of its work; a command has none."""

    def checkpoint(self) -> None:
        """Called between two pieces of work."""
        if self.urgent_lane is not None:
            self.urgent_lane.checkpoint()

    @cached_property
    def worker(self) -> str:
        """This process's name in leases: given by its keeper, so that a successor takes over what it held."""
        return self.settings.casewire_worker or f"{socket.gethostname()}-{os.getpid()}"

    @cached_property
    def policy(self) -> Policy:
        policy = mapping.checked(Policy.load(self.policy_path))
        sites = [site.name for site in self.settings.recurly]
        if unknown := sorted(policy.sites.keys() - sites) if sites else []:
            raise SetupError(
                f"{self.policy_path}: sites.{unknown[0]}: there is no such site (configured: {', '.join(sites)})."
            )
        return policy

    @property
    def policy_path(self) -> Path | None:
        """``CASEWIRE_POLICY``, else ``policy.toml`` where Casewire runs, else none: the defaults."""
        given = self.settings.casewire_policy
        if given is not None:
            return given
        here = Path("policy.toml")
        return here if here.exists() else None

    @cached_property
    def _recurly(self) -> Mapping[str, RecurlyClient]:
        return {
            site.name: RecurlyClient(
                RecurlyConfig(site.name, site.api_key, region=site.region, api_url=site.api_url)
            )
            for site in self.settings.recurly
            if site.api_key
        }

    @cached_property
    def apis(self) -> Apis:
        """The API clients by (source, site); a site without a key has none."""
        return {("recurly", name): client for name, client in self._recurly.items()}

    @cached_property
    def _processors(self) -> Mapping[str, processors.ProcessorClient]:
        given = self.settings.processors
        made = {name: make(given[name]) for name, make in processors.CLIENTS.items()}
        return {name: client for name, client in made.items() if client is not None}

    @property
    def lookups(self) -> Lookups:
        """The processors' API clients by source; one without a key has none."""
        return self._processors

    @property
    def books(self) -> Mapping[str, processors.ProcessorListing]:
        """The same clients, for what each processor holds, as lists."""
        return self._processors

    @property
    def sides(self) -> ComparedSystems:
        """Whom a reconcile asks. A processor whose API key is of the other world would lack everything."""
        given = self.settings.processors
        apart = sorted(name for name in self.books if given[name].is_for_other_mode)
        return ComparedSystems(
            engine=self.engine,
            crm=self.salesforce,
            apis={site.name: self._recurly.get(site.name) for site in self.settings.recurly},
            books={name: books for name, books in self.books.items() if name not in apart},
            lookups=self.lookups,
            not_asked={
                name: f"its API key is not for {'live' if given[name].live else 'test'} payments"
                for name in apart
            },
            grace=timedelta(minutes=self.policy.reconcile.grace_minutes),
            zone_of=self.policy.zone_of,
        )

    @cached_property
    def salesforce(self) -> SalesforceClient:
        config = self.salesforce_config()
        return SalesforceClient(config, RedisTokens(self.redis, config))

    @cached_property
    def shaping(self) -> OrgAdapter:
        """The org, and how plans are made to fit it; read once for each process. SetupError names what it lacks: then
        it is read again the next time."""
        pointed_to = {one.lookup.object for one in self.policy.mapping if one.lookup}
        return OrgAdapter.of(self.policy, Org.load(self.salesforce, pointed_to), self.remarks)

    @cached_property
    def remarks(self) -> SchemaWarnings:
        return SchemaWarnings()

    def not_configured(self) -> list[str]:
        """What is not set up yet, a sentence each: deliveries that will not be taken, records not written."""
        missing = []
        sites = self.settings.recurly
        if not sites:
            missing.append("Recurly is not configured (RECURLY_SITE): deliveries are answered 404.")
        for site in sites:
            if not site.webhook_secrets and not site.webhook_basic_auth:
                missing.append(
                    f"Recurly site {site.name} has no {site.setting('RECURLY_WEBHOOK_SECRETS')}: "
                    "deliveries are answered 404."
                )
            if not site.api_key:
                missing.append(
                    f"Recurly site {site.name} has no {site.setting('RECURLY_API_KEY')}: "
                    "its events cannot be worked."
                )
        try:
            self.salesforce_config()
        except SetupError as error:
            missing.append(f"Salesforce is not configured: nothing is written. {error}")
        return missing

    def budgets(self) -> dict[str, str]:
        """What the vendors last told this process of their limits, a line each; nothing is asked for it."""
        told: dict[str, str] = {}
        if "_recurly" in self.__dict__:
            for site, client in self._recurly.items():
                budget = client.budget
                if budget.limit is not None and budget.remaining is not None:
                    told[f"recurly:{site}"] = f"{budget.remaining:,} of {budget.limit:,} calls left"
        return told

    def applier(self) -> Applier:
        return Applier(
            engine=self.engine,
            crm=self.salesforce,
            org=lambda: self.shaping.org,
            decide=lambda facts: decide(facts, self.shaping.policy),
            fit=lambda changes, facts: self.shaping.fit(without_account(changes, facts), facts),
            clock=self.clock,
            worker=self.worker,
            linker=self.linker,
            spending=self.spending,
            checkpoint=self.checkpoint,
        )

    @cached_property
    def linker(self) -> Linker:
        """Which records of the org the accounts are."""
        return Linker(self.engine, self.salesforce, self.policy.linking, lambda: self.shaping.org.shape)

    @cached_property
    def spending(self) -> ApiBudget:
        """The org's API budget."""
        return ApiBudget(self.engine, self.salesforce, self.policy.budget)

    def salesforce_config(self) -> SalesforceConfig:
        s = self.settings
        if not s.salesforce_login_url or not s.salesforce_client_id:
            raise SetupError("Set SALESFORCE_LOGIN_URL and SALESFORCE_CLIENT_ID (README, Connect your own).")
        return SalesforceConfig(
            login_url=s.salesforce_login_url,
            client_id=s.salesforce_client_id,
            client_secret=s.salesforce_client_secret,
            username=s.salesforce_username,
            jwt_key=s.salesforce_jwt_key,
            org_id=s.salesforce_org_id,
            api_version=s.salesforce_api_version,
        )


@cache
def container_from_environment() -> Container:
    """The container of this process."""
    return Container(settings.load())
