"""Who we are in the org."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class UserInfo:
    """The integration user, as the identity service tells."""

    user_id: str
    username: str
    org_id: str
    name: str
    email: str
    language: str
    zone: str

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> UserInfo:
        """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_userinfo_endpoint.htm"""
        names = ("user_id", "preferred_username", "organization_id", "name", "email", "language", "zoneinfo")
        return cls(*(str(told.get(name) or "") for name in names))
