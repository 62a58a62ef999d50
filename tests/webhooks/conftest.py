from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def recurly_samples() -> Path:
    """Recurly's own samples, kept beside the checkout; tests that look at them are skipped without them."""
    found = Path(__file__).resolve().parents[2] / "../shared/fixtures/recurly"
    if not found.is_dir():
        pytest.skip("no samples of Recurly beside this checkout (../shared/fixtures/recurly)")
    return found
