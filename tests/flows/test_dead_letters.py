"""A row that the org refuses: one account is a dead letter, and a person can act on what it says."""

from __future__ import annotations

import json

from connector.cli.local_stack import Stack, casewire
from flows.crm import account, cases
from flows.playing import fault, mended, play, settled, worked

ACCOUNTS = 20


def test_a_refused_account_holds_back_nobody_else_and_is_healed_by_a_retry(flow: Stack) -> None:
    codes = play(flow, "population", accounts=ACCOUNTS)["accounts"]
    refused, failing = codes[3], codes[8]
    fault(flow, "salesforce", "validation_rule", match=f"^recurly:sandbox:account:{refused}$")
    told = play(flow, "burst", accounts=ACCOUNTS, events=5 * ACCOUNTS)
    assert settled(flow)
    assert account(flow.vendors, refused) is None
    assert cases(flow.vendors, refused) == []
    assert {row["Billing_Account_Code__c"] for row in flow.vendors.records("Account")} == {*codes} - {refused}
    assert [row["Billing_State__c"] for row in cases(flow.vendors, failing)] == ["open"]

    listed = casewire(flow.environment, "dead", "list")
    assert listed.returncode == 1
    lines = listed.stdout.splitlines()
    assert len(lines) == 1
    assert refused in lines[0]
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in lines[0]
    assert "Exempt the integration user from the rule or correct it, then retry." in lines[0]
    status = casewire(flow.environment, "status", "--json")
    assert status.returncode == 1
    assert json.loads(status.stdout)["backlog"]["dead_accounts"] == 1

    mended(flow, "salesforce")
    looked = casewire(flow.environment, "dead", "retry", "--account", refused)
    assert (looked.returncode, account(flow.vendors, refused)) == (0, None)
    assert "1 accounts" in looked.stderr
    done = casewire(
        flow.environment, "dead", "retry", "--account", refused, "--apply", "--reason", "rule mended"
    )
    assert done.returncode == 0
    worked(flow, told["expect"])
    mended_it = "SELECT trigger, written > 0, reason FROM attempt JOIN run ON run.id = run_id"
    with flow.engine.connect() as connection:
        attempts = connection.exec_driver_sql(mended_it).all()
    assert [tuple(one) for one in attempts] == [("retry", True, "rule mended")]
    assert casewire(flow.environment, "dead", "list").returncode == 0
