"""How it is told of: not at all, late, or all at once."""

from __future__ import annotations

from sandbox.processors.events import Delivery
from sandbox.processors.sources import SOURCES
from sandbox.recurly.scenarios.scene import Doing, Scene


def quietly(*doings: Doing) -> Doing:
    """The processor says nothing about it, or nothing that the merchant has asked to be told."""

    def do(scene: Scene) -> None:
        with scene.unannounced():
            for doing in doings:
                doing(scene)

    return do


def recurly_is_late(*doings: Doing) -> Doing:
    """It happens now; Recurly says so when it ``catches_up``."""

    def do(scene: Scene) -> None:
        with scene.held_back():
            for doing in doings:
                doing(scene)

    return do


def recurly_catches_up(scene: Scene) -> None:
    scene.catch_up()


def in_one_delivery(*doings: Doing) -> Doing:
    """What the processor says of all of it comes in one request. Only for those that send batches."""

    def do(scene: Scene) -> None:
        assert SOURCES[scene.processor].batches
        first = len(scene.notes)
        for doing in doings:
            doing(scene)
        said = [note for note in scene.notes[first:] if isinstance(note, Delivery)]
        events = tuple(event for delivery in said for event in delivery.events)
        scene.notes[first:] = [Delivery(id=said[0].id, lane=scene.code, events=events)]

    return do
