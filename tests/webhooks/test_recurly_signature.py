from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import Rejected, SetupError
from connector.settings.recurly import recurly_sites
from connector.webhooks import recurly
from connector.webhooks.recurly import verify

from .memory import NOW
from .recurly_deliveries import UUID, Settings, basic, delivery, fat, signature, signed, source, thin

BODY = thin("payment.failed", uuid=UUID)
TIME = str(int(NOW.timestamp() * 1000))
RIGHT = signature(BODY, "s3cret", TIME)


def outcome(header: str | None, body: bytes = BODY, at: datetime = NOW, tolerance: float = 3600) -> str:
    headers = {} if header is None else {"recurly-signature": header}
    try:
        verify.signature(delivery(body, headers, at), (b"s3cret",), tolerance)
    except Rejected as refusal:
        return f"{refusal.status} {refusal.reason}"
    return "accepted"


def test_the_signature_is_made_as_openssl_makes_it() -> None:
    secret = "0123456789abcdef" * 4  # 64 hex digits, used as text
    body = b'{"id":"r1","object_type":"account","event_type":"created","account_code":"wren"}'
    # printf '%s' "1762171200000.$body" | openssl dgst -sha256 -hmac "$secret"
    known = "2ec6043fb95ada4be0350f12258a15a82f3174058bde62a86f65506457a33b6a"
    sent_at = datetime(2025, 11, 3, 12, tzinfo=UTC)
    given = delivery(body, {"recurly-signature": f"1762171200000,{known}"}, sent_at)
    (event,) = source(secret, tolerance=60).read(given)
    assert event.kind == "account.created"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"{TIME},{RIGHT}", "accepted"),
        (f" {TIME} , {RIGHT.upper()} ", "accepted"),
        (f"{TIME},{'0' * 64},{RIGHT}", "accepted"),
        (f"{TIME},{RIGHT},{'0' * 64}", "accepted"),
        (None, "401 missing_signature"),
        ("", "401 missing_signature"),
        (TIME, "401 malformed_signature"),
        (f"{TIME},", "401 malformed_signature"),
        (f",{RIGHT}", "401 malformed_signature"),
        (f"{RIGHT},{TIME}", "401 malformed_signature"),
        (f"1e300,{RIGHT}", "401 malformed_signature"),
        (f"-1,{RIGHT}", "401 malformed_signature"),
        (f"{'9' * 400},{RIGHT}", "401 malformed_signature"),
        (f"١٢٣,{RIGHT}", "401 malformed_signature"),
        (f"{TIME},{RIGHT[:-1]}é", "401 malformed_signature"),
        (f"{TIME},zz{RIGHT[2:]}", "401 malformed_signature"),
        (f"{TIME},{'0' * 64}", "401 bad_signature"),
        (f"{int(TIME) + 1},{RIGHT}", "401 bad_signature"),
        (f"0,{signature(BODY, 's3cret', '0')}", "401 stale"),
        (f"{'9' * 16},{signature(BODY, 's3cret', '9' * 16)}", "401 stale"),
    ],
)
def test_each_header_is_accepted_or_refused_with_its_reason(header: str | None, expected: str) -> None:
    assert outcome(header) == expected


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, "accepted"),
        (3599, "accepted"),
        (3600, "accepted"),
        (3601, "401 stale"),
        (-299, "accepted"),
        (-300, "accepted"),
        (-301, "401 stale"),
    ],
)
def test_the_signed_time_may_be_in_seconds_or_milliseconds(unit: int, age: int, expected: str) -> None:
    header = signed(BODY, "s3cret", NOW - timedelta(seconds=age), unit)["recurly-signature"]
    assert outcome(header) == expected


def test_a_late_retry_is_taken_by_default() -> None:
    sent = signed(BODY, "s3cret", NOW - timedelta(days=15))
    (event,) = source("s3cret").read(delivery(BODY, sent))
    assert event.kind == "payment.failed"


@pytest.mark.parametrize(
    ("age", "taken"),
    [(timedelta(days=16), True), (timedelta(days=16, seconds=1), False), (timedelta(days=17), False)],
)
def test_a_delivery_is_taken_for_a_day_longer_than_recurly_keeps_it(age: timedelta, taken: bool) -> None:
    """Recurly keeps one for 15 days: what is sent again on the last of them must still be taken."""
    (site,) = recurly_sites({"RECURLY_SITE": "acme", "RECURLY_WEBHOOK_SECRETS": "s3cret"}, ())
    by_default = recurly.configured(site)
    assert by_default
    sent = delivery(BODY, signed(BODY, "s3cret", NOW - age))
    if taken:
        assert by_default.read(sent)
    else:
        with pytest.raises(Rejected, match="not near now"):
            by_default.read(sent)


def test_any_secret_and_any_signature_may_meet() -> None:
    sent = {"recurly-signature": f"{TIME},{'0' * 64},{RIGHT}"}
    assert source("other", "s3cret", "third").read(delivery(BODY, sent))


def test_json_is_refused_where_only_basic_auth_is_configured() -> None:
    with pytest.raises(Rejected) as refusal:
        source(users=["recurly:open-sesame"]).read(delivery(BODY, basic()))
    assert (refusal.value.status, refusal.value.reason) == (401, "json_not_configured")


def test_xml_is_refused_where_only_a_secret_is_configured() -> None:
    body = fat("new_account_notification")
    with pytest.raises(Rejected) as refusal:
        source("s3cret").read(delivery(body, signed(body, "s3cret")))
    assert (refusal.value.status, refusal.value.reason) == (401, "xml_not_configured")


@pytest.mark.parametrize("pair", ["nocolon", ":", "user:", ":password"])
def test_a_user_without_a_password_is_a_fault_of_the_setup(pair: str) -> None:
    with pytest.raises(SetupError, match="user:password"):
        recurly.configured(Settings((), (pair,)))


def test_secrets_do_not_show_when_a_source_is_printed() -> None:
    shown = repr(source("s3cret", users=["recurly:open-sesame"]))
    assert "s3cret" not in shown
    assert "sesame" not in shown


@pytest.mark.parametrize(
    ("headers", "event_id", "strong"),
    [
        ({"recurly-notification-id": "01HZX-7_9.a:b"}, "01HZX-7_9.a:b", True),
        ({"recurly-notification-id": " n1 "}, "n1", True),
        ({"recurly-notification-id": "a b"}, None, False),
        ({"recurly-notification-id": "x" * 129}, None, False),
        ({"recurly-notification-id": "é"}, None, False),
        ({"recurly-notification-id": ""}, None, False),
        ({}, None, False),
    ],
)
def test_a_delivery_is_known_by_its_notification_id_or_its_bytes(
    headers: dict[str, str], event_id: str | None, strong: bool
) -> None:
    found = verify.identity(delivery(BODY, headers))
    assert found.strong is strong
    assert found.event_id == event_id or (event_id is None and found.event_id.startswith("sha256-"))


def test_other_bytes_are_another_event() -> None:
    assert verify.body_identity(BODY) != verify.body_identity(BODY + b" ")
