"""Over TLS: a certificate nobody vouches for is refused, and the error says where to look."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tls import self_signed

from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.errors import Unavailable


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """A TLS server with a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_an_unknown_certificate_makes_the_site_unavailable(stranger: str) -> None:
    client = RecurlyClient(RecurlyConfig("acme", "sandbox", api_url=stranger))
    with pytest.raises(Unavailable, match="TLS certificate"):
        client.check()
    client.close()
