"""The denominator of ``receive``: a Flask route that takes a body and answers, and does nothing else."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

from connector.front import Front, keep_modules


def create_app() -> Flask:
    app = Flask("bare", static_folder=None)

    @app.post("/webhooks/recurly")
    def deliver() -> Response:
        return jsonify(bytes=len(request.get_data()))

    return app


def create_front() -> Front:
    """The same route behind the server and the front that Casewire has."""
    app = create_app()
    keep_modules()
    return Front(app)
