"""What Bulk API 2.0 says of a row or a job → what happens next.

A row: ``CODE:message:fields --``, several one after the other. A job: ``InvalidBatch : message``, with codes of
its own (https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_errors.htm).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from connector.clients.salesforce.errors import LATER, LONG, SOON, RowError, Verdict, classified
from connector.clients.salesforce.row_results import gravest

HOPELESS: Final = frozenset(
    {
        "ClientInputError",
        "FeatureNotEnabled",
        "InvalidBatch",
        "InvalidEntity",
        "InvalidJob",
        "InvalidOperation",
        "InvalidUser",
    }
)
"""What makes every job like this one fail: its columns, its object, its user."""
QUOTA: Final = "ExceededQuota"

_BETWEEN: Final = re.compile(r"(?<=--)\s*(?=[A-Z][A-Z0-9_]+:)")
_ROW: Final = re.compile(r"(?P<code>\w+):(?P<message>.*?)(?::(?P<fields>[\w., ]*?) ?--)?", re.DOTALL)
_JOB: Final = re.compile(r"(?P<code>\w+)\s*:\s*(?P<message>.*)", re.DOTALL)


def of_row(told: str, object_: str) -> RowError:
    """An ``sf__Error``."""
    return gravest([_problem(part) for part in _BETWEEN.split(told)], object_)


def unprocessed(object_: str) -> RowError:
    """A row the job did not come to, or says nothing of."""
    text = f"Salesforce's bulk job ended before {object_} was written. It is retried."
    return RowError(Verdict.RETRY, "UNPROCESSED", "", text, retry_after=SOON)


def of_job(state: str, told: str, object_: str) -> RowError:
    """Why a job ended without being completed. ``told``: its errorMessage."""
    match = _JOB.fullmatch(told)
    code, message = (match["code"], match["message"]) if match else ("", told)
    if code in HOPELESS:
        text = f"Salesforce cannot carry out a bulk job of {object_} ({code}): {message}."
        return RowError(Verdict.DEAD, code, message, text)
    if code == QUOTA:
        text = f"The org's quota of bulk jobs is used up: {message}. Work waits."
        return RowError(Verdict.PAUSE, code, message, text, retry_after=LONG)
    known = classified({"statusCode": code, "message": message}, object_)
    if known.verdict is not Verdict.DEAD:
        return known
    text = (
        f"Salesforce ended a bulk job of {object_} as {state}: {told or 'without a reason'}. It is retried."
    )
    return RowError(Verdict.RETRY, code or state, message, text, retry_after=LATER)


def _problem(part: str) -> Mapping[str, Any]:
    match = _ROW.fullmatch(part.strip())
    if match is None:
        return {"message": part}
    fields = re.split(r"[,\s]+", match["fields"] or "")
    return {"statusCode": match["code"], "message": match["message"], "fields": [f for f in fields if f]}
