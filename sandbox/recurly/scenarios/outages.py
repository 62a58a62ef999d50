"""Stories of many accounts at once: one cause, and what is left when it is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.doings.billing import (
    falls_past_due,
    is_dunned,
    is_invoiced,
    payment_fails,
    pays,
)
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.subscriptions import renews
from sandbox.recurly.scenarios.expectations import (
    Expectation,
    account,
    incident_case,
    no_open_case,
    open_case,
)
from sandbox.recurly.scenarios.scene import Cast, Scene
from sandbox.recurly.scenarios.story import Story, step

MINUTES: Final = 4
"""Within which all of them renew."""
NTH: Final = 10
"""Of so many accounts one stays failing, by its place."""


def _its_turn(scene: Scene) -> None:
    """Renewals of one day come one after the other, spread over some minutes."""
    scene.move_to(scene.now + timedelta(seconds=scene.place * 37 % (MINUTES * 60)))


def _stays_failing(scene: Scene) -> bool:
    return scene.place % NTH == NTH - 1


def _is_tried_again(scene: Scene) -> None:
    if _stays_failing(scene):
        payment_fails(people.INSUFFICIENT_FUNDS)(scene)
    else:
        pays(scene)


def _one_incident(scene: Scene) -> list[Expectation]:
    told = [account(scene)]
    if _stays_failing(scene):
        told.append(open_case(scene, "payment_failed"))
    else:
        told.append(no_open_case(scene, "payment_failed"))
    return told if scene.place else [incident_case(scene, "Recovered"), *told]


GATEWAY_OUTAGE = Story(
    name="gateway_outage",
    title="A gateway is down while 400 accounts renew",
    description="All fail within minutes; when it is back nine of ten are paid. One incident, resolved Recovered,"
    " and a case for each account that still fails.",
    cast=Cast(plan=people.STUDIO, price="49.00", gateway=people.WORLDPAY, method=people.VISA),
    before=customer(),
    count=400,
    steps=(
        step(
            0,
            "they renew; the gateway does not answer",
            _its_turn,
            renews,
            is_invoiced(),
            payment_fails(people.GATEWAY_DOWN),
            falls_past_due,
            is_dunned,
        ),
        step(0.1, "the gateway is back; all are tried again", _is_tried_again),
    ),
    expect=_one_incident,
)
