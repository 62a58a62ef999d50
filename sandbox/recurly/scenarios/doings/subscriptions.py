"""The life of a subscription."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sandbox.recurly.objects import PendingChange, Plan, Subscription
from sandbox.recurly.scenarios.scene import Doing, Scene


def subscribes(scene: Scene) -> None:
    scene.announce("subscription.created", scene.add(_new(scene, scene.cast.currency, scene.price)))


def subscribes_also(plan: Plan, currency: str, price: str) -> Doing:
    """A second subscription, in another currency."""

    def do(scene: Scene) -> None:
        also = _new(scene, currency, Decimal(price), plan)
        scene.announce("subscription.created", scene.add(also))

    return do


def _new(scene: Scene, currency: str, price: Decimal, plan: Plan | None = None) -> Subscription:
    cast, at = scene.cast, scene.tick()
    return Subscription(
        id=scene.ids.id(),
        uuid=scene.ids.uuid(),
        account_id=scene.account_id,
        plan=plan or cast.plan,
        currency=currency,
        unit_amount=price,
        quantity=cast.quantity,
        collection_method=cast.collection_method,
        net_terms=cast.net_terms,
        po_number=cast.po_number,
        gateway_code=cast.gateway.id,
        current_period_started_at=at,
        current_period_ends_at=at + timedelta(days=cast.days),
        activated_at=at,
        created_at=at,
        updated_at=at,
    )


def renewal_is_near(scene: Scene) -> None:
    scene.announce("subscription.renewal.scheduled", scene.subscription)


def card_will_expire(scene: Scene) -> None:
    scene.announce("subscription.renewal.cc_will_expire", scene.subscription)


def renews(scene: Scene) -> None:
    """Announced whether or not it is paid for."""
    scene.announce("subscription.renewed", _next_period(scene))


def period_passes(scene: Scene) -> None:
    """A renewal of the past, with no word about it."""
    _next_period(scene)


def _next_period(scene: Scene) -> Subscription:
    starts = scene.now
    ends = starts + timedelta(days=scene.cast.days)
    return scene.change(scene.subscription, current_period_started_at=starts, current_period_ends_at=ends)


def cancels(scene: Scene) -> None:
    """It stays usable until what was paid for is over."""
    ends = scene.subscription.current_period_ends_at
    changed = scene.change(
        scene.subscription, state="canceled", auto_renew=False, canceled_at=scene.now, expires_at=ends
    )
    scene.announce("subscription.canceled", changed)


def reactivates(scene: Scene) -> None:
    changed = scene.change(
        scene.subscription, state="active", auto_renew=True, canceled_at=None, expires_at=None
    )
    scene.announce("subscription.reactivated", changed)


def expires(reason: str) -> Doing:
    """``reason``: canceled, nonpayment, account_closed."""

    def do(scene: Scene) -> None:
        changed = scene.change(
            scene.subscription,
            state="expired",
            auto_renew=False,
            expires_at=scene.now,
            expiration_reason=reason,
        )
        scene.announce("subscription.expired", changed)

    return do


def schedules_pause(cycles: int) -> Doing:
    def do(scene: Scene) -> None:
        begins = scene.subscription.current_period_ends_at
        back = begins + timedelta(days=scene.cast.days * cycles)
        changed = scene.change(
            scene.subscription, paused_at=begins, resume_at=back, remaining_pause_cycles=cycles
        )
        scene.announce("subscription.pause.scheduled", changed)

    return do


def pauses(scene: Scene) -> None:
    _next_period(scene)
    changed = scene.change(scene.subscription, state="paused", paused_at=scene.now)
    scene.announce("subscription.paused", changed)


def renewal_is_skipped(scene: Scene) -> None:
    scene.announce("subscription.renewal.skipped", scene.subscription)


def schedules_change(plan: Plan, price: str) -> Doing:
    """At the next renewal."""

    def do(scene: Scene) -> None:
        pending = PendingChange(
            id=scene.ids.id(),
            plan=plan,
            unit_amount=Decimal(price),
            activate_at=scene.subscription.current_period_ends_at,
            created_at=scene.now,
        )
        changed = scene.change(scene.subscription, pending_change=pending)
        scene.announce("subscription.pending_change.scheduled", changed)

    return do


def change_takes_effect(scene: Scene) -> None:
    pending = scene.subscription.pending_change
    assert pending is not None
    changed = scene.change(
        scene.subscription, plan=pending.plan, unit_amount=pending.unit_amount, pending_change=None
    )
    scene.announce("subscription.updated", changed)


def means(currency: str) -> Doing:
    """From here on the story is about the subscription in this currency."""

    def do(scene: Scene) -> None:
        scene.mean(next(s for s in scene.subscriptions() if s.currency == currency))

    return do
