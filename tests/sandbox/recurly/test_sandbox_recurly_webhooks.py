"""The sender: what it sends is what Recurly sends, and nothing is lost while the receiver is down."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import fromstring

import pytest

from sandbox.recurly import Site
from sandbox.recurly.notifications import sign
from sandbox.recurly.webhooks import Endpoint

if TYPE_CHECKING:
    from conftest import Plane, Receiver

SECRET = "5ec2e7" * 10
FIXTURE = Path(__file__).resolve().parents[3] / "../shared/fixtures/recurly/signature-known-answer.json"


def listen(plane: Plane, receiver: Receiver, **more: Any) -> None:
    body = {"url": receiver.url, "secret": SECRET, "delays": [0.01], **more}
    assert plane.put("/webhooks", body).status_code == 200


def test_the_signature_is_the_known_one() -> None:
    body = (
        b'{"id":"ra93x2i8g69t","object_type":"payment","site_id":"qc326l1hl8k9","event_type":"failed",'
        b'"event_time":"2026-01-02T03:04:05Z","uuid":"63abcf806e29cbfb3ec9c84e658777be"}'
    )
    known = "af0b95492b4167e709d54e1259debdc830d10416833aa4af3c8e4de9e6f49e80"
    assert sign(body, ["00ff00ff"], 1767323045000) == f"1767323045000,{known}"
    assert sign(body, ["new", "00ff00ff"], 1767323045000).endswith("," + known)


@pytest.mark.skipif(not FIXTURE.is_file(), reason="the shared fixtures are not next to this checkout")
def test_the_signature_is_the_one_recurlys_own_client_expects() -> None:
    known = json.loads(FIXTURE.read_text())
    milliseconds = int(known["recurly-signature"].partition(",")[0])
    assert sign(known["body"].encode(), [known["secret"]], milliseconds) == known["recurly-signature"]


def test_a_delivery_is_thin_and_signed_over_its_raw_body(
    plane: Plane, receiver: Receiver, site: Site
) -> None:
    listen(plane, receiver)
    told = plane.play("renewal_fails_hard")
    plane.settled()
    assert receiver.ids() == told["notifications"]
    for headers, body in receiver.got:
        moment, digest = headers["recurly-signature"].split(",")
        expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        assert digest == expected
        assert len(moment) == 13
        assert headers["content-type"].startswith("application/json")
    payloads = [json.loads(body) for _, body in receiver.got]
    assert [f"{p['object_type']}.{p['event_type']}" for p in payloads] == [
        "subscription.renewed",
        "charge_invoice.created",
        "payment.failed",
        "charge_invoice.past_due",
        "dunning_event.created",
        "dunning_event.created",
    ]
    assert {p["site_id"] for p in payloads} == {site.id}
    subscription, payment = plane.get("/records/subscription")[0], plane.get("/records/transaction")[-1]
    invoice = plane.get("/records/invoice")[-1]
    assert set(payloads[0]) == {"id", "object_type", "site_id", "event_type", "event_time", "uuid"}
    assert (payloads[0]["id"], payloads[0]["uuid"]) == (subscription["id"], subscription["uuid"])
    assert (payloads[2]["id"], payloads[2]["uuid"]) == (payment["id"], payment["uuid"])
    assert payloads[4]["id"] == invoice["id"]
    assert payloads[4]["invoice_number"] == int(invoice["number"])


def test_account_events_name_the_account(plane: Plane, receiver: Receiver) -> None:
    listen(plane, receiver)
    code = plane.play("new_customer_signs_up")["accounts"][0]
    plane.settled()
    named = {json.loads(body).get("account_code") for _, body in receiver.got[:2]}
    assert named == {code}
    assert all("account_code" not in json.loads(body) for _, body in receiver.got[2:])


def test_the_xml_form_is_fat_and_unsigned(plane: Plane, receiver: Receiver) -> None:
    listen(plane, receiver, format="xml", basic_auth="casewire:let-me-in")
    told = plane.play("card_expiring_then_updated")
    code = told["accounts"][0]
    plane.settled()
    plane.play("renewal_lost")
    plane.settled()
    headers, body = receiver.got[0]
    assert headers["authorization"] == "Basic " + base64.b64encode(b"casewire:let-me-in").decode()
    assert "recurly-signature" not in headers
    assert "recurly-notification-id" not in headers
    first = fromstring(body)
    assert (first.tag, first.findtext("notification_type")) == ("prerenewal_notification", "cc_will_expire")
    assert first.findtext("account/account_code") == code
    assert first.findtext("subscription/total_amount_in_cents") == "58800"
    trees = [fromstring(body) for _, body in receiver.got]
    failed = next(tree for tree in trees if tree.tag == "failed_payment_notification")
    assert failed.findtext("transaction/failure_type") == "call_issuer"
    dunned = [tree for tree in trees if tree.tag == "new_dunning_event_notification"]
    assert [tree.findtext("invoice/dunning_events_count") for tree in dunned] == ["1", "2", "3"]
    assert dunned[0].findtext("subscription/plan/plan_code") == "publisher-monthly"
    assert fromstring(receiver.got[1][1]).tag == "billing_info_updated_notification"
    assert any(tree.find("credit_payment") is not None for tree in trees)


@pytest.mark.parametrize("status", [500, 404, 302, 429])
def test_all_but_2xx_is_tried_again_under_the_same_id(plane: Plane, receiver: Receiver, status: int) -> None:
    listen(plane, receiver)
    receiver.answers = [status, status, 204]
    told = plane.play("customer_cancels")
    notes = plane.settled()
    assert receiver.ids() == told["notifications"] * 3
    assert {body for _, body in receiver.got} == {receiver.got[0][1]}
    note = notes[told["notifications"][0]]
    assert (note["state"], note["attempts"], note["last_answer"]) == ("delivered", 3, "204")
    assert note["acknowledged"] >= note["sent_at"]


def test_a_receiver_that_is_down_gets_everything_when_it_is_back(plane: Plane, receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        listen(plane, receiver, url=nobody, tries=2)
        lost = plane.play("customer_cancels", seed=1)["notifications"]
        assert {plane.settled()[id_]["state"] for id_ in lost} == {"failed"}
    receiver.answers = [503] * 40
    listen(plane, receiver, tries=60)
    told = plane.play("renewal_lost", seed=2)
    notes = plane.settled()
    assert set(receiver.ids()) == set(told["notifications"])
    assert all(notes[id_]["acknowledged"] for id_ in told["notifications"])


def test_after_the_last_try_a_notification_has_failed(plane: Plane, receiver: Receiver) -> None:
    listen(plane, receiver, tries=3)
    receiver.answers = [500] * 3
    told = plane.play("customer_cancels")
    note = plane.settled()[told["notifications"][0]]
    assert (note["state"], note["attempts"], note["acknowledged"]) == ("failed", 3, None)


def test_the_default_schedule_outlasts_a_minute() -> None:
    endpoint = Endpoint("http://127.0.0.1/")
    waits = [endpoint.delay(attempt) for attempt in range(1, endpoint.tries)]
    assert waits[:6] == [0.2, 0.5, 1.0, 2.0, 5.0, 5.0]
    assert sum(waits) > 60


def test_duplicates_arrive_that_often_and_dropped_ones_never(plane: Plane, receiver: Receiver) -> None:
    listen(plane, receiver)
    told = plane.play("renewal_lost", duplicates=3, drop=4)
    notes = plane.settled()
    assert len(told["dropped"]) == 4
    assert {notes[id_]["state"] for id_ in told["dropped"]} == {"dropped"}
    kept = [id_ for id_ in told["notifications"] if id_ not in told["dropped"]]
    assert Counter(receiver.ids()) == dict.fromkeys(kept, 3)
    half = plane.play("renewal_lost", drop=0.5, prefix="half-")
    assert len(half["dropped"]) == round(len(half["notifications"]) / 2)


def test_without_shuffle_each_account_hears_in_order_and_with_it_not(
    plane: Plane, receiver: Receiver
) -> None:
    listen(plane, receiver)
    told = plane.play("renewal_lost", count=4)
    notes = plane.settled()
    accounts = told["accounts"]
    for code in accounts:
        mine = [notes[id_]["event_time"] for id_ in receiver.ids() if notes[id_]["account_code"] == code]
        assert len(mine) == 13
        assert mine == sorted(mine)
    receiver.got.clear()
    plane.play("renewal_lost", shuffle=True, prefix="s-")
    notes = plane.settled()
    times = [notes[id_]["event_time"] for id_ in receiver.ids()]
    assert times != sorted(times)


def test_with_no_endpoint_notifications_are_only_put_on_record(plane: Plane) -> None:
    told = plane.play("customer_cancels")
    assert plane.settled()[told["notifications"][0]]["state"] == "unsent"


def test_the_record_tells_what_each_notification_is_about(plane: Plane) -> None:
    told = plane.play("customer_cancels")
    note = plane.get("/webhooks")["notifications"][0]
    assert note["account_code"] == told["accounts"][0]
    assert note["kind"] == "subscription.canceled"
    assert note["objects"] == [{"object": "subscription", "id": plane.get("/records/subscription")[0]["id"]}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://x"},
        {"url": "http://127.0.0.1/", "format": "yaml"},
        {"url": "http://127.0.0.1/", "tries": 0},
        {"url": "http://127.0.0.1/", "speed": 9},
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(plane: Plane, body: dict[str, Any]) -> None:
    assert plane.put("/webhooks", body).status_code == 400


def test_the_secret_is_not_told_back(plane: Plane, receiver: Receiver) -> None:
    listen(plane, receiver)
    assert SECRET not in json.dumps(plane.get("/webhooks"))
