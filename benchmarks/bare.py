"""The peer of the HTTP benchmark: the least a Flask endpoint does that takes and gives JSON."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request


def create_app() -> Flask:
    """An app with POST /bare."""
    app = Flask(__name__)

    @app.post("/bare")
    def bare() -> Response:
        body = request.get_json()
        return jsonify(records=len(body["records"]), outcome="accepted")

    return app
