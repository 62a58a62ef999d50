"""What an admin should do about each error of Salesforce. Placeholders: object, fields, code, message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OTHERWISE: Final = "Salesforce refused {object} ({code}): {message}."

_DEPLOY: Final = (
    "deploy salesforce/ (salesforce/README.md) and assign the permission set Casewire_Integration to the "
    "integration user"
)
_CORRECT: Final = "Correct the data or the rule, then retry."

ADVICE: Final[Mapping[str, str]] = {
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": "Salesforce rolled {object} back because another row failed: it is resent.",
    "API_CURRENTLY_DISABLED": "Salesforce has switched its API off for now: {message}.",
    "API_DISABLED_FOR_ORG": (
        "The API is not enabled for this org or user: give the integration user the permission API Enabled, or "
        "use an edition with API access."
    ),
    "BAD_GATEWAY": "Salesforce could not pass the request on. It is retried.",
    "CANNOT_EXECUTE_FLOW_TRIGGER": (
        "A flow of the org failed while {object} was saved: {message}. Correct the flow (Setup > Flows), then retry."
    ),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": (
        "A trigger of the org failed while {object} was saved: {message}. Correct the trigger, then retry."
    ),
    "CONFLICT": "Another request changed {object} at the same time. It is retried.",
    "DUPLICATES_DETECTED": (
        "A duplicate rule of the org blocks {object}: {message}. Set the rule to Allow with alert for the "
        "integration user, or merge the records, then retry."
    ),
    "DUPLICATE_EXTERNAL_ID": (
        "More than one {object} has this key: merge or clear the others, and see that the key field is unique "
        "({message})."
    ),
    "DUPLICATE_VALUE": (
        "Another record already holds a value that must be unique on {object}: {message}. Merge the two or clear "
        "the value there, then retry."
    ),
    "ENTITY_IS_DELETED": (
        "The {object} or its parent is in the recycle bin: restore it, or resync the account to write it anew."
    ),
    "ENTITY_IS_LOCKED": (
        "The {object} is locked, as in an approval: finish or recall the approval, or let the integration user "
        "edit locked records."
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (
        "A validation rule of the org refuses {object}: {message}. Exempt the integration user from the rule or "
        "correct it, then retry."
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": (
        "A lookup filter refuses {fields} of {object}: {message}. " + _CORRECT
    ),
    "FIELD_INTEGRITY_EXCEPTION": "Salesforce refuses the value of {fields} on {object}: {message}. "
    + _CORRECT,
    "INACTIVE_OWNER_OR_USER": (
        "{object} would belong to an inactive user: activate the user, or set another owner or queue, then retry."
    ),
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": "The org is read-only during maintenance. Work waits.",
    "INSUFFICIENT_ACCESS": (
        "The user may not do this ({object}): {message}. Deploying and reading metadata needs the permission "
        "Modify Metadata Through Metadata API Functions."
    ),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": (
        "The integration user may not see or edit a record that {object} refers to: share it, or assign the "
        "permission set Casewire_Integration ({message})."
    ),
    "INSUFFICIENT_ACCESS_OR_READONLY": (
        "The integration user may not edit {object}: give its permission set edit on the object and on {fields}, "
        "and access to the record ({message})."
    ),
    "INTERNAL_ERROR": "Salesforce had an internal error. It is retried.",
    "INVALID_CROSS_REFERENCE_KEY": (
        "A record that {object} refers to does not exist or may not be used by the integration user: check record "
        "types, queues and owners ({message})."
    ),
    "INVALID_CURRENCY_ISO": "The org does not know this currency for {object}: activate it in Setup ({message}).",
    "INVALID_EMAIL_ADDRESS": (
        "Salesforce does not accept the e-mail address in {fields} of {object}: correct it in billing ({message})."
    ),
    "INVALID_FIELD": (
        "Salesforce does not know a field or parent of {object}: {message}. If it is a field, "
        + _DEPLOY
        + "."
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": (
        "The integration user may not write {fields} of {object}: give its permission set edit on it, or "
        + _DEPLOY
        + " ({message})."
    ),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": (
        "The picklist of {fields} on {object} lacks this value: add it in Setup or change the policy ({message})."
    ),
    "INVALID_QUERY_LOCATOR": "A query's next page had expired. It is asked anew.",
    "INVALID_SESSION_ID": (
        "Salesforce refuses a fresh login: the integration user needs API Enabled, and the app's scopes must hold "
        "api ({message})."
    ),
    "INVALID_TYPE": "Salesforce does not know {object}: " + _DEPLOY + " ({message}).",
    "JSON_PARSER_ERROR": "Salesforce cannot read a value of {object}: {message}. This is a fault of the connector.",
    "LOGIN_RATE_EXCEEDED": "The integration user has logged in too often this hour. Work waits.",
    "MALFORMED_ID": "Salesforce does not accept an id in {fields} of {object}: {message}.",
    "MALFORMED_QUERY": "Salesforce cannot read a query: {message}. This is a fault of the connector.",
    "MATCH_SERVICE_TIMED_OUT": "The org's duplicate rules took too long over {object}. It is retried.",
    "MATCH_SERVICE_UNAVAILABLE_ERROR": "The org's duplicate rules are out of order for now. {object} is retried.",
    "NOT_FOUND": "Salesforce does not know {object}, or the integration user may not see it: "
    + _DEPLOY
    + ".",
    "NUMBER_OUTSIDE_VALID_RANGE": "The number for {fields} of {object} is too large ({message}).",
    "OPERATION_CONFLICT": "Another request changed {object} at the same time. It is retried.",
    "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE": "Platform events cannot be published for now: {message}. It is retried.",
    "PLATFORM_EVENT_PUBLISH_FAILED": "A platform event was not published: {message}. It is retried.",
    "PROCESSING_HALTED": "Salesforce rolled {object} back because another row failed: it is resent.",
    "QUERY_TIMEOUT": "A query took Salesforce too long ({object}). It is retried.",
    "RECORD_IN_USE_BY_WORKFLOW": "A workflow of the org holds {object}. It is retried.",
    "RECORD_LOCKED": "The {object} is locked by an approval or a process. It is retried.",
    "REQUEST_LIMIT_EXCEEDED": (
        "The org's API limit is reached: {message}. Work waits; buy more calls, or let other integrations call less."
    ),
    "REQUEST_RUNNING_TOO_LONG": "The request took Salesforce too long ({object}). It is retried.",
    "REQUIRED_FIELD_MISSING": (
        "The org requires {fields} on {object}, which billing does not tell: make it optional for the integration "
        "user or give it a default ({message})."
    ),
    "SERVER_UNAVAILABLE": "Salesforce is too busy. Work waits.",
    "SERVICE_UNAVAILABLE": "Salesforce is unavailable. Work waits.",
    "SESSION_EXPIRED": "Salesforce refuses a fresh login: {message}.",
    "SESSION_INVALIDATED": "Salesforce refuses a fresh login: {message}.",
    "STORAGE_LIMIT_EXCEEDED": "The org's data storage is full: free some (Setup > Storage Usage). Work waits.",
    "STRING_TOO_LONG": "The text for {fields} of {object} is longer than the field: {message}.",
    "TERRITORY_REALIGN_IN_PROGRESS": "The org's territories are being realigned; {object} waits and is retried.",
    "TOO_MANY_APEX_REQUESTS": "Too many long-running requests in the org. It is retried.",
    "TOO_MANY_JOBS": "Too many jobs wait in the org ({message}). It is retried.",
    "UNABLE_TO_LOCK_RECORD": "Somebody else is writing {object} or its parent. It is retried.",
    "UNABLE_TO_LOCK_ROW": "Somebody else is writing {object} or its parent. It is retried.",
    "UNABLE_TO_UPDATE_RECORD_LOCK": "The lock on {object} is being changed. It is retried.",
    "UNKNOWN_EXCEPTION": "Salesforce had an unexpected error with {object}: {message}. It is retried.",
}
