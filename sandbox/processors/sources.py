"""The processors, by hand, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.processors.adyen import ADYEN
from sandbox.processors.authorizenet import AUTHORIZENET
from sandbox.processors.braintree import BRAINTREE
from sandbox.processors.events import Source
from sandbox.processors.gocardless import GOCARDLESS
from sandbox.processors.paypal import PAYPAL
from sandbox.processors.stripe import STRIPE

SOURCES: Final[Mapping[str, Source]] = {
    source.name: source for source in (STRIPE, BRAINTREE, ADYEN, PAYPAL, GOCARDLESS, AUTHORIZENET)
}
