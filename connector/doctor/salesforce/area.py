"""The checks of the org, in order. Without a login to the pinned org the others are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from connector.container import Container
from connector.doctor.result import Area, Check
from connector.doctor.salesforce import access, cases, fields, sharing
from connector.doctor.salesforce.org_context import OrgContext


def areas(container: Container) -> Iterator[Area]:
    context = OrgContext(container)
    yield Area("salesforce", (*entering(context), *inside(context)), close=context.close)


def entering(context: OrgContext) -> tuple[Check, ...]:
    return (
        Check("settings", partial(access.settings, context), gate=True, fix=access.SETTINGS_FIX),
        Check("login", partial(access.login, context), gate=True, fix=access.LOGIN_FIX),
    )


def inside(context: OrgContext) -> tuple[Check, ...]:
    return (
        Check("org", partial(access.org, context), gate=True),
        Check("api version", partial(access.version, context), gate=True, fix=access.OUT_FIX),
        Check("clock", partial(access.clock, context)),
        Check("fields", partial(fields.written, context)),
        Check("key fields", partial(fields.keys, context)),
        Check("fit", partial(fields.fit, context)),
        Check("linking", partial(fields.linking, context)),
        Check("sharing", partial(sharing.sharing, context)),
        Check("queues", partial(cases.queues, context)),
        Check("record types", partial(cases.record_types, context)),
        Check("case statuses", partial(cases.statuses, context)),
        Check("case values", partial(cases.values, context)),
        Check("duplicate rules", partial(sharing.duplicates, context)),
        Check("assignment rules", partial(sharing.assignment, context)),
        Check("api calls", partial(access.calls, context)),
        Check("storage", partial(access.storage, context)),
    )
