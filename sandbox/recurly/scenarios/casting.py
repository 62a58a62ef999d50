"""Puts accounts on stage: who they are, and their ids, from the seed alone."""

from __future__ import annotations

from sandbox.recurly.ids import PER_ACCOUNT, Ids, draw, first_number
from sandbox.recurly.scenarios.orders import Conflict, Order
from sandbox.recurly.scenarios.people import PERSONAS, Persona
from sandbox.recurly.scenarios.scene import Cast, Scene, Stage


def put_on_stage(stage: Stage, name: str, cast: Cast, order: Order, place: int) -> Scene:
    """The ``place``-th account of a play. Nothing but name, seed, prefix and place decides its ids; of a very large
    crowd some would have another's code, and get the next.

    Raises Conflict where the play has been on stage before.
    """
    ids, note_ids = ids_for(name, order, place)
    persona = _persona(cast, order, place, name)
    code = f"{order.prefix}{persona.slug}-{ids.short(6)}"
    while place and stage.store.knows(code):
        code = f"{order.prefix}{persona.slug}-{ids.short(6)}"
    if stage.store.knows(code):
        raise Conflict(f"{name} was played with seed {order.seed} and prefix {order.prefix!r}; take others")
    return Scene(stage, ids, note_ids, cast, persona, code, place)


def ids_for(name: str, order: Order, place: int) -> tuple[Ids, Ids]:
    """For objects, and for notifications: how these are sent must not change those."""
    about = (name, order.seed, order.prefix)
    first = first_number(*about) + place * PER_ACCOUNT
    return Ids(draw("objects", *about, place), first), Ids(draw("notes", *about, place), 0)


def _persona(cast: Cast, order: Order, place: int, name: str) -> Persona:
    wanted = [persona for persona in PERSONAS if persona.slug == cast.persona]
    if wanted and place == 0:
        return wanted[0]
    return draw("persona", name, order.seed, order.prefix, place).choice(PERSONAS)
