"""Why a payment was declined, in plain words, and what to do about it.

Two vocabularies meet in ``Payment.code``: Recurly's transaction error codes and its shorter list of decline
codes. Both were read on 2026-11-22, the sentences are ours:

- transaction errors with their categories: https://docs.recurly.com/recurly-subscriptions/docs/api-transaction-errors
- the ``TransactionErrorCode`` and ``DeclineCode`` enums of the v2021-02-25 API, as its official clients list them:
  https://recurly.com/developers/api/v2021-02-25/
- which declines Recurly itself retries: https://docs.recurly.com/docs/retry-logic
- what banks mean by them (ISO 8583 response codes 04/05/14/41/43/51/54/57/61/62/65/91) and by ACH returns (R01
  insufficient funds, R02 account closed, R03/R04 no such account, R10 not authorised): Nacha operating rules.

Categories: ``soft`` may work later, ``hard`` never will with this method, ``expired`` and ``fraud`` are hard with a
known cause, ``authentication`` waits for the customer, ``bank_debit`` came back from a bank account, ``gateway`` is
the merchant's or the gateway's own trouble, ``unknown`` is everything not listed.
"""

# ruff: noqa: S106 - the words are reason codes; some happen to speak of tokens

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connector.models.facts import Payment


@dataclass(frozen=True, slots=True)
class Decline:
    """``reason`` and ``action`` are sentences for a billing specialist."""

    category: str
    reason: str
    action: str


FINAL: Final = frozenset({"hard", "fraud", "expired"})
"""Categories that a retry with the same payment method cannot fix."""

CATEGORIES: Final = FINAL | {"soft", "authentication", "bank_debit", "gateway", "unknown"}

_RETRY = "Nothing to do yet: Recurly retries by itself. Ask for another payment method if it fails again."
_BANK = "Ask the customer to call their bank and approve the charge, or to use another payment method."
_FUNDS = "Agree a date with the customer, or ask for another payment method; Recurly retries by itself."
_NEW = "Ask the customer for another payment method; retrying this one cannot work."
_FIX = "Ask the customer to check and re-enter the payment details."
_EXPIRED = "Ask the customer for the card's new expiry date, or for another card."
_FRAUD = "Do not retry. Have fraud review look at the account before anything else is charged."
_CHECK = "Ask the customer to correct the address or security code; if it repeats, have fraud review look."
_AUTH = "Ask the customer to pay the invoice on its hosted page and complete their bank's authentication."
_GATEWAY = (
    "Not the customer's fault: check the gateway's status and settings, then collect the invoice again."
)
_SUPPORT = "Not the customer's fault: report it to the payment operations team with the gateway's message."
_DEBIT = "Confirm the bank details and the balance with the customer, then collect again or ask for a card."
_MANDATE = (
    "Ask the customer to set up the debit or billing agreement again, or to use another payment method."
)
_REFUND = "Check the original payment at the gateway and refund it there or by other means."
_GENERIC = "Read the gateway's message; ask the customer to call their bank or to use another payment method."


def _rows(category: str, action: str, **reasons: str) -> dict[str, Decline]:
    return {code: Decline(category, reason, action) for code, reason in reasons.items()}


_CODES: Final[dict[str, Decline]] = {
    **_rows(
        "soft",
        _BANK,
        declined="The bank declined the card without saying why.",
        declined_saveable="The bank declined the card without saying why.",
        generic_decline="The bank declined the card without saying why.",
        do_not_honor="The bank refuses this charge (do not honor).",
        temporary_hold="The bank has put a hold on the card (do not honor).",
        call_issuer="The bank wants to speak with its customer first.",
        call_issuer_update_cardholder_data="The bank wants its customer's details updated first.",
        update_cardholder_data="The bank wants its customer's details updated first.",
        policy_decline="The bank's own rules forbid this charge.",
        invalid_payment_method="The gateway refused this payment method.",
        security_decline="The bank stopped the charge for security reasons.",
        roku_zip_code_mismatch="The billing address does not match the one Roku has.",
    ),
    **_rows(
        "soft",
        _FUNDS,
        insufficient_funds="There is not enough money in the account.",
        partial_approval="Only a part of the amount is available, as with a gift card.",
        exceeds_daily_limit="The charge is over the card's daily limit.",
        exceeds_max_amount="The charge is over the most this card may pay at once.",
    ),
    **_rows(
        "soft",
        _RETRY,
        try_again="The bank asks to try again later.",
        issuer_unavailable="The customer's bank could not be reached.",
        too_many_attempts="The card was tried too often in a short time.",
        simultaneous="Another charge of this account was under way at the same moment.",
        duplicate_transaction="The gateway took the charge for a duplicate of a recent one.",
        paypal_primary_declined="PayPal's first funding source was declined; the next attempt uses the second.",
        paypal_declined_use_alternate="PayPal's funding source was declined; the next attempt uses another.",
        billing_agreement_replaced="The billing agreement was replaced by a newer one.",
        cancelled="The customer cancelled the payment.",
        transaction_cannot_be_refunded_currently="The payment cannot be refunded yet.",
    ),
    **_rows(
        "soft",
        _FIX,
        declined_security_code="The security code or expiry date does not match.",
        incorrect_security_code="The security code does not match.",
        incorrect_address="The billing address does not match the bank's.",
        amazon_declined_review="Amazon's review of the payment timed out.",
    ),
    **_rows(
        "hard",
        _NEW,
        account_closed="The customer's account at the bank is closed.",
        do_not_try_again="The bank forbids trying this card again.",
        lifecycle_decline="The card is no longer in use (replaced or closed).",
        card_not_supported="The card does not support this kind of payment.",
        card_blocked="The cardholder has blocked charges from this merchant.",
        cardholder_requested_stop="The cardholder told the bank to stop recurring payments to us.",
        customer_canceled_transaction="The cardholder stopped this payment before it settled.",
        restricted_card="The card is restricted and cannot be used here.",
        restricted_card_chargeback="The card is restricted because of a chargeback.",
        invalid_transaction="The card may not make this kind of payment.",
        invalid_merchant_type="The card may not buy from this kind of merchant.",
        card_type_not_accepted="The merchant account does not take this type of card.",
        payment_not_accepted="The merchant account does not take this type of payment.",
        direct_debit_type_not_accepted="The merchant account does not take this direct debit and currency.",
        invalid_payment_method_hard="The gateway refused this payment method for good.",
        roku_invalid_payment_method="The payment method stored with Roku is no longer valid.",
        paypal_hard_decline="PayPal could not charge the customer's funding source.",
        paypal_account_issue="PayPal reports a problem with the customer's PayPal account.",
        paypal_cannot_pay_self="The PayPal account is the merchant's own.",
    ),
    **_rows(
        "hard",
        _FIX,
        invalid_card_number="The card number is not valid.",
        declined_card_number="The card number is not valid.",
        roku_invalid_card_number="The card number is not valid.",
        invalid_number="The card number is not valid.",
        invalid_issuer="The card number belongs to no bank.",
        invalid_account_number="The account number is not valid.",
        invalid_data="The gateway found the payment details invalid.",
        declined_missing_data="The gateway needs details that are missing.",
        declined_exception="The gateway could not read the payment details.",
        gateway_validation_exception="The details did not pass the gateway's own checks.",
        invalid_name="The gateway needs a first and last name.",
        invalid_email="The gateway needs a valid e-mail address.",
        no_billing_information="No payment method is on file.",
        gateway_token_not_found="The gateway no longer has the stored payment details.",
        rjs_token_expired="The entered payment details expired before they were used.",
        transaction_failed_to_settle="The payment was approved but never settled.",
    ),
    **_rows("hard", _BANK, card_not_activated="The card is new and has not been activated."),
    **_rows(
        "hard",
        _MANDATE,
        recurring_mandate_cancelled="The customer cancelled the mandate for recurring payments.",
        paypal_invalid_billing_agreement="The PayPal billing agreement is no longer valid.",
        paypal_expired_reference_id="The PayPal reference is too old to charge again.",
        billing_agreement_not_accepted="The customer did not accept the billing agreement.",
        billing_agreement_already_accepted="The billing agreement had already been accepted.",
        billing_agreement_not_found="The billing agreement no longer exists.",
        invalid_billing_agreement_status="The billing agreement is no longer valid.",
        roku_invalid_cib="The Roku billing agreement is no longer valid.",
        contract_not_found="The payment agreement has not been completed yet.",
        amazon_not_authorized="The Amazon billing agreement is not authorised.",
    ),
    **_rows(
        "hard",
        _REFUND,
        deposit_referenced_chargeback="A chargeback already took this payment back; it cannot be refunded too.",
        cannot_refund_unsettled_transactions="The payment has not settled; void it instead of refunding.",
        transaction_cannot_be_refunded="The gateway does not allow this payment to be refunded.",
        transaction_cannot_be_voided="The payment can no longer be voided.",
        transaction_already_refunded="The payment has already been refunded.",
        transaction_already_voided="The payment has already been voided.",
        transaction_settled="The payment has settled; refund it instead of voiding.",
        transaction_not_found="The gateway does not know the original payment.",
        partial_credits_not_supported="The gateway refunds payments only in full.",
        total_credit_exceeds_capture="The refund is larger than what is left of the payment.",
        payment_cannot_void_authorization="The gateway could not void the authorisation.",
    ),
    **_rows(
        "expired",
        _EXPIRED,
        expired_card="The card has expired, or the expiry date on file is wrong.",
        declined_expiration_date="The expiry date is wrong or has passed.",
    ),
    **_rows(
        "fraud",
        _FRAUD,
        fraud_stolen_card="The card is reported lost or stolen.",
        stolen_card="The card is reported stolen.",
        lost_card="The card is reported lost.",
        pickup_card="The bank wants the card taken in.",
        fraudulent="The bank or gateway considers the charge fraudulent.",
        fraud_generic="The gateway flagged the charge as possible fraud.",
        fraud_gateway="The gateway's fraud filters stopped the charge.",
        fraud_ip_address="The charge came from an internet address known for fraud.",
        fraud_velocity="Too many charges came from one place at once.",
        fraud_too_many_attempts="The card failed too often in a row.",
        fraud_advanced_verification="The charge failed the gateway's advanced verification.",
        fraud_risk_check="Recurly's fraud settings declined the charge.",
        fraud_manual_decision="A fraud reviewer declined the charge.",
    ),
    **_rows(
        "fraud",
        _CHECK,
        fraud_address="The billing address does not match the bank's.",
        fraud_address_recurly="The billing address does not match the bank's.",
        fraud_security_code="The security code does not match.",
    ),
    **_rows(
        "authentication",
        _AUTH,
        three_d_secure_authentication="The bank wants the customer to authenticate (3-D Secure).",
        three_d_secure_action_required="The bank wants the customer to authenticate (3-D Secure).",
        requires_3d_secure="The bank wants the customer to authenticate (3-D Secure).",
        payer_authentication_rejected="The customer did not complete the authentication.",
        three_d_secure_connection_error="The authentication could not be completed.",
        three_d_secure_action_result_token_mismatch="The authentication does not belong to this payment.",
    ),
    **_rows(
        "bank_debit",
        _DEBIT,
        ach_return="The bank returned the debit (often not enough money, or a wrong account).",
        ach_credit_return="The bank returned the credit.",
        ach_exception="The bank debit could not be processed.",
        ach_validation_exception="The bank account details did not pass validation.",
        ach_cancel="The bank debit was cancelled on our side.",
    ),
    **_rows("bank_debit", _MANDATE, ach_chargeback="The customer told the bank to take the debit back."),
    **_rows(
        "gateway",
        _GATEWAY,
        gateway_unavailable="The payment gateway could not be reached.",
        gateway_timeout="The payment gateway did not answer in time; the charge may still have gone through.",
        gateway_error="The payment gateway had an error.",
        gateway_rate_limited="The payment gateway is limiting our requests.",
        processor_unavailable="The payment processor could not be reached.",
        processor_not_available="The payment processor could not be reached.",
        too_busy="The payment gateway was too busy.",
        transaction_stale_at_gateway="The charge got stuck on its way to the gateway.",
        batch_processing_error="The charge could not be prepared for the gateway.",
        authorization_expired="The authorisation expired before it was collected.",
        authorization_already_captured="The authorisation had already been collected.",
        authorization_amount_depleted="Nothing is left of the authorised amount.",
        transaction_cannot_be_authorized="The gateway does not support authorisations.",
        moneybot_unavailable="Recurly's gateway service was unavailable.",
        finbot_unavailable="Recurly's gateway service was unavailable.",
        transaction_service_v2_unavailable="Recurly's gateway service was unavailable.",
        vaultly_service_unavailable="Recurly's card vault was unavailable.",
        recurly_failed_to_get_token="Recurly could not start the charge.",
    ),
    **_rows(
        "gateway",
        _SUPPORT,
        moneybot_disconnect="Recurly lost the connection to the gateway.",
        finbot_disconnect="Recurly lost the connection to the gateway.",
        transaction_service_v2_disconnect="Recurly lost the connection to the gateway.",
        recurly_error="Recurly had an error.",
        recurly_token_not_found="Recurly could not find the stored payment details.",
        recurly_token_mismatch="Recurly's stored payment details do not match.",
        recurly_credentials_not_found="Recurly could not find the gateway's credentials.",
        api_error="The gateway answered in a way Recurly does not know.",
        unmapped_partner_error="The gateway gave a reason Recurly does not know.",
        contact_gateway="The gateway asks to be contacted.",
        invalid_gateway_configuration="The gateway is not set up correctly.",
        invalid_gateway_access_token="Recurly's access to the gateway is no longer valid.",
        gateway_account_setup_incomplete="The gateway account needs more set-up.",
        invalid_login="Recurly's login at the gateway is refused.",
        ssl_error="Recurly's certificate for the gateway is wrong.",
        no_gateway="No gateway is set up for this payment.",
        no_gateway_found_for_transaction_amount="No gateway is allowed to take this amount.",
        merch_max_transaction_limit_exceeded="The merchant account's own limit is used up.",
        reference_transactions_not_enabled="Reference transactions are not enabled at PayPal.",
        cvv_required="The gateway wants a security code, which recurring charges do not have.",
        currency_not_supported="The gateway does not take this currency.",
        invalid_amount="The amount is below the gateway's minimum or otherwise not allowed.",
        zero_dollar_auth_not_supported="The gateway does not support zero amount checks.",
        ach_transactions_not_supported="Bank debits are not enabled at the gateway.",
        three_d_secure_not_supported="3-D Secure is not enabled at the gateway.",
        three_d_secure_credential_error="The gateway's 3-D Secure credentials are wrong.",
        amazon_invalid_authorization_status="Amazon's authorisation cannot be collected in its state.",
        amazon_invalid_close_attempt="Amazon could not close the payment in its state.",
        amazon_invalid_order_status="Amazon's order is in a state that does not allow this.",
        amazon_invalid_create_order_reference="Amazon's order reference cannot be used.",
        amazon_order_not_modifiable="Amazon's order can no longer be changed.",
        amazon_amount_exceeded="The amount is more than Amazon has authorised.",
        amazon_transaction_count_exceeded="Amazon allows no further attempt on this order.",
    ),
}

_APPROVED = frozenset({"approved", "approved_fraud_review"})


def explain(code: str | None) -> Decline:
    """Explanation of a decline code; an unknown code is named and gets general advice."""
    known = _CODES.get((code or "").strip().lower())
    if known is not None:
        return known
    told = f" ({code})" if code and code.strip() else ""
    return Decline("unknown", f"The payment was declined{told}.", _GENERIC)


def codes(category: str) -> tuple[str, ...]:
    """The listed codes of one category."""
    return tuple(code for code, decline in _CODES.items() if decline.category == category)


def of(payment: Payment) -> Decline | None:
    """Why this payment failed, or None if it did not."""
    if payment.status not in ("declined", "error"):
        return None
    return explain(None if payment.code in _APPROVED else payment.code)
