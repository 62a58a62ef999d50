"""An answer that is an error, in the shape its vendor gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response


class Refusal(Exception):
    """The request is answered with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        json.dumps(body), status=status, content_type="application/json", headers=dict(headers or {})
    )
