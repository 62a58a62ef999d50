"""What the name of a value says about it: a secret, a reference, or neither.

Keys are compared word by word, whatever their spelling: ``hostedLoginToken`` is ``hosted_login_token``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET: Final = frozenset(
    (
        "authorization cardcode cardcvc cardcvv cookie cvccode cvvcode number pin pinnumber setcookie "
        "sortcode track track1 track2 trackone tracktwo"
    ).split()
)
"""Keys that are secret when they are the whole name."""

_SECRET_WORDS: Final = frozenset({"cvc", "cvn", "cvv", "csc", "pan", "pwd", "ssn"})
_OUTCOMES: Final = frozenset(
    (
        "check checks failed match matched present provided required response result results status verified"
    ).split()
)
"""``cvv_result`` is what the bank answered about a CVV, not the CVV."""

_SECRET_PARTS: Final = re.compile(
    "accesskey|accountnumber|apikey|cardnumber|iban|magneticstripe|magstripe|passcode|passphrase|passwd|"
    "password|pinblock|privatekey|routingnumber|secret|securitycode|socialsecurity|token|track[12]?data|"
    "track(?:one|two)data|verificationvalue"
)

_REFERENCE_WORDS: Final = frozenset(
    ("arn guid href id ids key keys link ref reference references refs rrn uri url uuid uuids").split()
)
_REFERENCE_ENDS: Final = frozenset(
    (
        "accountcode casenumber confirmationnumber invoicenumber ordernumber referencenumber tracenumber "
        "trackingnumber transactionnumber"
    ).split()
)


def _words(key: str) -> list[str]:
    """Without what Salesforce adds to the name of a custom field."""
    return [word.lower() for word in _WORDS.findall(key.rpartition(":")[2].removesuffix("__c"))]


@lru_cache(2048)  # the bodies of a vendor have the same few keys again and again
def is_secret(key: str) -> bool:
    """Whether the value of this key is removed, whatever it is."""
    words = _words(key)
    joined = "".join(words)
    if joined in _SECRET or _SECRET_PARTS.search(joined):
        return True
    is_code = not _SECRET_WORDS.isdisjoint(words) or "cardcode" in joined
    return is_code and _OUTCOMES.isdisjoint(words)


@lru_cache(2048)
def is_reference(key: str) -> bool:
    """Whether the value of this key identifies something at a vendor, so that digits alone are no card number."""
    words = _words(key)
    if not words:
        return False
    return words[-1] in _REFERENCE_WORDS or "".join(words[-2:]) in _REFERENCE_ENDS
