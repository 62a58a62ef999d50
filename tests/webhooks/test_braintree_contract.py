from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qs, urlencode

from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Delivery, Source

from .braintree_deliveries import FORM, PUBLIC, Settings, dispute, form, pair, signed, xml
from .contract import OLD_SECRET, SECRET, Packed, SourceContract
from .memory import NOW, SITE


class TestBraintree(SourceContract):
    name = "braintree"
    signs_time = False

    def make(self, secrets: Sequence[str]) -> Source | None:
        """The private key is the secret; there is only one, so the first that is not blank."""
        private = next((secret for secret in secrets if secret.strip()), secrets[0])
        return SOURCES["braintree"](Settings(private_key=private))

    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        return Packed(signed(content, secret), FORM)

    def unsigned(self, packed: Packed) -> Packed:
        return Packed(urlencode({"bt_payload": self._fields(packed)["bt_payload"]}).encode(), FORM)

    def tampered(self, packed: Packed) -> Packed:
        fields = self._fields(packed)
        lie = form(xml("dispute_won", dispute("won")))["bt_payload"]
        return Packed(urlencode({**fields, "bt_payload": lie}).encode(), FORM)

    def handled(self) -> bytes:
        return xml("dispute_opened", dispute())

    def unknown(self) -> bytes:
        return xml("transaction_teleported", "<transaction><id>txn1</id></transaction>")

    def test_a_secret_of_one_rotation_ago_is_still_good(self) -> None:
        """Here it is the vendor who keeps both: while two API keys exist, each delivery is signed with both."""
        old, new = ("old_public", OLD_SECRET), (PUBLIC, SECRET)
        payload = form(self.handled())["bt_payload"]
        signatures = "&".join(pair(payload, private, public) for public, private in (old, new))
        body = urlencode({"bt_signature": signatures, "bt_payload": payload}).encode()
        for public, private in (old, new):
            source = SOURCES["braintree"](Settings(public_key=public, private_key=private))
            assert source
            (event,) = source.read(Delivery("braintree", SITE, body, FORM, NOW))
            assert event.kind == "dispute_opened"

    @staticmethod
    def _fields(packed: Packed) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(packed.body.decode()).items()}
