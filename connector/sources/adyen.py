"""Adyen: its settings and labels. Its API is not called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.sources.info import ProcessorSettings, SourceInfo, listed, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ProcessorSettings):
    """``hmac_keys`` in hex, as Adyen shows them; ``webhook_basic_auth`` as ``user:password``."""

    hmac_keys: tuple[str, ...] = setting(
        "ADYEN_HMAC_KEYS",
        listed,
        question="HMAC key, in hex",
        needed=True,
        secret=True,
        sandbox="{secret}",
        proof="hmac_key",
    )
    webhook_basic_auth: tuple[str, ...] = setting(
        "ADYEN_WEBHOOK_BASIC_AUTH",
        listed,
        question="user:password of the webhook",
        generated=True,
        secret=True,
        sandbox="adyen:{secret}",
        proof="basic_auth",
    )


LABELS: Final[Mapping[str, str]] = {
    "REQUEST_FOR_INFORMATION": "Issuer asks about the payment",
    "NOTIFICATION_OF_CHARGEBACK": "Chargeback announced",
    "CHARGEBACK": "Chargeback booked",
    "INFORMATION_SUPPLIED": "Evidence sent for the dispute",
    "CHARGEBACK_REVERSED": "Chargeback reversed (not final)",
    "SECOND_CHARGEBACK": "Second chargeback booked",
    "DISPUTE_DEFENSE_PERIOD_ENDED": "Time to contest the dispute is over",
    "ISSUER_COMMENTS": "Issuer commented on the dispute",
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": "Issuer accepted the defense",
    "PREARBITRATION_OPEN": "Pre-arbitration opened",
    "PREARBITRATION_ACCEPTED": "Pre-arbitration accepted",
    "PREARBITRATION_DECLINED": "Pre-arbitration declined",
    "PREARBITRATION_ISSUER_WITHDRAWN": "Issuer withdrew the pre-arbitration",
    "PREARBITRATION_WON": "Pre-arbitration won",
    "PREARBITRATION_LOST": "Pre-arbitration lost",
    "SCHEME_ARBITRATION": "Dispute taken to arbitration",
    "SCHEME_ARBITRATION_WON": "Arbitration won",
    "SCHEME_ARBITRATION_LOST": "Arbitration lost",
    "NOTIFICATION_OF_FRAUD": "Issuer reported fraud",
    "MANUAL_REVIEW_ACCEPT": "Payment accepted after review",
    "MANUAL_REVIEW_REJECT": "Payment rejected after review",
    "REFUND": "Refund processed or refused",
    "REFUND_FAILED": "Refund failed at the bank",
    "REFUNDED_REVERSED": "Refund came back",
    "REFUND_WITH_DATA": "Refund processed or refused",
    "POSTPONED_REFUND": "Refund postponed until the capture",
    "VOID_PENDING_REFUND": "Refund called off",
    "CANCEL_OR_REFUND": "Payment canceled or refunded",
    "PAYOUT_THIRDPARTY": "Payout sent or refused",
    "PAYOUT_DECLINE": "Payout declined in review",
    "PAYOUT_EXPIRE": "Payout expired before review",
    "PAIDOUT_REVERSED": "Payout returned by the bank",
    "AUTHORISATION": "Payment authorized or refused",
    "CAPTURE": "Payment captured or refused",
    "CAPTURE_FAILED": "Payment returned by the bank",
    "CANCELLATION": "Authorization canceled",
    "TECHNICAL_CANCEL": "Authorization canceled",
    "EXPIRE": "Authorization expired",
    "ACH_NOTIFICATION_OF_CHANGE": "Bank account details changed",
    "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION": "Bank account details changed",
}
"""One code means success or failure: the words must be true of both."""

INFO: Final = SourceInfo(
    name="adyen",
    title="Adyen",
    labels=LABELS,
    verified_by="ADYEN_HMAC_KEYS",
    shown_in="Developers > Webhooks > the webhook > HMAC key",
    settings=Settings,
    gateways=("adyen",),
)
