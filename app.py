"""The receiver as a WSGI application: ``gunicorn app:app`` or ``granian --interface wsgi app:app``.

``python app.py`` runs ``casewire web``: the same application behind its own server, which limits what a client may cost
(decision 0029). A WSGI server of your own should buffer requests, or stand behind a proxy that does.
"""

from __future__ import annotations

import sys
from typing import Final

from connector.errors import CasewireError

APP_LOAD_ERROR: Final = 4
"""gunicorn stops on this exit code. On any other it starts the process again, with the same settings."""

if __name__ == "__main__":
    from connector.cli import main

    main(["web", *sys.argv[1:]])
else:
    from connector.web import create_app

    try:
        app = create_app()
    except CasewireError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(APP_LOAD_ERROR) from None
