"""Crowd scenes: a population that was there before, news of it, and a burst of changes to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, Final

from sandbox.recurly.ids import draw
from sandbox.recurly.notifications import Notification
from sandbox.recurly.objects import Account
from sandbox.recurly.render import when
from sandbox.recurly.scenarios import people
from sandbox.recurly.scenarios.casting import ids_for, put_on_stage
from sandbox.recurly.scenarios.doings.accounts import edits, updates_payment_method
from sandbox.recurly.scenarios.doings.billing import (
    falls_past_due,
    is_dunned,
    is_invoiced,
    payment_fails,
    pays,
)
from sandbox.recurly.scenarios.doings.histories import customer
from sandbox.recurly.scenarios.doings.subscriptions import (
    change_takes_effect,
    renewal_is_near,
    renews,
    schedules_change,
)
from sandbox.recurly.scenarios.expectations import Expectation, no_case, open_case
from sandbox.recurly.scenarios.orders import BadOrder, Order
from sandbox.recurly.scenarios.scene import Cast, Doing, Scene, Stage
from sandbox.recurly.site import Site

LEAD: Final = timedelta(seconds=600)

CASTS: Final = (
    Cast(plan=people.WRITER, price="19.00", gateway=people.STRIPE, method=people.VISA),
    Cast(plan=people.STUDIO, price="49.00", currency="EUR", gateway=people.ADYEN, method=people.MASTERCARD),
    Cast(plan=people.STUDIO, price="42.00", currency="GBP", gateway=people.BRAINTREE, method=people.AMEX),
    Cast(plan=people.PUBLISHER, price="129.00", gateway=people.AUTHORIZE_NET, method=people.DISCOVER),
    Cast(plan=people.STUDIO, price="6400", currency="JPY", gateway=people.STRIPE, method=people.JCB),
)

RENEWED: Final[tuple[Doing, ...]] = (renewal_is_near, renews, is_invoiced(), pays)
FAILED: Final[tuple[Doing, ...]] = (
    renews,
    is_invoiced(),
    payment_fails(people.INSUFFICIENT_FUNDS),
    falls_past_due,
    is_dunned,
)
EDITED: Final[tuple[Doing, ...]] = (
    edits(company="{slug} & Daughters"),
    edits(email="finance@{slug}.example"),
    updates_payment_method(people.VISA),
    schedules_change(people.PUBLISHER, "99"),
    change_takes_effect,
)
KINDS_OF_LIFE: Final = (RENEWED, EDITED, RENEWED, FAILED, EDITED)
"""Five notifications each; every fifth account fails to pay."""
HEARD_OF: Final = ((updates_payment_method(people.VISA),),)


def populate(site: Site, order: Order) -> dict[str, Any]:
    """``accounts`` customers who have paid for the period that runs, each at an address of its own, with so many
    ``invoices``. Nothing is announced."""
    stage = Stage(site.store, site.name, site.processors.store)
    codes = []
    for place in range(order.accounts):
        scene = put_on_stage(stage, "population", CASTS[place % len(CASTS)], order, place)
        scene.persona = replace(scene.persona, slug=scene.code)
        # spread over a period, as customers are
        scene.move_to(order.at - LEAD - timedelta(days=1, seconds=place % 86_400))
        with scene.unannounced():
            customer(days_into_period=1 + place % 28, invoices=order.invoices)(scene)
        codes.append(scene.code)
    return {**_head("population", order), "accounts": codes, "notifications": [], "expect": []}


def news(site: Site, order: Order) -> dict[str, Any]:
    """One notification about each of them, as ``burst``: so somebody is heard of who has long been a customer."""
    return _crowd(site, replace(order, events=order.accounts), "news", HEARD_OF)


def burst(site: Site, order: Order) -> dict[str, Any]:
    """``events`` notifications about the first ``accounts`` accounts whose code begins with the prefix.

    Raises BadOrder where there are not so many. With ``send`` false they are not sent but answered, signed, or
    written to ``file``, one JSON object a line.
    """
    return _crowd(site, order, "burst", KINDS_OF_LIFE)


def _crowd(site: Site, order: Order, name: str, kinds: Sequence[tuple[Doing, ...]]) -> dict[str, Any]:
    scenes = list(_on_stage_again(site, order, name))
    rounds = [list(_live(scene, lives)) for scene, lives in zip(scenes, cycle(kinds), strict=False)]
    while sum(map(len, rounds)) < order.events:
        for scene, told in zip(scenes, rounds, strict=True):
            told += _live(scene, EDITED)
    notes = list(islice(_in_turn(rounds), order.events))
    if order.shuffle:
        draw("shuffle", name, order.seed, order.prefix).shuffle(notes)
    ids = [note.id for note in notes]
    lost = draw("drop", name, order.seed, order.prefix).sample(ids, order.dropped(len(ids)))
    answer = {
        **_head(name, order, lost),
        "accounts": [scene.code for scene in scenes],
        "notifications": ids,
        "expect": list(chain.from_iterable(_expected(scenes, kinds))),
    }
    return answer | _hand_over(site, order, notes, frozenset(lost))


def _head(name: str, order: Order, lost: Sequence[str] = ()) -> dict[str, Any]:
    return {"scenario": name, "seed": order.seed, "at": when(order.at), "dropped": sorted(lost)}


def _on_stage_again(site: Site, order: Order, name: str) -> Iterator[Scene]:
    found = site.store.rows(Account, lambda row: row.code.startswith(order.prefix) and row.state == "active")
    if len(found) < order.accounts:
        raise BadOrder(f"there are {len(found)} accounts with prefix {order.prefix!r}; play population first")
    for place, account in enumerate(found[: order.accounts]):
        ids, note_ids = ids_for(name, order, place)
        persona = draw("persona", account.code).choice(people.PERSONAS)
        cast = CASTS[place % len(CASTS)]
        stage = Stage(site.store, site.name, site.processors.store)
        scene = Scene(stage, ids, note_ids, cast, persona, account.code, place)
        scene.resume(account)
        scene.move_to(order.at - LEAD)
        yield scene


def _live(scene: Scene, lives: tuple[Doing, ...]) -> list[Notification]:
    for doing in lives:
        doing(scene)
    return [note for note in scene.take_notes() if isinstance(note, Notification)]


def _in_turn(rounds: list[list[Notification]]) -> Iterator[Notification]:
    """The first of each account, then the second of each, …"""
    for nth in range(max(map(len, rounds))):
        yield from (told[nth] for told in rounds if nth < len(told))


def _expected(scenes: list[Scene], kinds: Sequence[tuple[Doing, ...]]) -> Iterator[list[Expectation]]:
    for scene, lives in zip(scenes, cycle(kinds), strict=False):
        if lives is FAILED:
            yield [open_case(scene, "payment_failed")]
        elif lives is RENEWED:
            yield [no_case(scene, "payment_failed")]


def _hand_over(site: Site, order: Order, notes: list[Notification], lost: frozenset[str]) -> dict[str, Any]:
    if order.send:
        site.webhooks.send(notes, order.duplicates, lost)
        return {}
    kept = [note for note in notes if note.id not in lost]
    deliveries = [site.webhooks.signed(note) for note in kept for _ in range(order.duplicates)]
    if order.file is None:
        return {"deliveries": deliveries}
    Path(order.file).write_text("".join(json.dumps(delivery) + "\n" for delivery in deliveries))
    return {"file": order.file, "deliveries_written": len(deliveries)}
