"""WSGI factories, for servers to call.

granian --interface wsgi --factory gateway.app:create_app
"""

from __future__ import annotations

from flask import Flask

from gateway.entrypoints.api import (
    audit,
    consents,
    door,
    health,
    observe,
    openapi,
    pages,
    problems,
    profiles,
    records,
    rights,
)
from gateway.entrypoints.api.door import Door
from gateway.flows.context import Gateway
from gateway.kernel import logs
from gateway.settings import Settings
from gateway.wiring import build


def create_app(settings: Settings | None = None, gateway: Gateway | None = None) -> Flask:
    """The HTTP API as a WSGI app; settings come from the environment, the gateway from the settings, unless given.

    Raises Unavailable when the root key or the policy cannot be had. A database that is away does not keep the app
    from starting: `/readyz` says so until it is there.
    """
    logs.configure()
    settings = settings or Settings.from_environment()
    gateway = gateway or build(settings)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1  # see `bodies`
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    door.place(app, Door.of(gateway, settings))
    observe.register(app)
    problems.register(app)
    api = openapi.api_of(app)
    for one in (records, consents, profiles, rights, audit, health):
        api.register_blueprint(one.BLUEPRINT)
    pages.register(app, openapi.written(api))
    return app
