"""The newer promises of the Salesforce client, where somebody else wrote the other side: the sandbox."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connector.clients.salesforce import Deployment, SalesforceClient, SalesforceConfig, Verdict, parent
from connector.clients.salesforce.jobs import UntrackedJobs
from connector.clients.salesforce.metadata import NAMESPACE
from connector.errors import Permanent
from sandbox import salesforce as sandbox_salesforce
from sandbox.control import Control
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import serve

KEY = "Billing_Key__c"


@pytest.fixture
def address() -> Iterator[str]:
    metadata = default_metadata()
    assert metadata is not None
    with serve(sandbox_salesforce.create_app(sandbox_salesforce.Org(metadata), Control())) as server:
        yield server.url


@pytest.fixture
def client(address: str) -> Iterator[SalesforceClient]:
    config = SalesforceConfig(address, "sandbox", client_secret="sandbox", timeout=10.0)
    client = SalesforceClient(config, sleep=lambda _: None, pause=lambda: 0.0)
    yield client
    client.close()


def fault(address: str, kind: str, match: str = "", **more: Any) -> None:
    told = {"kind": kind, "match": match, "times": 1, **more}
    requests.post(f"{address}/__sandbox__/faults", json=told, timeout=10).raise_for_status()


def accounts(count: int) -> list[dict[str, Any]]:
    return [{KEY: f"recurly:acme:account:{n}", "Name": f'Customer "{n}", Ltd'} for n in range(count)]


def bulk(client: SalesforceClient, object_: str, rows: list[dict[str, Any]], key: str = KEY) -> list[Any]:
    return client.bulk_upsert(object_, key, rows, wait=lambda _: None)


def named(client: SalesforceClient) -> dict[str, Any]:
    return {row[KEY]: row for row in client.query(f"SELECT {KEY}, Id, Name, Phone FROM Account")}


# --- bulk ------------------------------------------------------------------------------------------------------


def test_a_bulk_job_creates_then_updates(client: SalesforceClient) -> None:
    rows = accounts(300)
    first, second = bulk(client, "Account", rows), bulk(client, "Account", rows)
    assert [(result.key, result.created) for result in first] == [(row[KEY], True) for row in rows]
    assert [(result.id, result.created) for result in second] == [(result.id, False) for result in first]
    assert {key: row["Name"] for key, row in named(client).items()} == {row[KEY]: row["Name"] for row in rows}


def test_a_bulk_job_clears_leaves_alone_and_finds_parents(client: SalesforceClient) -> None:
    one, two = ({**row, "Phone": "123"} for row in accounts(2))
    bulk(client, "Account", [one, two])
    bulk(client, "Account", [{KEY: one[KEY], "Name": "A\nB", "Phone": None}, {KEY: two[KEY], "Name": " =1"}])
    left = named(client)
    assert (left[one[KEY]]["Name"], left[one[KEY]]["Phone"]) == ("A\nB", None)
    assert left[two[KEY]]["Phone"] == "123"
    case = {KEY: "c", "Subject": "s", "Account": parent("Account", KEY, one[KEY])}
    assert bulk(client, "Case", [case])[0].error is None
    (row,) = client.query("SELECT AccountId FROM Case")
    assert row["AccountId"] == left[one[KEY]]["Id"]


def test_refused_rows_of_a_bulk_job_say_why(client: SalesforceClient) -> None:
    good, bad = accounts(2)
    done = bulk(client, "Account", [{**bad, "Name": "x" * 300}, good])
    assert done[0].error is not None
    assert (done[0].error.code, done[0].error.verdict) == ("STRING_TOO_LONG", Verdict.DEAD)
    assert done[1].error is None


def test_a_bulk_job_with_a_column_the_org_lacks_fails_as_a_whole(client: SalesforceClient) -> None:
    with pytest.raises(Permanent, match="Nonsense__c"):
        bulk(client, "Account", [{KEY: "a", "Nonsense__c": "x"}])


def test_a_bulk_job_updates_by_id(client: SalesforceClient) -> None:
    client.upsert("Account", KEY, accounts(2))
    ids = [row["Id"] for row in named(client).values()]
    done = bulk(client, "Account", [{"Id": id_, "Phone": id_[:15]} for id_ in ids], "Id")
    assert [(result.key, result.error) for result in done] == [(id_, None) for id_ in ids]
    assert {row["Phone"] for row in named(client).values()} == {id_[:15] for id_ in ids}


def test_a_session_that_ends_in_a_bulk_job_is_renewed(client: SalesforceClient, address: str) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        fault(address, "session_expired")

    done = client.bulk_upsert("Account", KEY, accounts(3), wait=wait)
    assert {result.error for result in done} == {None}
    assert client.logins == 1 + len(waits)
    assert len(named(client)) == 3


def test_a_connection_dropped_after_bulk_data_arrived_doubles_nothing(
    client: SalesforceClient, address: str
) -> None:
    fault(address, "drop_after_commit", "PUT")
    assert {result.error for result in bulk(client, "Account", accounts(3))} == {None}
    assert len(named(client)) == 3


def test_a_job_that_is_aborted_by_its_id_alone_writes_nothing_more(
    client: SalesforceClient, address: str
) -> None:
    """As whoever comes after a process that was killed does it."""
    requests.put(f"{address}/__sandbox__/bulk", json={"polls": 3}, timeout=10).raise_for_status()
    left: list[str] = []

    class Kept(UntrackedJobs):
        def begun(self, job: str, object_: str, rows: Any) -> None:
            left.append(job)

    class Killed(BaseException):
        pass

    def wait(_: float) -> None:
        (job,) = left
        assert client.abort_bulk_job(job)
        written = len(named(client))
        assert client.abort_bulk_job(job), "once more is no mistake"
        assert len(named(client)) == written < 900
        raise Killed

    with pytest.raises(Killed):
        client.bulk_upsert("Account", KEY, accounts(900), wait=wait, jobs=Kept())


# --- update, deleted rows, one row alone -----------------------------------------------------------------------


def test_rows_are_updated_by_id_and_what_is_gone_says_so(client: SalesforceClient, address: str) -> None:
    done = client.upsert("Account", KEY, accounts(3))
    ids = [str(result.id) for result in done]
    deleted(client, ids[1])
    first, gone, third = client.update("Account", [{"Id": id_, "Phone": "1"} for id_ in ids])
    assert (first.error, third.error) == (None, None)
    assert gone.error is not None
    assert (gone.error.code, gone.error.verdict) == ("ENTITY_IS_DELETED", Verdict.DEAD)
    rows = client.query_all(f"SELECT {KEY}, IsDeleted FROM Account ORDER BY {KEY}")
    assert [row["IsDeleted"] for row in rows] == [False, True, False]
    assert len(client.query("SELECT Id FROM Account")) == 2


def deleted(client: SalesforceClient, id_: str) -> None:
    """As an agent would, in the org."""
    client._api.call("delete", "DELETE", f"sobjects/Account/{id_}")


def test_a_row_refused_by_a_duplicate_rule_names_the_records(client: SalesforceClient, address: str) -> None:
    (row,) = accounts(1)
    fault(address, "duplicate_rule", row[KEY])
    error = client.upsert_alone("Account", KEY, row).error
    assert error is not None
    assert (error.code, error.verdict) == ("DUPLICATES_DETECTED", Verdict.DEAD)
    assert client.upsert_alone("Account", KEY, row).created


# --- who, what, metadata ------------------------------------------------------------------------------------------


def test_the_org_says_who_we_are_and_what_it_speaks(client: SalesforceClient) -> None:
    identity = client.identity()
    assert identity.org_id == client.org_id
    assert identity.username
    assert float(client.versions()) >= 66
    client.query("SELECT Id FROM Account")
    assert client.usage is not None
    assert client.usage_at is not None
    assert client.skew is not None


def archive(problem: str = "") -> bytes:
    field = (
        "<fields><fullName>Proof__c</fullName><label>Proof</label>"
        f"<length>80</length><type>Text{problem}</type></fields>"
    )
    files = {
        "package.xml": '<?xml version="1.0" encoding="UTF-8"?><Package xmlns="http://soap.sforce.com/2006/04/metadata">'
        "<types><members>Account.Proof__c</members><name>CustomField</name></types><version>66.0</version></Package>",
        "objects/Account.object": '<?xml version="1.0" encoding="UTF-8"?>'
        f'<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">{field}</CustomObject>',
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return held.getvalue()


def deploy(client: SalesforceClient, content: bytes, **more: Any) -> Deployment:
    return client.deploy(content, wait=lambda _: None, **more)


def test_a_field_is_checked_deployed_listed_and_read(client: SalesforceClient) -> None:
    assert deploy(client, archive(), check_only=True).succeeded
    assert "Account.Proof__c" not in client.list_metadata({"CustomField": None})["CustomField"]
    done = deploy(client, archive())
    assert (done.status, done.succeeded, done.problems) == ("Succeeded", True, ())
    listed = client.list_metadata({"CustomField": None, "CustomObject": None, "Queue": None, "Layout": None})
    assert "Account.Proof__c" in listed["CustomField"]
    assert "Billing_Collections" in listed["Queue"]
    found = client.read_metadata("CustomField", ["Account.Proof__c", "Account.Nothing__c"])
    assert found["Account.Proof__c"].findtext(f"{NAMESPACE}length") == "80"
    assert list(found) == ["Account.Proof__c"]


def test_a_component_that_is_refused_says_why(client: SalesforceClient) -> None:
    done = deploy(client, archive("ile"))
    assert not done.succeeded
    assert done.failed >= 1
    assert any("Account" in problem.file + problem.name for problem in done.problems)
