"""The one place where card data, bank data and credentials are taken out of what comes from outside.

| function | for |
|---|---|
| ``redact_body`` | a whole JSON or XML body, before it is stored |
| ``redact_text`` | text that people or vendors wrote: messages, reasons, names, errors |
| ``redact_reference`` | ids and references: digits alone are kept |
| ``redact_value`` | a JSON value by its key: options of a command, fields of a log line |
| ``redact_fields`` | every text of a frozen dataclass, when it is made |
| ``redacted_before`` | values from the ledger's rows, which hold only what was redacted |

``card_numbers.py`` decides what a card number is, ``patterns.py`` adds tracks, IBANs, CVVs and credentials, ``keys.py``
knows the names of secrets and of references, ``escapes.py`` reads what is written with escapes. Why a reference may
look like a card number: ``docs/decisions/0030-redaction.md``.
"""

from __future__ import annotations

from connector.redaction.bodies import redact_body
from connector.redaction.fields import redact_fields, redacted_before
from connector.redaction.text import REMOVED, redact_reference, redact_text, redact_value

__all__ = [
    "REMOVED",
    "redact_body",
    "redact_fields",
    "redact_reference",
    "redact_text",
    "redact_value",
    "redacted_before",
]
