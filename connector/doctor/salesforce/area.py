"""The checks of the org, in their order: without a login to the right org nothing else is asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from connector.container import Container
from connector.doctor.result import Area, Check
from connector.doctor.salesforce import access, cases, fields, sharing
from connector.doctor.salesforce.org_context import OrgContext


def areas(container: Container) -> Iterator[Area]:
    look = OrgContext(container)
    yield Area("salesforce", (*entering(look), *inside(look)), close=look.close)


def entering(look: OrgContext) -> tuple[Check, ...]:
    return (
        Check("settings", partial(access.settings, look), gate=True, mend=access.SETTINGS_MEND),
        Check("login", partial(access.login, look), gate=True, mend=access.LOGIN_MEND),
    )


def inside(look: OrgContext) -> tuple[Check, ...]:
    return (
        Check("org", partial(access.org, look), gate=True),
        Check("api version", partial(access.version, look), gate=True, mend=access.OUT_MEND),
        Check("clock", partial(access.clock, look)),
        Check("fields", partial(fields.written, look)),
        Check("key fields", partial(fields.keys, look)),
        Check("fit", partial(fields.fit, look)),
        Check("linking", partial(fields.linking, look)),
        Check("sharing", partial(sharing.sharing, look)),
        Check("queues", partial(cases.queues, look)),
        Check("record types", partial(cases.record_types, look)),
        Check("case statuses", partial(cases.statuses, look)),
        Check("case values", partial(cases.values, look)),
        Check("duplicate rules", partial(sharing.duplicates, look)),
        Check("assignment rules", partial(sharing.assignment, look)),
        Check("api calls", partial(access.calls, look)),
        Check("storage", partial(access.storage, look)),
    )
