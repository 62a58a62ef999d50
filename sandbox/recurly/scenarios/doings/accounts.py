"""The account itself and how it pays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.recurly.objects import Account, BillingInfo, PaymentMethod
from sandbox.recurly.scenarios.scene import Doing, Scene

CAMPAIGN = "qdunningmain"


def opens_account(scene: Scene) -> None:
    persona, at = scene.persona, scene.tick()
    account = Account(
        id=scene.ids.id(),
        code=scene.code,
        email=f"billing@{persona.slug}.example",
        first_name=persona.first_name,
        last_name=persona.last_name,
        company=persona.company,
        address=persona.address,
        hosted_login_token=scene.ids.short(32),
        dunning_campaign_id=CAMPAIGN,
        vat_number=persona.vat_number,
        preferred_locale=persona.locale,
        created_at=at,
        updated_at=at,
    )
    scene.announce("account.created", scene.add(account))


def stores_payment_method(scene: Scene) -> None:
    """The cast's own, with years to go."""
    if scene.cast.method is not None:
        _store(scene, _lasting(scene.cast.method, scene.now), True)


def updates_payment_method(method: PaymentMethod, *, valid: bool = True) -> Doing:
    return lambda scene: _store(scene, _lasting(method, scene.now), valid)


def method_is_invalid(scene: Scene) -> None:
    """The one on file is no longer good."""
    info = scene.account.billing_info
    assert info is not None
    _store(scene, info.method, False)


def card_expires_this_month(scene: Scene) -> None:
    """Before anything is announced: the card on file has always had this date."""
    info = scene.account.billing_info
    assert info is not None
    month = replace(info.method, exp_month=scene.now.month, exp_year=scene.now.year)
    scene.change(scene.account, billing_info=replace(info, method=month))


def edits(**changes: Any) -> Doing:
    """``company="New name"``; texts may hold ``{slug}``."""

    def do(scene: Scene) -> None:
        told = {name: _filled(value, scene) for name, value in changes.items()}
        scene.announce("account.updated", scene.change(scene.account, **told))

    return do


def closes_account(scene: Scene) -> None:
    """Recurly forgets how a closed account paid."""
    changed = scene.change(scene.account, state="inactive", deleted_at=scene.now, billing_info=None)
    scene.announce("account.closed", changed)


def is_redacted(scene: Scene) -> None:
    """No notification tells of it: the account is simply not found any more."""
    scene.tick()
    scene.store.remove(scene.account)


def _filled(value: Any, scene: Scene) -> Any:
    return value.format(slug=scene.persona.slug) if isinstance(value, str) else value


def _lasting(method: PaymentMethod, now: datetime) -> PaymentMethod:
    """Cards in use have two to three years to go."""
    if method.object != "credit_card" or method.exp_year is not None:
        return method
    later = now + timedelta(days=900)
    return replace(method, exp_month=later.month, exp_year=later.year)


def _store(scene: Scene, method: PaymentMethod, valid: bool) -> None:
    account, at = scene.account, scene.tick()
    before = account.billing_info
    info = BillingInfo(
        id=before.id if before else scene.ids.id(),
        first_name=account.first_name,
        last_name=account.last_name,
        method=method,
        valid=valid,
        country=account.address.country,
        created_at=before.created_at if before else at,
        updated_at=at,
    )
    scene.announce("billing_info.updated", scene.change(account, billing_info=info))
