"""What commands may do without asking again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connector.policy.base import Section


class Admin(Section):
    """``confirm_above``: a command that would make more changes than this asks for their number to be typed."""

    confirm_above: Annotated[int, Field(ge=0)] = 200
