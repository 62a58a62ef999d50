"""Files that come with Casewire and are not Python: the org metadata, the example settings, the schemas.

In a checkout they are at the root of the repository. A wheel carries them in ``connector/data``
(``force-include`` in pyproject.toml).
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_path(name: str, package: Path = _PACKAGE) -> Path:
    """Where ``salesforce``, ``schemas``, ``.env.example`` or ``policy.example.toml`` is; it may be missing.

    The wheel's folder comes first: beside an installed package there may be a ``salesforce`` of another one.
    """
    data = package / "data"
    if data.is_dir():
        return data / name
    return package.parent / ("docs/schemas" if name == "schemas" else name)
