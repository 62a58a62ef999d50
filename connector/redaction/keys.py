"""Classifies a value by its name: a secret, a reference, or neither.

Keys are compared word by word, in any spelling: ``hostedLoginToken`` is ``hosted_login_token``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET: Final = re.compile(
    "authorization|cardcode|cardcv[cv]|(?:set)?cookie|cv[cv]code|number|pin(?:number)?|sortcode|track(?:1|2|one|two)?"
)
"""Keys that are secret when they are the whole name."""

_SECRET_PARTS: Final = re.compile(
    "accesskey|accountnumber|apikey|cardnumber|iban|magneticstripe|magstripe|passcode|passphrase|passwd|password|"
    "pinblock|privatekey|routingnumber|secret|securitycode|socialsecurity|token|track(?:1|2|one|two)?data|"
    "verificationvalue"
)
_SECRET_WORDS: Final = frozenset({"cvc", "cvn", "cvv", "csc", "pan", "pwd", "ssn"})
_OUTCOME: Final = re.compile(
    "checks?|failed|match(?:ed)?|present|provided|required|response|results?|status|verified"
)
"""``cvv_result`` is what the bank answered about a CVV, not the CVV."""

_REFERENCE: Final = re.compile(
    "arn|guid|href|ids?|keys?|link|refs?|references?|rrn|uri|url|uuids?|accountcode|"
    "(?:case|confirmation|invoice|order|reference|trace|tracking|transaction)number"
)
"""The last word of a key, or its last two."""


def _words(key: str) -> list[str]:
    """Without what Salesforce adds to the name of a custom field."""
    return [word.lower() for word in _WORDS.findall(key.rpartition(":")[2].removesuffix("__c"))]


@lru_cache(2048)  # the bodies of a vendor have the same few keys again and again
def is_secret(key: str) -> bool:
    """Whether every value of this key is removed."""
    words = _words(key)
    joined = "".join(words)
    if _SECRET.fullmatch(joined) or _SECRET_PARTS.search(joined):
        return True
    is_code = not _SECRET_WORDS.isdisjoint(words) or "cardcode" in joined
    return is_code and not any(_OUTCOME.fullmatch(word) for word in words)


@lru_cache(2048)
def is_reference(key: str) -> bool:
    """Whether the value of this key identifies something at a vendor, so that digits alone are no card number."""
    words = _words(key)
    return any(_REFERENCE.fullmatch("".join(words[-count:])) for count in (1, 2))
