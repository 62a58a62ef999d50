"""Plays a story for one account or many: changes the objects, hands what is said about that to the senders.

With ``shuffle`` every change is made first and then everything is sent in disorder, as after an outage; without,
step by step. What Recurly holds in the end is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any, Final

from sandbox.processors import store as processing
from sandbox.processors.events import Delivery
from sandbox.processors.webhooks import told as event_told
from sandbox.recurly.ids import draw
from sandbox.recurly.notifications import Notification
from sandbox.recurly.render import when
from sandbox.recurly.scenarios.casting import put_on_stage
from sandbox.recurly.scenarios.orders import Order
from sandbox.recurly.scenarios.scene import Note, Scene, Stage
from sandbox.recurly.scenarios.story import Story
from sandbox.recurly.site import Site
from sandbox.recurly.store import Store

LEAD: Final = timedelta(seconds=60)
"""A step takes a second for each change: it begins this much before its moment, so that none lies after ``at``."""


def play_story(story: Story, site: Site, order: Order) -> dict[str, Any]:
    """Raises Conflict where the same was played before."""
    dropped = _chosen(site, story, order)
    scenes = _cast(Stage(site.store, site.name, site.processors.store), story, order)
    sent: list[Note] = []
    for notes in _deliveries(story, scenes, order):
        for note in notes:
            _send(site, note, order.duplicates, dropped)
        sent += notes
        if order.step_pause_ms:
            site.cues.acquire(timeout=order.step_pause_ms / 1000)
    deliveries = [note for note in sent if isinstance(note, Delivery)]
    return {
        "scenario": story.name,
        "seed": order.seed,
        "at": when(order.at),
        "accounts": [scene.code for scene in scenes],
        "notifications": [note.id for note in sent if isinstance(note, Notification)],
        "processor_events": [event_told(event, one) for one in deliveries for event in one.events],
        "dropped": sorted(dropped),
        "expect": list(chain.from_iterable(story.expect(scene) for scene in scenes)),
    }


def _send(site: Site, note: Note, copies: int, dropped: set[str]) -> None:
    """What a processor says is never dropped: nothing would bring it back."""
    if isinstance(note, Delivery):
        site.processors.webhooks.send([note], copies)
    else:
        site.webhooks.send([note], copies, dropped)


def _cast(stage: Stage, story: Story, order: Order) -> list[Scene]:
    scenes = [put_on_stage(stage, story.name, story.cast, order, place) for place in range(order.count)]
    for scene in scenes:
        scene.move_to(order.at - LEAD - story.lasts)
        if story.before is not None:
            with scene.unannounced():
                story.before(scene)
    return scenes


def _deliveries(story: Story, scenes: list[Scene], order: Order) -> Iterator[list[Note]]:
    """What is to be sent together; asking for the next makes the next changes."""
    steps = _steps(story, scenes, order)
    if not order.shuffle:
        yield from steps
        return
    notes = list(chain.from_iterable(steps))
    draw("shuffle", story.name, order.seed, order.prefix).shuffle(notes)
    yield notes


def _steps(story: Story, scenes: list[Scene], order: Order) -> Iterator[list[Note]]:
    moment = order.at - LEAD - story.lasts
    for step in story.steps:
        moment += timedelta(days=step.days)
        for scene in scenes:
            # a step of the same day goes on where the last one ended
            scene.move_to(max(moment, scene.now))
            for doing in step.doings:
                doing(scene)
        yield [note for scene in scenes for note in scene.take_notes()]


def _chosen(site: Site, story: Story, order: Order) -> set[str]:
    """The notifications to lose. Which there will be, a rehearsal on an empty stage tells."""
    if not order.drop:
        return set()
    scenes = _cast(Stage(Store(), site.name, processing.Store()), story, order)
    notes = chain.from_iterable(_steps(story, scenes, order))
    ids = [note.id for note in notes if isinstance(note, Notification)]
    return set(draw("drop", story.name, order.seed, order.prefix).sample(ids, order.dropped(len(ids))))
