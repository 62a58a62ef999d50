"""A backfill that is killed while Salesforce works on its bulk job: the job writes nothing over what came after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from connector.cli.local_stack import Stack
from connector.clients.salesforce import SalesforceClient, SalesforceConfig
from connector.mappers import fields
from flows.playing import play, scalar, wait_for
from flows.test_backfill import backfilling, through

ACCOUNTS = 700
"""With three invoices each enough for a job."""
INVOICE = fields.Invoice.OBJECT


@contextmanager
def slow_jobs(running: Stack) -> Iterator[None]:
    """A thousand rows take Salesforce so long."""
    running.vendors.control("salesforce", "PUT", "bulk", {"ms_per_1000": 20_000})
    try:
        yield
    finally:
        running.vendors.control("salesforce", "PUT", "bulk", {})


def job_of_invoices(running: Stack) -> bool:
    found = scalar(running, f"SELECT count(*) FROM bulk_job WHERE object = '{INVOICE}' AND ended_at IS NULL")
    return bool(found)


def left_behind(running: Stack) -> str:
    """The job of a backfill that was killed while Salesforce worked on its invoices."""
    with backfilling(running, "--apply") as process:
        wait_for(lambda: job_of_invoices(running), "Salesforce works on the invoices")
        assert process.poll() is None
    return str(scalar(running, f"SELECT job FROM bulk_job WHERE object = '{INVOICE}'"))


def news(running: Stack) -> str:
    """Of an invoice that the job comes to last. Its key in Salesforce."""
    last = "SELECT max(data->>'number') FROM snapshot WHERE object = 'invoice'"
    with running.engine.begin() as connection:
        number = connection.execute(text(last)).scalar_one()
        connection.execute(
            text(
                "UPDATE snapshot SET data = jsonb_set(data, '{state}', '\"closed\"') "
                "WHERE object = 'invoice' AND data->>'number' = :number"
            ),
            {"number": number},
        )
    return str(number)


def state(running: Stack, number: str) -> str:
    invoices = running.vendors.records(INVOICE)
    return next(
        (str(one[fields.Invoice.STATE]) for one in invoices if one[fields.Invoice.NUMBER] == number), ""
    )


def leases_run_out(running: Stack) -> None:
    with running.engine.begin() as connection:
        connection.execute(text("UPDATE subject SET ready_at = now() WHERE lease IS NOT NULL"))


def time_passes(running: Stack) -> None:
    """The sandbox works two hundred rows of its jobs at each call."""
    client = SalesforceClient(
        SalesforceConfig(running.vendors.salesforce, "sandbox", client_secret="sandbox")
    )
    for _ in range(4 * ACCOUNTS // 200):
        client.limits()
    client.close()


@pytest.mark.slow
def test_a_job_left_behind_is_ended_before_anything_newer_is_written(flow: Stack) -> None:
    play(flow, "population", accounts=ACCOUNTS, invoices=3)
    with slow_jobs(flow):
        job = left_behind(flow)
        assert len(flow.vendors.records(INVOICE)) < 3 * ACCOUNTS
        number = news(flow)
        leases_run_out(flow)
        wait_for(lambda: state(flow, number) == "closed", "a worker has written the news")
    time_passes(flow)
    through(flow, "--resume")
    assert state(flow, number) == "closed", "the job has not gone on"
    assert job in (flow.home / "casewire.log").read_text(), "it is told of"
    assert scalar(flow, "SELECT count(*) FROM bulk_job") == 0
    assert len(flow.vendors.records(INVOICE)) == 3 * ACCOUNTS
