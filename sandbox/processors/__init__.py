"""Local payment processors: senders that sign as each vendor signs, and what of their APIs joining needs.

What happens at them is told by the stories (``sandbox/recurly/scenarios``). ``create_app(Processors(), Control())``
is the whole of it; ``Processors.close()`` ends the senders.
"""

from sandbox.processors.app import create_app
from sandbox.processors.office import Processors

__all__ = ["Processors", "create_app"]
