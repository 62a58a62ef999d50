"""Structure-aware fuzzing of a whole Casewire: real deliveries of all seven sources, altered, signed again, posted.

    python -m bench.fuzz [--count 100000] [--seed 1] [--settle SECONDS]

Phase 1 plays every story of the sandbox and records what the vendors post (Recurly as JSON and as XML). Phase 2 alters
one to four places of a recorded delivery, gives it a new event id, signs it as the vendor would and posts it. Nothing
may be answered with a 5xx; the workers must settle every event within the bound; nothing may crash a job. Exit code 1
otherwise. A failure is reproduced with the same seed and count.
"""

from __future__ import annotations

import argparse
import base64
import copy
import hashlib
import hmac
import http.client
import json
import random
import re
import sys
import tempfile
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from sqlalchemy import text

from bench.progress import say
from connector.cli.local_stack import SITE, Stack, processor_endpoints, stack
from sandbox.processors import authorizenet, braintree, gocardless, paypal, stripe
from sandbox.recurly import notifications

PAYPAL_WEBHOOK: Final = processor_endpoints("", "")["paypal"]["webhook_id"]
SECRET = "f0" * 32
"""Hexadecimal, as Adyen wants it; no secret of anybody."""

CLIENTS = 8
BODY_LIMIT = 1 << 20
CROWDS = ("population", "news", "burst", "gateway_outage")
SETTLE_SECONDS_PER_1000 = 30.0
"""The stated bound, with one worker on two cores that the load generator shares; and two minutes at least."""

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a vendor posted: the source, and the body before the vendor's envelope was put around it."""

    source: str
    form: str
    body: bytes


# ── recording ─────────────────────────────────────────────────────────────────────────────────────────────────


class Recorder:
    """A receiver that keeps what the sandbox posts, and serves the certificate of this process' PayPal key."""

    def __init__(self) -> None:
        self.seen: list[Delivery] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                recorder.keep(self.path.split("/")[2], self.headers.get("Content-Type", ""), body)
                self._answer(b"{}")

            def do_GET(self) -> None:
                self._answer(paypal.certificate())

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def keep(self, source: str, content_type: str, body: bytes) -> None:
        if source == "braintree":
            body = base64.b64decode(parse_qs(body.decode())["bt_payload"][0])
        form = "xml" if source == "braintree" or "xml" in content_type else "json"
        self.seen.append(Delivery(source, form, body))

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.server.serve_forever, name="recorder")
        thread.start()
        try:
            yield
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


def record(running: Stack, recorder: Recorder) -> list[Delivery]:
    """Every delivery of every story, Recurly's in both formats."""
    vendors = running.vendors
    vendors.control("processors", "PUT", "webhooks", processor_endpoints(recorder.url, SECRET))
    names = [
        one["name"] for one in vendors.control("recurly", "GET", "scenarios") if one["name"] not in CROWDS
    ]
    for form in ("json", "xml"):
        endpoint = {"url": f"{recorder.url}/webhooks/recurly", "secret": SECRET, "format": form}
        vendors.control("recurly", "PUT", "webhooks", endpoint)
        for name in names:
            vendors.control("recurly", "POST", f"scenarios/{name}", {"seed": 7, "prefix": f"{form}-"})
        deadline = time.monotonic() + 120
        while any(
            vendors.control(server, "GET", "webhooks")["pending"] for server in ("recurly", "processors")
        ):
            if time.monotonic() > deadline:
                raise TimeoutError("the stories were not delivered in time")
            time.sleep(0.1)
    return sorted(recorder.seen, key=lambda one: (one.source, one.form, one.body))


# ── altering ──────────────────────────────────────────────────────────────────────────────────────────────────

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 10**30, -(10**400), 1e308),
    *(
        "",
        " ",
        "0",
        "-0",
        "1e5",
        "NaN",
        "Infinity",
        "true",
        "null",
        "\x00",
        "a\x00b",
        "\ud800",
        "\ufeff",
        "\u202e",
    ),
    *(
        "x" * 300,
        "x" * 70_000,
        "\U0001f600" * 200,
        "%s%n{0}{{7*7}}${jndi:x}",
        "'; DROP TABLE event; --",
        "<b>&amp;",
    ),
    *(
        "0000-00-00",
        "9999-12-31T23:59:59Z",
        "2026-02-30T10:00:00Z",
        "-271821-04-20T00:00:00Z",
        "1969-12-31",
        "12:00",
    ),
    *(
        "USD",
        "usd",
        "JPY",
        "KWD",
        "XXX",
        "US",
        "EURO",
        "10.005",
        "1,000.00",
        "-5.00",
        "99999999999999999999.99",
    ),
    *(
        "4111111111111111",
        "DE89370400440532013000",
        "=1+1",
        "../../etc/passwd",
        "code-",
        "uuid-",
        "a:account:b",
    ),
    *([], {}, [[]], [{}], {"": None}, [None] * 3, {"id": {"id": []}}, list(range(50))),
)


def nested(depth: int) -> Any:
    found: Any = "deep"
    for _ in range(depth):
        found = [found]
    return found


Place = tuple[Any, Any]
"""A container and the key or index of one of its values."""


def places(value: Any) -> list[Place]:
    found: list[Place] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys: Sequence[Any] = (
            list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        )
        for key in keys:
            found.append((one, key))
            waiting.append(one[key])
    return found


def alter_json(chance: random.Random, value: Any, others: Sequence[Any]) -> None:
    """One alteration in place: another value, another key, a value of another delivery, nothing, too much."""
    spots = places(value)
    if not spots:
        return
    holder, key = chance.choice(spots)
    what = chance.randrange(9)
    if what <= 3:
        holder[key] = copy.deepcopy(chance.choice(VALUES))
    elif what == 4:
        del holder[key]
    elif what == 5:
        taken, at = chance.choice(places(chance.choice(others)) or [({"a": 1}, "a")])
        holder[key] = copy.deepcopy(taken[at])
    elif what == 6:
        holder[key] = [copy.deepcopy(holder[key])] * chance.choice((1, 2, 50))
    elif what == 7 and isinstance(holder, dict):
        holder[chance.choice(("id", "object", "amount", "data", f"{key}", f"{key}_", ""))] = holder.pop(key)
    else:
        holder[key] = nested(chance.choice((3, 60, 150)))


def alter_xml(chance: random.Random, root: ET.Element, others: Sequence[ET.Element]) -> None:
    parents = [one for one in root.iter() if len(one)]
    if not parents:
        return
    parent = chance.choice(parents)
    at = chance.randrange(len(parent))
    child, what = parent[at], chance.randrange(8)
    if what <= 3:
        child.text = _xml_text(chance.choice(VALUES))
    elif what == 4:
        parent.remove(child)
    elif what == 5:
        parent.insert(at, copy.deepcopy(chance.choice(list(chance.choice(others).iter()))))
    elif what == 6:
        child.attrib.update(
            chance.choice(({"nil": "true"}, {"type": "integer"}, {"type": "datetime"}, {"type": "array"}))
        )
    else:
        parent.extend([copy.deepcopy(child) for _ in range(chance.choice((1, 50)))])


def _xml_text(value: Any) -> str:
    """Without what no XML document can hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", str(value))


def alter_bytes(chance: random.Random, body: bytes) -> bytes:
    """What a structure cannot say: cut off, a byte changed, a part twice, a key twice, other encodings."""
    at = chance.randrange(len(body) + 1)
    return chance.choice(
        (
            body[:at],
            body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
            body[:at] + body[: at // 2] + body[at:],
            body.replace(b'"id":', b'"id":null,"id":', 1),
            b"\xef\xbb\xbf" + body,
            body.decode("utf-8", "replace").encode("utf-16"),
            b"[" * 5_000 + body,
        )
    )


def altered(chance: random.Random, one: Delivery, corpus: Corpus) -> bytes:
    steps = chance.randrange(1, 5)
    if one.form == "xml":
        root = copy.deepcopy(corpus.trees[one.body])
        others = corpus.xml[one.source]
        for _ in range(steps):
            alter_xml(chance, root, others)
        body: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    else:
        value = json.loads(one.body)
        _new_identity(chance, one.source, value)
        for _ in range(steps):
            alter_json(chance, value, corpus.json[one.source])
        if one.source == "adyen":
            _sign_adyen_items(value)
        body = json.dumps(value).encode()
    return alter_bytes(chance, body) if chance.random() < 0.06 else body


@dataclass(slots=True)
class Corpus:
    """The recorded deliveries, parsed, by source."""

    deliveries: list[Delivery]
    json: dict[str, list[Any]] = field(default_factory=dict)
    xml: dict[str, list[ET.Element]] = field(default_factory=dict)
    trees: dict[bytes, ET.Element] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.deliveries:
            if one.form == "xml":
                self.trees[one.body] = ET.fromstring(one.body)
                self.xml.setdefault(one.source, []).append(self.trees[one.body])
            else:
                self.json.setdefault(one.source, []).append(json.loads(one.body))


_EVENT_ID = {"stripe": "id", "paypal": "id", "authorizenet": "notificationId"}


def _new_identity(chance: random.Random, source: str, value: Any) -> None:
    """Another event, not the recorded one again. Recurly's id is a header; Adyen's is made of the item's fields."""
    fresh = f"{chance.getrandbits(96):024x}"
    if source in _EVENT_ID:
        value[_EVENT_ID[source]] = fresh
    elif source == "gocardless":
        for event in value["events"]:
            event["id"] = f"EV{chance.getrandbits(64):016x}"
    elif source == "adyen":
        for item in value["notificationItems"]:
            if chance.random() < 0.7:
                item["NotificationRequestItem"]["pspReference"] = fresh[:16].upper()


# ── signing ───────────────────────────────────────────────────────────────────────────────────────────────────


def _sign_adyen_items(value: Any) -> None:
    """Sign what still looks like an item; what does not stays unsigned, as a forger would send it."""
    items = value.get("notificationItems") if isinstance(value, dict) else None
    for item in items if isinstance(items, list) else ():
        notification = item.get("NotificationRequestItem") if isinstance(item, dict) else None
        if not isinstance(notification, dict):
            continue
        amount = notification.get("amount")
        amount = amount if isinstance(amount, dict) else {}
        parts = [
            notification.get(n)
            for n in ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
        ]
        parts += [
            amount.get("value"),
            amount.get("currency"),
            notification.get("eventCode"),
            notification.get("success"),
        ]
        signed = ":".join(
            "" if part is None or isinstance(part, list | dict) else str(part) for part in parts
        ).encode("utf-8", "surrogatepass")
        digest = hmac.new(bytes.fromhex(SECRET), signed, hashlib.sha256).digest()
        data = notification.get("additionalData")
        notification["additionalData"] = {
            **(data if isinstance(data, dict) else {}),
            "hmacSignature": base64.b64encode(digest).decode(),
        }


def _basic(user: str) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()}


def _recurly(body: bytes, form: str, _: str) -> tuple[Headers, bytes]:
    if form == "xml":
        return {"Content-Type": "application/xml", **_basic("recurly")}, body
    signature = notifications.sign(body, (SECRET,), int(time.time() * 1000))
    return {
        "Content-Type": "application/json; charset=utf-8",
        "recurly-notification-id": uuid.uuid4().hex,
        "recurly-signature": signature,
    }, body


def _stripe(body: bytes, *_: str) -> tuple[Headers, bytes]:
    return {"Stripe-Signature": stripe.sign(body, SECRET, int(time.time()))}, body


def _braintree(body: bytes, *_: str) -> tuple[Headers, bytes]:
    payload = base64.encodebytes(body)
    form = {"bt_signature": f"{SITE}|{braintree.sign(payload, SITE)}", "bt_payload": payload.decode()}
    return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode()


def _adyen(body: bytes, *_: str) -> tuple[Headers, bytes]:
    return {"Content-Type": "application/json", **_basic("adyen")}, body


def _paypal(body: bytes, _: str, certificates: str) -> tuple[Headers, bytes]:
    transmission, now = str(uuid.uuid4()), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "Content-Type": "application/json",
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        "PAYPAL-CERT-URL": f"{certificates}{paypal.CERTS}{paypal.cert_name()}",
        "PAYPAL-TRANSMISSION-ID": transmission,
        "PAYPAL-TRANSMISSION-TIME": now,
        "PAYPAL-TRANSMISSION-SIG": paypal.sign(body, transmission, now, PAYPAL_WEBHOOK),
    }, body


def _gocardless(body: bytes, *_: str) -> tuple[Headers, bytes]:
    return {"Content-Type": "application/json", "Webhook-Signature": gocardless.sign(body, SECRET)}, body


def _authorizenet(body: bytes, *_: str) -> tuple[Headers, bytes]:
    return {"Content-Type": "application/json", "X-ANET-Signature": authorizenet.sign(body, SECRET * 2)}, body


SIGN: Mapping[str, Callable[[bytes, str, str], tuple[Headers, bytes]]] = {
    "recurly": _recurly,
    "stripe": _stripe,
    "braintree": _braintree,
    "adyen": _adyen,
    "paypal": _paypal,
    "gocardless": _gocardless,
    "authorizenet": _authorizenet,
}

SETTINGS = {
    "RECURLY_WEBHOOK_SECRETS": SECRET,
    "RECURLY_WEBHOOK_BASIC_AUTH": f"recurly:{SECRET}",
    "STRIPE_WEBHOOK_SECRETS": SECRET,
    "ADYEN_HMAC_KEYS": SECRET,
    "ADYEN_WEBHOOK_BASIC_AUTH": f"adyen:{SECRET}",
    "GOCARDLESS_WEBHOOK_SECRETS": SECRET,
    "AUTHORIZENET_SIGNATURE_KEYS": SECRET * 2,
}


# ── posting and judging ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Client:
    """Posts its share of the deliveries over one connection at a time."""

    port: int
    corpus: Corpus
    certificates: str

    def post(self, seed: int, count: int) -> tuple[Counter[tuple[str, int]], list[str]]:
        """Answers by source and status; examples of those that are a 5xx or no answer at all."""
        chance, answers, bad = random.Random(seed), Counter[tuple[str, int]](), list[str]()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sources = sorted({one.source for one in self.corpus.deliveries})
        by_source = {name: [one for one in self.corpus.deliveries if one.source == name] for name in sources}
        for _ in range(count):
            one = chance.choice(by_source[chance.choice(sources)])
            raw = altered(chance, one, self.corpus)
            headers, body = SIGN[one.source](raw, one.form, self.certificates)
            try:
                status = _post(connection, one.source, body, headers)
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                # a body over the limit is refused while it is still being sent
                status = 413 if len(body) > BODY_LIMIT else 599
                if status == 599:
                    bad.append(f"{one.source}: {error!r}")
            answers[one.source, status] += 1
            if 500 <= status < 599:
                bad.append(f"{one.source} {status}: {raw[:300]!r}")
        connection.close()
        return answers, bad


def _post(connection: http.client.HTTPConnection, source: str, body: bytes, headers: Headers) -> int:
    """The status of the answer. PayPal's first deliveries are answered 503 until the process has their certificate."""
    for _ in range(600):
        connection.request("POST", f"/webhooks/{source}", body, headers)
        answer = connection.getresponse()
        answer.read()
        if (source, answer.status) != ("paypal", 503):
            break
        time.sleep(0.05)
    return answer.status


def run(count: int, seed: int, settle_seconds: float | None) -> int:
    bound = settle_seconds or max(120.0, count / 1000 * SETTLE_SECONDS_PER_1000)
    recorder = Recorder()
    with recorder.running(), tempfile.TemporaryDirectory(prefix="casewire-fuzz-") as directory:
        home = Path(directory)
        changes = {**SETTINGS, "PAYPAL_CERT_HOSTS": urlsplit(recorder.url).netloc}
        with (home / "casewire.log").open("wb") as log, stack(home, changes=changes, log=log) as running:
            corpus = Corpus(record(running, recorder))
            kinds = Counter(one.source for one in corpus.deliveries)
            say(
                f"fuzz: {len(corpus.deliveries)} deliveries recorded: {dict(kinds)}; posting {count:,}, seed {seed}"
            )
            started = time.monotonic()
            client = Client(int(running.url.rsplit(":", 1)[1]), corpus, recorder.url)
            shares = [count // CLIENTS + (n < count % CLIENTS) for n in range(CLIENTS)]
            with ThreadPoolExecutor(CLIENTS) as pool:
                found = list(pool.map(client.post, range(seed * 1000, seed * 1000 + CLIENTS), shares))
            posted = time.monotonic() - started
            settled = _wait_until_quiet(running, bound)
            took = time.monotonic() - started
            report = _report(running)
        crashes = _crashes(home / "casewire.log")
    answers = sum((one for one, _ in found), Counter[tuple[str, int]]())
    bad = [line for _, lines in found for line in lines]
    statuses = Counter[int]()
    for (_, status), number in answers.items():
        statuses[status] += number
    print(f"posted: {count:,} in {posted:.0f} s; answers: {dict(sorted(statuses.items()))}")
    for source in sorted(kinds):
        print(
            f"  {source}: { ({status: n for (name, status), n in sorted(answers.items()) if name == source}) }"
        )
    print(
        f"settled: {'after' if settled else 'NOT within'} {took if settled else bound:.0f} s (bound {bound:.0f} s)"
    )
    print(f"events by status: {report['statuses']}; accounts dead: {report['dead_accounts']}")
    print(f"dead letters by error: {report['dead']}")
    print(f"crashed jobs: {len(crashes)}; died while a worker held them: {report['crashed']}")
    for line in (*bad[:10], *crashes[:10]):
        print(f"  {line[:400]}")
    return 1 if bad or crashes or report["crashed"] or not settled else 0


def _wait_until_quiet(running: Stack, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not running.quiet():
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def _report(running: Stack) -> dict[str, Any]:
    with running.engine.connect() as connection:

        def pairs(sql: str) -> dict[str, int]:
            return {str(name)[:80]: int(number) for name, number in connection.execute(text(sql)).all()}

        return {
            "statuses": pairs("SELECT status, count(*) FROM event GROUP BY status"),
            "dead": pairs(
                "SELECT left(regexp_replace(concat(error, note), '[0-9]+', '#', 'g'), 80), count(*) "
                "FROM event WHERE status = 'dead' GROUP BY 1 ORDER BY 2 DESC LIMIT 12"
            ),
            "dead_accounts": pairs(
                "SELECT error_code, count(*) FROM subject WHERE status = 'dead' GROUP BY 1"
            ),
            "crashed": connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM subject WHERE status = 'dead' AND error_code = 'WORKER_DIED') + "
                    "(SELECT count(*) FROM event WHERE status = 'dead' AND error LIKE '%worker%died%')"
                )
            ).scalar_one(),
        }


def _crashes(log: Path) -> list[str]:
    """Lines of the log that tell of a job that failed for a reason nobody foresaw, or of a traceback."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if "job_failed" in line or "Traceback" in line or "process_ended" in line]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=None, metavar="SECONDS")
    asked = parser.parse_args(argv)
    return run(asked.count, asked.seed, asked.settle)


if __name__ == "__main__":
    sys.exit(main())
