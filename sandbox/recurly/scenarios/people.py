"""Who plays: customers, plans, gateways, payment methods, and the ways in which payments fail.

Cards are a brand and the last four digits of the networks' published test numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.recurly.objects import Address, Decline, Gateway, PaymentMethod, Plan


@dataclass(frozen=True, slots=True)
class Persona:
    """A customer of the merchant. ``slug`` begins its account code and names its e-mail domain."""

    slug: str
    company: str
    first_name: str
    last_name: str
    address: Address
    vat_number: str | None = None
    locale: str = "en-US"


def _at(street: str, city: str, postal_code: str, country: str, region: str | None = None) -> Address:
    return Address(street1=street, city=city, postal_code=postal_code, country=country, region=region)


PERSONAS: Final = (
    Persona(
        "harborlight", "Harborlight Press", "Maya", "Okafor", _at("12 Pier Rd", "Portland", "04101", "US")
    ),
    Persona(
        "nordwind",
        "Nordwind Verlag GmbH",
        "Jonas",
        "Weber",
        _at("Speicherstr. 8", "Hamburg", "20457", "DE"),
        "DE000000000",
        "de-DE",
    ),
    Persona(
        "atelier-brume",
        "Atelier Brume SARL",
        "Élodie",
        "Garnier",
        _at("4 rue des Lilas", "Nantes", "44000", "FR"),
        "FR00000000000",
        "fr-FR",
    ),
    Persona(
        "kettle-moon", "Kettle & Moon Ltd", "Imogen", "Hart", _at("31 Mill Ln", "Leeds", "LS1 4AP", "GB")
    ),
    Persona(
        "sakura-koubou",
        "さくら工房",
        "陽子",
        "佐藤",
        _at("神宮前 1-2-3", "東京都渋谷区", "150-0001", "JP"),
        None,
        "ja-JP",
    ),
    Persona(
        "gulf-pearl", "Gulf Pearl Media", "Noor", "Al-Sabah", _at("Block 7", "Kuwait City", "13001", "KW")
    ),
    Persona(
        "copperleaf", "Copperleaf Studio", "Liam", "Tremblay", _at("9 King St", "Toronto", "M5H 1A1", "CA")
    ),
    Persona(
        "red-gum", "Red Gum Publishing", "Ruby", "Nguyen", _at("77 Bay St", "Sydney", "2000", "AU", "NSW")
    ),
    Persona("tussock", "Tussock & Co", "Aroha", "Ngata", _at("5 Hill Rd", "Dunedin", "9016", "NZ")),
    Persona("alpenglow", "Alpenglow AG", "Reto", "Keller", _at("Seefeldstr. 1", "Zürich", "8008", "CH")),
    Persona("quiet-fox", "Quiet Fox Books", "Sam", "O'Brien", _at("3 Quay", "Cork", "T12 W8KP", "IE")),
    Persona(
        "blue-heron", 'Blue Heron "Live" LLC', "Ana", "Reyes", _at("88 Elm St", "Austin", "78701", "US", "TX")
    ),
)

STRIPE: Final = Gateway(id="qstripe0gw01", type="stripe", name="Stripe")
ADYEN: Final = Gateway(id="qadyen00gw02", type="adyen", name="Adyen")
BRAINTREE: Final = Gateway(id="qbraintrgw03", type="braintree_v_zero", name="Braintree")
GOCARDLESS: Final = Gateway(id="qgocardlgw04", type="gocardless", name="GoCardless")
AUTHORIZE_NET: Final = Gateway(id="qauthnetgw05", type="authorize_net", name="Authorize.Net")
CHECK_COMMERCE: Final = Gateway(id="qchkcommgw06", type="check_commerce", name="CheckCommerce")

PAYPAL_BUSINESS: Final = Gateway(id="qpaypalbgw07", type="paypal_business", name="PayPal Business")
WORLDPAY: Final = Gateway(id="qworldpygw08", type="worldpay", name="Worldpay")
"""Only the story of the outage goes through it: what fails there is that story's alone."""

REFERENCES: Final = {
    "stripe": ("ch_", 24, "lower"),
    "adyen": ("", 16, "upper"),
    "braintree_v_zero": ("", 8, "lower"),
    "gocardless": ("PM", 12, "upper"),
    "paypal_business": ("", 17, "upper"),
    "authorize_net": ("", 11, "digits"),
}
"""By gateway type: how the references of its payments begin, how long they go on, and in what letters."""

REFUND_PREFIXES: Final = {"ch_": "re_", "PM": "RF"}
"""How the references of refunds begin, where those of payments begin otherwise."""

PROCESSORS: Final = {
    "stripe": "stripe",
    "adyen": "adyen",
    "braintree_v_zero": "braintree",
    "gocardless": "gocardless",
    "paypal_business": "paypal",
    "authorize_net": "authorizenet",
}
"""The processor behind a gateway type, where this sandbox has it."""

WRITER: Final = Plan(id="qplanwriter1", code="writer-monthly", name="Writer (monthly)")
STUDIO: Final = Plan(id="qplanstudio2", code="studio-monthly", name="Studio (monthly)")
STUDIO_YEAR: Final = Plan(id="qplanstudio3", code="studio-annual", name="Studio (annual)")
PUBLISHER: Final = Plan(id="qplanpublis4", code="publisher-monthly", name="Publisher (monthly)")


def card(brand: str, last_four: str, funding: str = "credit") -> PaymentMethod:
    """A card that has years to go; the scene sets its expiry."""
    return PaymentMethod(object="credit_card", card_type=brand, last_four=last_four, funding_source=funding)


VISA: Final = card("Visa", "4242")
VISA_DEBIT: Final = card("Visa", "5556", "debit")
MASTERCARD: Final = card("MasterCard", "4444")
AMEX: Final = card("American Express", "0005")
DISCOVER: Final = card("Discover", "1117")
JCB: Final = card("JCB", "0505")
SEPA: Final = PaymentMethod(object="iban_bank_account", last_four="3000", name_on_account="On file")
ACH: Final = PaymentMethod(
    object="bank_account_info", account_type="checking", last_four="6789", bank="Sandbox Bank"
)
PAYPAL: Final = PaymentMethod(object="paypal_billing_agreement", billing_agreement_id="B-SANDBOX00000000")

_TRY_ANOTHER: Final = "The transaction was declined. Please use a different card or contact your bank."
INSUFFICIENT_FUNDS: Final = Decline(
    code="insufficient_funds",
    message="The card has insufficient funds to cover the cost of the transaction.",
    customer_message="The transaction was declined due to insufficient funds in your account.",
    gateway_code="insufficient_funds",
    gateway_message="Your card has insufficient funds.",
)
STOLEN_CARD: Final = Decline(
    code="fraud_stolen_card",
    message="The card has been designated as lost or stolen; contact the issuing bank.",
    customer_message=_TRY_ANOTHER,
    gateway_code="2012",
    gateway_message="Processor Declined - Possible Lost Card",
)
CALL_ISSUER: Final = Decline(
    code="call_issuer",
    message="The customer must contact the issuing bank.",
    customer_message="The transaction was declined. Please contact your bank.",
    gateway_code="4",
    gateway_message="This transaction has been declined. Pick up card.",
)
EXPIRED_CARD: Final = Decline(
    code="expired_card",
    message="The credit card has expired.",
    customer_message="Your credit card is expired, please update your card.",
    gateway_code="6",
    gateway_message="Expired Card",
)
INVALID_CARD: Final = Decline(
    code="invalid_card_number",
    message="The card number is not valid.",
    customer_message="Your card number is not valid. Please update your card number.",
    gateway_code="2005",
    gateway_message="Invalid Credit Card Number",
)
REFUSED: Final = Decline(
    code="declined",
    message="The gateway declined the transaction without saying why.",
    customer_message=_TRY_ANOTHER,
    gateway_code="2",
    gateway_message="Refused",
)
ACH_RETURN_R01: Final = Decline(
    code="ach_return",
    message="The bank returned the debit: insufficient funds.",
    customer_message="Your bank returned the payment. Please contact your bank or use another method.",
    gateway_code="R01",
    gateway_message="Insufficient Funds",
)
ACH_RETURN_R29: Final = Decline(
    code="ach_return",
    message="The bank returned the debit: the corporate customer says it was not authorised.",
    customer_message="Your bank returned the payment. Please contact your bank or use another method.",
    gateway_code="R29",
    gateway_message="Corporate Customer Advises Not Authorized",
)
GATEWAY_DOWN: Final = Decline(
    code="gateway_unavailable",
    message="The payment gateway could not be reached.",
    customer_message="The transaction could not be processed. Please try again later.",
    gateway_code="503",
    gateway_message="Service unavailable",
)
REFUND_REFUSED: Final = Decline(
    code="declined",
    message="The refund was refused by the issuer: the account is closed.",
    customer_message="The refund could not be completed.",
    gateway_code="REFUND_FAILED",
    gateway_message="Refund failed: account closed",
)
