"""Authorize.Net: its settings, labels and API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.sources.info import ApiInfo, ProcessorSettings, SourceInfo, listed, optional, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ProcessorSettings):
    signature_keys: tuple[str, ...] = setting(
        "AUTHORIZENET_SIGNATURE_KEYS",
        listed,
        question="signature key, 128 hex digits",
        needed=True,
        secret=True,
        sandbox="{secret}{secret}",
        proof="signature_key",
    )
    api_login_id: str = setting(
        "AUTHORIZENET_API_LOGIN_ID", question="API login id (optional)", sandbox="sandbox"
    )
    transaction_key: str = setting(
        "AUTHORIZENET_TRANSACTION_KEY", question="transaction key (optional)", secret=True, sandbox="sandbox"
    )
    api_url: str | None = setting("AUTHORIZENET_API_URL", optional, sandbox="{api}/xml/v1/request.api")


LABELS: Final[Mapping[str, str]] = {
    "net.authorize.payment.authorization.created": "Payment authorized",
    "net.authorize.payment.authcapture.created": "Payment authorized and captured",
    "net.authorize.payment.capture.created": "Payment captured",
    "net.authorize.payment.priorAuthCapture.created": "Authorized payment captured",
    "net.authorize.payment.void.created": "Payment voided",
    "net.authorize.payment.refund.created": "Refund created",
    "net.authorize.payment.fraud.held": "Payment held for review",
    "net.authorize.payment.fraud.approved": "Payment approved after review",
    "net.authorize.payment.fraud.declined": "Payment declined after review",
}

INFO: Final = SourceInfo(
    name="authorizenet",
    title="Authorize.Net",
    labels=LABELS,
    verified_by="AUTHORIZENET_SIGNATURE_KEYS",
    shown_in="Account > Settings > API Credentials & Keys > New Signature Key",
    settings=Settings,
    api=ApiInfo(
        keys="AUTHORIZENET_API_LOGIN_ID and AUTHORIZENET_TRANSACTION_KEY",
        advice="AUTHORIZENET_API_LOGIN_ID and _TRANSACTION_KEY, with its Transaction Details API enabled",
        unknown_ids=("1",),
    ),
    gateways=("authorizenet",),
)
