from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import Rejected, SetupError, Unavailable
from connector.models.events import Fate
from connector.webhooks import paypal

from .memory import NOW, SITE, desk
from .paypal_deliveries import (
    CERT_URL,
    SANDBOX_CERT_URL,
    WEBHOOK,
    Host,
    Settings,
    certificate,
    delivery,
    dispute,
    event,
    signed,
    source,
    stamp,
)

BODY = event("CUSTOMER.DISPUTE.CREATED", dispute())


def refusal(headers: dict[str, str], body: bytes = BODY, host: Host | None = None) -> str:
    with pytest.raises(Rejected) as raised:
        source(host=host).read(delivery(body, headers))
    assert raised.value.status == 401
    assert str(raised.value).endswith(".")
    return raised.value.reason


def test_a_signed_delivery_is_accepted() -> None:
    (found,) = source().read(delivery(BODY, signed(BODY)))
    assert found.fate is Fate.HANDLED


def test_every_byte_counts() -> None:
    for place in range(0, len(BODY), 11):
        changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert refusal(signed(BODY), changed) == "bad_signature"


def test_the_same_json_written_otherwise_is_refused() -> None:
    assert refusal(signed(BODY), BODY.replace(b": ", b":")) == "bad_signature"


def test_what_paypal_signed_for_another_app_is_refused() -> None:
    assert refusal(signed(BODY, "8PM94735J23330415")) == "bad_signature"


def test_another_key_is_refused() -> None:
    assert refusal(signed(BODY, signer=1)) == "bad_signature"


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("paypal-transmission-id", "", "missing_signature"),
        ("paypal-transmission-time", "", "missing_signature"),
        ("paypal-transmission-sig", " ", "missing_signature"),
        ("paypal-cert-url", "", "missing_signature"),
        ("paypal-auth-algo", "", "bad_algorithm"),
        ("paypal-auth-algo", "SHA1withRSA", "bad_algorithm"),
        ("paypal-auth-algo", "none", "bad_algorithm"),
        ("paypal-transmission-id", "a|b", "malformed_signature"),
        ("paypal-transmission-id", "é", "malformed_signature"),
        ("paypal-transmission-time", "yesterday", "malformed_signature"),
        ("paypal-transmission-sig", "***", "malformed_signature"),
        ("paypal-transmission-sig", "é", "malformed_signature"),
        ("paypal-transmission-sig", "AAAA", "bad_signature"),
        ("paypal-transmission-id", "47964f20-d72b-11ea-9349-29bf1500b5aa", "bad_signature"),
    ],
)
def test_headers_that_prove_nothing_are_refused(header: str, value: str, reason: str) -> None:
    assert refusal(signed(BODY) | {header: value}) == reason


@pytest.mark.parametrize(
    ("ago", "taken"),
    [
        (timedelta(days=3), True),
        (timedelta(days=3, hours=1), True),
        (timedelta(days=3, hours=1, seconds=1), False),
        (timedelta(minutes=-4), True),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, seconds=-1), False),
        (timedelta(minutes=-6), False),
    ],
)
def test_the_signed_time_may_be_as_old_as_the_last_retry(ago: timedelta, taken: bool) -> None:
    headers = signed(BODY, at=NOW - ago)
    if taken:
        assert source().read(delivery(BODY, headers))
    else:
        host = Host()
        assert refusal(headers, host=host) == "stale"
        assert not host.asked


def test_a_changed_time_is_refused() -> None:
    headers = signed(BODY, at=NOW - timedelta(days=9)) | {"paypal-transmission-time": stamp(NOW)}
    assert refusal(headers) == "bad_signature"


@pytest.mark.parametrize(
    "address",
    [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.example.com/v1/notifications/certs/CERT-1",
        "https://example.com/v1/notifications/certs/CERT-1",
        "https://evilpaypal.com/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@example.com/v1/notifications/certs/CERT-1",
        "https://example.com#@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://user:word@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../oauth2/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?next=x",
        "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs/OTHER-1",
        "https://api.paypal.com/v1/oauth2/token",
        "https://api.paypal.com\\.example.com/v1/notifications/certs/CERT-1",
        "https://127.0.0.1/v1/notifications/certs/CERT-1",
        "http://127.0.0.1:8080/v1/notifications/certs/CERT-1",
        "http://169.254.169.254/v1/notifications/certs/CERT-1",
        "file:///v1/notifications/certs/CERT-1",
        "HTTPS://API.PAYPAL.COM/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1\n",
        "https://аpi.paypal.com/v1/notifications/certs/CERT-1",
        "nonsense",
    ],
)
def test_no_address_but_that_of_a_certificate_of_paypal_is_asked(address: str) -> None:
    host = Host()
    headers = signed(BODY) | {
        "paypal-cert-url": address.rstrip("\n") + ("\nx" if address[-1] == "\n" else "")
    }
    assert refusal(headers, host=host) == "bad_cert_url"
    assert not host.asked


@pytest.mark.parametrize("place", ["api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com"])
def test_paypals_own_hosts_are_asked(place: str) -> None:
    host = Host()
    address = f"https://{place}/v1/notifications/certs/CERT-1"
    source(host=host).read(delivery(BODY, signed(BODY, cert_url=address)))
    assert host.asked == [address]


def test_a_sandbox_on_this_machine_may_stand_in_for_paypal() -> None:
    host = Host(certificate("sandbox.test"))
    address = "http://127.0.0.1:8080/v1/notifications/certs/CERT-1"
    there = source(host=host, cert_hosts=["127.0.0.1:8080"])
    assert there.read(delivery(BODY, signed(BODY, cert_url=address)))
    with pytest.raises(Rejected):
        there.read(delivery(BODY, signed(BODY)))  # PayPal's own hosts are then no longer asked
    assert host.asked == [address]


def test_plain_http_is_for_this_machine_only_whatever_is_allowed() -> None:
    address = "http://proxy.example.com/v1/notifications/certs/CERT-1"
    with pytest.raises(Rejected) as raised:
        source(cert_hosts=["proxy.example.com"]).read(delivery(BODY, signed(BODY, cert_url=address)))
    assert raised.value.reason == "bad_cert_url"


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"", "bad_cert"),
        (b"<html>not a certificate</html>", "bad_cert"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "bad_cert"),
        (certificate("evil.example.com"), "bad_cert"),
        (certificate("evilpaypal.com"), "bad_cert"),
        (certificate("paypal.com.example.com"), "bad_cert"),
        (certificate(elliptic=True), "bad_cert"),
        (certificate(ends=NOW - timedelta(minutes=1)), "expired_cert"),
        (certificate(begins=NOW + timedelta(minutes=1)), "expired_cert"),
    ],
)
def test_a_certificate_that_is_not_paypals_or_not_valid_is_refused(pem: bytes, reason: str) -> None:
    class Empty(Host):
        def __call__(self, address: str) -> bytes:
            self.asked.append(address)
            return pem

    assert refusal(signed(BODY), host=Empty()) == reason


def test_the_name_may_stand_among_the_alternative_ones() -> None:
    host = Host(certificate("Message Verification", also="messageverificationcerts.paypal.com"))
    assert source(host=host).read(delivery(BODY, signed(BODY)))


def test_the_first_of_a_chain_is_the_one_that_signs() -> None:
    assert source(host=Host(certificate() + certificate("DigiCert"))).read(delivery(BODY, signed(BODY)))


def test_a_certificate_host_that_is_out_answers_503_and_paypal_sends_again() -> None:
    host = Host(fault=Unavailable("paypal", "It is out.", retry_after=30))
    at = desk({("paypal", SITE): source(host=host)})
    answer = at.client.post("/webhooks/paypal", data=BODY, headers=signed(BODY))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert not at.inbox.events
    host.fault = None
    assert at.client.post("/webhooks/paypal", data=BODY, headers=signed(BODY)).status_code == 200


def test_in_live_mode_the_simulators_webhook_id_is_refused() -> None:
    with pytest.raises(SetupError, match="WEBHOOK_ID"):
        paypal.configured(Settings((WEBHOOK, "WEBHOOK_ID")))
    assert paypal.configured(Settings(("WEBHOOK_ID",), live=False))


def test_blank_hosts_are_no_hosts() -> None:
    assert source(cert_hosts=["", " "]).read(delivery(BODY, signed(BODY, cert_url=CERT_URL)))
    assert source(cert_hosts=()).read(delivery(BODY, signed(BODY, cert_url=SANDBOX_CERT_URL)))
