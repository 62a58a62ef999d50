"""Braintree's signature of a delivery, and its challenge when the address is set up.

A form with two fields: ``bt_payload`` is base64, ``bt_signature`` is ``<public key>|<hex>[&<public key>|<hex>…]``, one
pair for each API key: HMAC-SHA1 over the base64 text, keyed by the SHA1 of the private key. No time is signed: a
replay is a duplicate. https://developer.paypal.com/braintree/docs/guides/webhooks/parse (2026-11)

The digest and the challenge are the official library's. Its ``parse`` is not used: it raises UnicodeEncodeError for
text that is not ASCII, and reads the XML with a parser that expands entities (braintree 4.48).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from braintree.util.crypto import Crypto

from connector.errors import Rejected
from connector.webhooks.signatures import any_match
from connector.webhooks.source import Delivery

_CHALLENGE: Final = re.compile(r"[0-9a-f]{20,32}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\r\n]*")
_MOST_FIELDS: Final = 20
_LONGEST_SIGNATURE: Final = 16_384
"""Space for two hundred API keys. Limits the cost of a request with very many separators."""
_DO: Final = (
    "Compare the API keys in Braintree's Control Panel with BRAINTREE_PUBLIC_KEY and BRAINTREE_PRIVATE_KEY."
)


class Keys(NamedTuple):
    """One API key. Both halves are ASCII."""

    public: str
    private: str


def payload(delivery: Delivery, keys: Keys) -> bytes:
    """The XML of the delivery, decoded from base64. Refuses (401) a delivery that these keys did not sign."""
    form = _form(delivery.body)
    signed, given = _field(form, "bt_payload"), _field(form, "bt_signature")
    _require_undamaged(signed)
    signature = _of_key(given, keys.public)
    # Some senders drop the last line break of the base64 text, which was signed with it.
    expected = [_digest(keys.private, signed + ending) for ending in ("", "\n")]
    if not any_match(expected, (signature.encode(),)):
        raise Rejected(401, "bad_signature", f"BRAINTREE_PRIVATE_KEY does not give this signature. {_DO}")
    return _decoded(signed)


def proof(challenge: str, keys: Keys) -> str:
    """The answer to ``bt_challenge``: ``<public key>|<hex>``. Refuses (400) anything but 20 to 32 hex digits,
    so that nobody can get longer texts signed."""
    if not _CHALLENGE.fullmatch(challenge):
        raise Rejected(400, "malformed_challenge", "bt_challenge must be 20 to 32 lower-case hex digits.")
    return f"{keys.public}|{_digest(keys.private, challenge).decode()}"


def _form(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:  # not ASCII, escapes that are not UTF-8, too many fields
        raise Rejected(
            401, "malformed_form", "Braintree sends a form of bt_signature and bt_payload."
        ) from None


def _field(form: dict[str, list[str]], name: str) -> str:
    if len(form.get(name, ())) != 1:
        raise Rejected(401, "missing_signature", f"The form must have one {name}. {_DO}")
    return form[name][0]


def _require_undamaged(signed: str) -> None:
    """Refuse a body with blanks: a proxy decoded ``+`` in the form once too often, so no key can match."""
    if " " in signed:
        raise Rejected(
            401,
            "damaged_payload",
            "bt_payload has blanks where + was: something between Braintree and here decoded the form already. "
            "Pass the body on as it came.",
        )
    if _CHALLENGE.fullmatch(signed):  # `proof` signs such text for anybody
        raise Rejected(401, "challenge_replayed", "bt_payload is a challenge, not a notification.")
    if not _BASE64.fullmatch(signed):
        raise Rejected(401, "malformed_payload", "bt_payload must be base64. Pass the body on as it came.")


def _of_key(given: str, public: str) -> str:
    """The signature by our key; Braintree signs with every key of the account."""
    if len(given) > _LONGEST_SIGNATURE:
        raise Rejected(401, "malformed_signature", "bt_signature is too long. Pass the body on as it came.")
    for pair in given.split("&"):
        key, _, signature = pair.partition("|")
        if key == public and signature:
            return signature
    raise Rejected(401, "unknown_key", f"bt_signature holds no pair for BRAINTREE_PUBLIC_KEY. {_DO}")


def _digest(private: str, text: str) -> bytes:
    return str(Crypto.sha1_hmac_hash(private, text)).encode()


def _decoded(signed: str) -> bytes:
    try:
        return base64.b64decode(signed)
    except binascii.Error:  # signed, so authentic: a person has to read it
        return signed.encode()
