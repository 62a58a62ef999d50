"""What issuers and processors warn of before a dispute: TC40 and SAFE reports, early fraud warnings, reviews.

- https://docs.stripe.com/api/radar/early_fraud_warnings/object#early_fraud_warning_object-fraud_type
- https://docs.adyen.com/risk-management/understanding-disputes/notification-of-fraud
"""

from __future__ import annotations

from typing import Final

from connector.mappers.reasons.reason import Table, rows

ACT: Final = (
    "Unless the payment is good beyond doubt, refund it before a dispute opens, and stop further charges."
)
REVIEW: Final = "Look at the payment with fraud review: release it if it is good, else refund or void it."

WORDS: Final[Table] = {
    **rows(
        "fraud",
        ACT,
        {
            "card_never_received": "The issuer reports that the card never reached its holder.",
            "fraudulent_card_application": "The issuer reports that the card was obtained by a false application.",
            "made_with_counterfeit_card": "The issuer reports that a copy of the card was used.",
            "made_with_lost_card": "The issuer reports that a lost card was used.",
            "made_with_stolen_card": "The issuer reports that a stolen card was used.",
            "misc": "The issuer reports fraud of a kind it does not name.",
            "unauthorized_use_of_card": "The issuer reports that the card was used without its holder's consent.",
            "account_takeover": "The issuer reports that somebody else took the account over.",
            "lost": "The issuer reports that a lost card was used.",
            "stolen": "The issuer reports that a stolen card was used.",
            "counterfeit": "The issuer reports that a copy of the card was used.",
        },
    ),
    **rows(
        "fraud",
        REVIEW,
        {
            "rule": "A rule of the processor's fraud filter holds the payment for review.",
            "amountfilter": "The processor's amount filter holds the payment for review.",
            "manual": "Somebody marked the payment for review.",
            "refunded_as_fraud": "The payment was refunded as fraud.",
            "refunded": "The payment was refunded during the review.",
            "disputed": "The payment was disputed during the review.",
            "approved": "The review approved the payment.",
        },
    ),
}
