"""What was before a story begins."""

from __future__ import annotations

from datetime import timedelta

from sandbox.recurly.scenarios.doings.accounts import opens_account, stores_payment_method
from sandbox.recurly.scenarios.doings.billing import is_invoiced, payment_settles, payment_starts, pays
from sandbox.recurly.scenarios.doings.subscriptions import period_passes, subscribes
from sandbox.recurly.scenarios.scene import Doing, Scene


def customer(*, days_into_period: int | None = None, settles: bool = True, invoices: int = 1) -> Doing:
    """Has subscribed long ago and paid for the period that runs, and for those before it where there are to be more
    ``invoices``. ``days_into_period``: how much of it is over when the story begins, by default all. ``settles``: by a
    card, at once; otherwise by a debit that took days."""

    def do(scene: Scene) -> None:
        begins = scene.now
        into = timedelta(days=scene.cast.days if days_into_period is None else days_into_period)
        scene.move_to(begins - into - timedelta(days=scene.cast.tenure_days))
        _arrives(scene)
        for ago in reversed(range(invoices)):
            scene.move_to(begins - into - ago * timedelta(days=scene.cast.days))
            _pays_for_a_period(scene, settles)
        scene.move_to(begins)

    return do


def _pays_for_a_period(scene: Scene, settles: bool) -> None:
    period_passes(scene)
    is_invoiced("renewal")(scene)
    if settles:
        pays(scene)
        return
    payment_starts(scene)
    scene.move_to(scene.now + timedelta(days=3))
    payment_settles(scene)


def stranger_to_payment(scene: Scene) -> None:
    """A customer who is sent invoices: nothing on file, nothing paid yet."""
    begins = scene.now
    scene.move_to(begins - timedelta(days=scene.cast.tenure_days))
    opens_account(scene)
    subscribes(scene)
    scene.move_to(begins)


def _arrives(scene: Scene) -> None:
    opens_account(scene)
    stores_payment_method(scene)
    subscribes(scene)
