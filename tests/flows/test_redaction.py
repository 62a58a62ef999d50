"""Card data, bank data and credentials in every text of every source: nothing of them is stored, written or logged."""

from __future__ import annotations

import copy
import html
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests
from redis import Redis
from sqlalchemy import text

from connector.cli.local_stack import Stack, processor_endpoints
from connector.ledger.schema import metadata
from connector.mappers import fields
from flows.playing import scalar, settled, started
from sandbox.processors.events import Event
from sandbox.processors.paypal import certificate
from sandbox.processors.sources import SOURCES
from sandbox.recurly.notifications import sign

DELIVERIES = 500
REFERENCE = "4726080277811003"
"""A processor's reference that passes the Luhn check and begins like a Visa card."""

CARD, AMEX, IBAN, TRACK, TOKEN = (
    *("4111111111111111", "378282246310005", "DE89370400440532013000", "25121010000012345678"),
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
)
FORBIDDEN = tuple(
    re.sub(r"[^a-z0-9]", "", one.lower()) for one in (CARD, AMEX, IBAN, TRACK, TOKEN, "CVV 737")
)

TEXTS = (
    *(
        f"Card {CARD} exp 12/29",
        "Paid 4111 1111 1111 1111.",
        "x4111-1111-1111-1111x",
        "a 4111.1111.1111.1111 b",
    ),
    *(
        "no 4111\u00a01111\u20091111\u20111111",
        "4111  1111\t1111/1111 ",
        "q=4111%201111+1111+1111 x",
        "3782 822463 10005 amex",
    ),
    *(
        f"track ;{CARD}={TRACK}? end",
        f"%B{CARD}^DOE/JOHN^{TRACK}? end",
        f"IBAN {IBAN}",
        "DE89 3704 0044 0532 0130 00",
    ),
    *(f"key {TOKEN}", f"Bearer {TOKEN[8:]}", "CVV 737 given", f"PAN{CARD}EXP please"),
)
BARE = (CARD, AMEX, f"id{CARD}")
"""Digits alone, which a reference may be: for every other text."""
IDENTIFIERS = re.compile(
    r"(?i)(?:id|reference|number|code|uuid|href|payment_intent|charge|customer|payment|mandate)$"
)

TIME = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def stripe(n: int) -> dict[str, Any]:
    found = {
        "id": f"du_{n}",
        "object": "dispute",
        "amount": 4900,
        "currency": "usd",
        "charge": f"ch_{n}",
        "payment_intent": f"pi_{n}",
        "reason": "fraudulent",
        "status": "needs_response",
        "created": int(time.time()),
        "metadata": {"note": "n", "invoiceNumber": f"{n}"},
        "evidence_details": {"due_by": int(time.time()) + 86400},
        "evidence": {"customer_name": "n", "uncategorized_text": "n"},
    }
    return {
        "id": f"evt_{n}",
        "object": "event",
        "type": "charge.dispute.created",
        "livemode": False,
        "created": int(time.time()),
        "data": {"object": found},
    }


def adyen(n: int) -> dict[str, Any]:
    return {
        "amount": {"currency": "EUR", "value": 4900},
        "eventCode": "CHARGEBACK",
        "eventDate": TIME,
        "merchantAccountCode": "AcmeECOM",
        "merchantReference": f"m-{n}",
        "originalReference": f"PAY{n}",
        "paymentMethod": "mc",
        "pspReference": f"PSP{n}",
        "reason": "Goods not received",
        "success": "true",
        "additionalData": {
            "shopperReference": f"s-{n}",
            "cardHolderName": "n",
            "disputeStatus": "Undefended",
        },
    }


def paypal(n: int) -> dict[str, Any]:
    disputed = {
        "seller_transaction_id": f"TX{n}",
        "invoice_number": f"{n}",
        "custom": "n",
        "buyer": {"name": "n"},
    }
    found = {
        "dispute_id": f"PP-D-{n}",
        "create_time": TIME,
        "update_time": TIME,
        "reason": "UNAUTHORISED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_amount": {"currency_code": "USD", "value": "49.00"},
        "disputed_transactions": [disputed],
        "messages": [{"content": "n"}],
        "external_reason_code": "10.4",
        "links": [],
    }
    return {
        "id": f"WH-{n}",
        "event_version": "1.0",
        "create_time": TIME,
        "event_type": "CUSTOMER.DISPUTE.CREATED",
        "summary": "A dispute",
        "resource": found,
        "links": [],
    }


def gocardless(n: int) -> dict[str, Any]:
    details = {
        "cause": "insufficient_funds",
        "description": "The account has too little.",
        "reason_code": "ARUDD-0",
        "origin": "bank",
        "scheme": "bacs",
    }
    return {
        "id": f"EV{n}",
        "created_at": TIME,
        "resource_type": "payments",
        "action": "failed",
        "links": {"payment": f"PM{n}"},
        "details": details,
        "metadata": {"note": "n"},
        "resource_metadata": {"order": "n"},
    }


def authorizenet(n: int) -> dict[str, Any]:
    payload = {
        "responseCode": 2,
        "entityName": "transaction",
        "id": f"6{n:010d}",
        "invoiceNumber": f"{n}",
        "merchantReferenceId": "n",
        "authAmount": 49.0,
        "description": "n",
    }
    return {
        "notificationId": f"n-{n}",
        "eventType": "net.authorize.payment.authcapture.created",
        "eventDate": TIME,
        "webhookId": "w",
        "payload": payload,
    }


def braintree(n: int) -> dict[str, Any]:
    return {
        "id": f"dsp{n}",
        "amount": "49.00",
        "currency-iso-code": "USD",
        "kind": "chargeback",
        "status": "open",
        "reason": "fraud",
        "reason-code": "10.4",
        "reason-description": "Fraud",
        "case-number": f"C{n}",
        "received-date": TIME[:10],
        "reply-by-date": TIME[:10],
        "processor-comments": "n",
        "transaction": {"id": f"txn{n}", "amount": "49.00", "order-id": f"{n}", "description": "n"},
    }


def recurly(n: int) -> dict[str, Any]:
    return {
        "id": f"r{n}",
        "object_type": "account",
        "site_id": "s",
        "event_type": "updated",
        "event_time": TIME,
        "account_code": f"acct-{n}",
        "note": "n",
    }


MADE = {
    "stripe": stripe,
    "adyen": adyen,
    "paypal": paypal,
    "gocardless": gocardless,
    "authorizenet": authorizenet,
    "braintree": braintree,
    "recurly": recurly,
    "recurly xml": recurly,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the texts of a payload are."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in places(inner, (*path, key))]
    if isinstance(value, list):
        return [found for n, inner in enumerate(value) for found in places(inner, (*path, n))]
    return [path] if isinstance(value, str) else []


def put(value: Any, path: tuple[Any, ...], needle: str) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = needle
    return changed


def as_xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{as_xml(inner)}</{key}>" for key, inner in value.items())
    return html.escape(str(value))


def signed(
    source: str, payload: Any, running: Stack, keys: Mapping[str, Any]
) -> tuple[Mapping[str, str], bytes]:
    """The delivery as its vendor sends it."""
    secret = running.environment["RECURLY_WEBHOOK_SECRETS"]
    if source == "recurly":
        body = json.dumps(payload).encode()
        return {"recurly-signature": sign(body, [secret], int(time.time() * 1000))}, body
    if source == "recurly xml":
        inner = {"account": {**payload, "account_code": payload["account_code"]}}
        body = f"<updated_account_notification>{as_xml(inner)}</updated_account_notification>".encode()
        request = requests.Request("POST", "http://x", auth=("recurly", secret)).prepare()
        return {"Authorization": request.headers["Authorization"], "Content-Type": "application/xml"}, body
    if source == "braintree":
        payload = (
            f'<notification><timestamp type="datetime">{TIME}</timestamp><kind>dispute_opened</kind>'
            f"<subject><dispute>{as_xml(payload)}</dispute></subject></notification>"
        )
    event = Event(source=source, kind="", id=None, object_id="", at=datetime.now(UTC), payload=payload)
    return SOURCES[source].request((event,), keys[source])


@contextmanager
def certificate_server() -> Iterator[str]:
    """Serves the certificate of the key that this process signs PayPal's deliveries with; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(certificate())))
            self.end_headers()
            self.wfile.write(certificate())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def found_in(stored: str) -> list[str]:
    """Which of the forbidden values a text holds, however they are written there."""
    texts = [stored]
    for _ in range(3):
        plain = html.unescape(unquote_plus(texts[-1]))
        texts.append(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), plain))
    letters = [re.sub(r"[^a-z0-9]", "", re.sub(r"\\[ntr]", "", one.lower())) for one in texts]
    return [one for one in FORBIDDEN if any(one in text_ for text_ in letters)]


def rows_of(running: Stack) -> Iterator[tuple[str, str]]:
    with running.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT CAST(t AS text) AS row FROM {table.name} t")):
                yield f"table {table.name}", row.row


def redis_of(running: Stack) -> Iterator[tuple[str, str]]:
    with Redis.from_url(running.environment["REDIS_URL"]) as redis:
        for key in redis.scan_iter("*"):
            kind = redis.type(key).decode()
            values = {
                "string": lambda k=key: [redis.get(k)],
                "hash": lambda k=key: [*redis.hgetall(k), *redis.hvals(k)],
                "list": lambda k=key: redis.lrange(k, 0, -1),
                "set": lambda k=key: redis.smembers(k),
                "zset": lambda k=key: redis.zrange(k, 0, -1),
                "stream": lambda k=key: redis.xrange(k),
            }.get(kind, list)()
            yield f"redis {key.decode()}", " ".join(map(str, (key, *values)))


def records_of(running: Stack) -> Iterator[tuple[str, str]]:
    shapes = (
        fields.Account,
        fields.Contact,
        fields.Case,
        fields.Dispute,
        fields.Refund,
        fields.Payment,
        fields.Event,
    )
    for shape in shapes:
        for record in running.vendors.records(shape.OBJECT):
            yield f"salesforce {shape.OBJECT}", json.dumps(record, default=str)


def _delivered(session: requests.Session, url: str, headers: Mapping[str, str], body: bytes) -> int:
    """The answer to a delivery. PayPal's first is answered 503 until its certificate is there; it is sent again."""
    for _ in range(600):
        status = session.post(url, data=body, headers=headers, timeout=30).status_code
        if status != 503:
            break
        time.sleep(0.05)
    return status


@pytest.mark.slow
def test_no_card_data_of_five_hundred_deliveries_is_left_anywhere(home: Path) -> None:
    with certificate_server() as server:
        changes = {"PAYPAL_CERT_HOSTS": server.removeprefix("http://")}
        with started(home, workers=2, changes=changes) as running:
            _deliver_and_search(running, server)


def _deliver_and_search(running: Stack, server: str) -> None:
    secret = running.environment["RECURLY_WEBHOOK_SECRETS"]
    keys = processor_endpoints(running.url, secret)
    keys["paypal"]["server"] = server
    answers: dict[str, list[int]] = {source: [] for source in MADE}
    filled: dict[str, set[tuple[Any, ...]]] = {source: set() for source in MADE}
    session = requests.Session()
    sources = list(MADE)
    for n in range(DELIVERIES):
        source = sources[n % len(sources)]
        payload = MADE[source](n)
        where = places(payload)
        turn = n // len(sources)
        path = where[turn % len(where)]
        identifies = IDENTIFIERS.search(str(path[-1])) is not None
        needles = TEXTS if identifies else (*TEXTS, *BARE)
        needle = needles[(turn // len(where) + turn) % len(needles)]
        headers, body = signed(source, put(payload, path, needle), running, keys)
        url = f"{running.url}/webhooks/{source.partition(' ')[0]}"
        answers[source].append(_delivered(session, url, headers, body))
        filled[source].add(path)
    headers, body = signed("adyen", {**adyen(0), "pspReference": REFERENCE, "eventDate": TIME}, running, keys)
    assert _delivered(session, f"{running.url}/webhooks/adyen", headers, body) == 200
    for source, statuses in answers.items():
        assert set(statuses) == {200}, (source, statuses)
        assert filled[source] == set(places(MADE[source](0))), f"every text of {source} was filled"
    assert settled(running)
    assert scalar(running, f"SELECT count(*) FROM snapshot WHERE id = '{REFERENCE}'") == 1
    assert scalar(running, "SELECT count(*) FROM event") > DELIVERIES * 0.9
    assert sum(len(running.vendors.records(shape.OBJECT)) for shape in (fields.Case, fields.Dispute)) > 50
    stored = [*rows_of(running), *redis_of(running), *records_of(running)]
    stored += [("log", line) for line in (running.home / "casewire.log").read_text().splitlines()]
    leaks = [(place, found, one[:600]) for place, one in stored if (found := found_in(one))]
    assert leaks == []
