"""Error text of Salesforce for a refused component → advice for a person.

The Metadata API reports reasons only as text; an unknown text gets general advice.
"""

from __future__ import annotations

import re
from typing import Final

_COPY: Final = "in a copy of the folder, and deploy it with --folder"

_ADVICE: Final = (
    (
        r"could not (find|resolve).*(field|column|relationship)|invalid (field|column) name",
        "The login that deploys must see the new fields: assign it Casewire_Agent, then deploy again.",
    ),
    (
        r"picklist value: .* not found|status.*not found|value .* not found in (the )?picklist",
        f"Your org calls this value otherwise: write yours {_COPY}; policy.toml likewise.",
    ),
    (
        r"maximum (number|external)|reached the (maximum|limit)|limit.*exceeded|exceeds.*limit",
        f"The org is at a limit of its edition: free a place (Setup › System Overview), or leave this out {_COPY}.",
    ),
    (
        r"(cannot|can't|can not) (change|update|convert).*(type|to)|existing.*different.*type|change the type",
        "The org has something of this name and another kind: rename or delete it in Setup, then deploy again.",
    ),
    (
        r"no \w+ named|entity .* cannot be found|does not exist|invalid cross reference",
        "It refers to something that is not there: fix the other rows first. If it is the only one, the org lacks it.",
    ),
    (
        r"not available|is not enabled|not supported|edition|not valid for (this|your) org|unknown user permission",
        f"This org's edition or licences do not have it: leave it out {_COPY}.",
    ),
    (
        r"cannot deploy to a required field|permissions? .* required field",
        f"Somebody made the field required: undo that in Setup, or take it out of the permission set {_COPY}.",
    ),
    (
        r"insufficient access|not have.*(access|permission)|no access",
        "This login may not change it: deploy as a System Administrator.",
    ),
    (
        r"duplicate value|already (exists|in use|a field)|duplicate developer ?name",
        "The org has one of this name already: rename or delete it in Setup, then deploy again.",
    ),
    (
        r"unable to (obtain|lock)|in progress|being (deployed|processed)|locked",
        "Another deployment or job holds it: wait, then deploy again.",
    ),
    (
        r"unexpected error|unknown_exception|errorid",
        "Salesforce's own error: deploy again; if it stays, give Salesforce support the number in the text.",
    ),
)

OTHERWISE: Final = f"Correct this file {_COPY}."


def advice(problem: str) -> str:
    """Advice for the problem of a component."""
    for pattern, text in _ADVICE:
        if re.search(pattern, problem, re.IGNORECASE):
            return text
    return OTHERWISE
