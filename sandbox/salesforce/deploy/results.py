"""A deployment as its clients are told of it, over SOAP and over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.deploy.deployments import Deployment, Options

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def options_of(flags: Mapping[str, bool], test_level: str | None) -> Options:
    """Deploy options by Salesforce's names; what is not said is as Salesforce has it, with roll-back."""
    return Options(
        check_only=flags.get("checkOnly", False),
        rollback=flags.get("rollbackOnError", True),
        ignore_warnings=flags.get("ignoreWarnings", False),
        missing_allowed=flags.get("allowMissingFiles", False),
        purge=flags.get("purgeOnDelete", False),
        test_level=test_level,
    )


def told_options(options: Options) -> dict[str, Any]:
    return {
        "allowMissingFiles": options.missing_allowed,
        "autoUpdatePackage": False,
        "checkOnly": options.check_only,
        "ignoreWarnings": options.ignore_warnings,
        "performRetrieve": False,
        "purgeOnDelete": options.purge,
        "rollbackOnError": options.rollback,
        "runTests": None,
        "singlePackage": True,
        "testLevel": options.test_level,
    }


def result(org: Org, made: Deployment, *, details: bool) -> dict[str, Any]:
    """A ``DeployResult``. Tests are never run: an org of this sandbox has no code."""
    told: dict[str, Any] = {
        "canceledBy": made.canceled_by,
        "canceledByName": _name(org, made.canceled_by) if made.canceled_by else None,
        "checkOnly": made.options.check_only,
        "completedDate": made.completed,
        "createdBy": made.user,
        "createdByName": _name(org, made.user),
        "createdDate": made.created,
        "details": _details(made) if details else None,
        "done": made.done,
        "errorMessage": made.error[1] if made.error else None,
        "errorStatusCode": made.error[0] if made.error else None,
        "id": made.id,
        "ignoreWarnings": made.options.ignore_warnings,
        "lastModifiedDate": made.modified,
        "numberComponentErrors": made.errors,
        "numberComponentsDeployed": made.deployed,
        "numberComponentsTotal": made.total,
        "numberTestErrors": 0,
        "numberTestsCompleted": 0,
        "numberTestsTotal": 0,
        "rollbackOnError": made.options.rollback,
        "runTestsEnabled": False,
        "startDate": made.started,
        "status": made.status,
        "success": made.status == "Succeeded",
    }
    return {name: value for name, value in told.items() if value is not None}


def _details(made: Deployment) -> dict[str, Any]:
    return {
        "componentFailures": made.failures,
        "componentSuccesses": made.successes,
        "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0},
    }


def _name(org: Org, user: str) -> str:
    return str(org.store.tables["User"].live[user]["Name"])
