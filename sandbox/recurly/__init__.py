"""A local Recurly: the v3 read API, signed webhooks, and stories that change the objects and send the webhooks.

``create_app(Site(), Control())`` is the whole of it; ``Site.close()`` ends its senders.
"""

from sandbox.recurly.app import create_app
from sandbox.recurly.site import Site

__all__ = ["Site", "create_app"]
