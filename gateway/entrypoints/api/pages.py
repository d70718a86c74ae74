"""/openapi.json, and /docs: the same as one page to read, without scripts and without anything from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import sha256
from html import escape
from typing import Any, Final

import orjson
from flask import Flask, Response

_METHODS: Final = ("get", "post")
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2530;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #c8d0d9}
h3{font:600 1rem ui-monospace,monospace;margin-bottom:.2rem}
table{border-collapse:collapse;margin:.4rem 0}
td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0;font-weight:400}
th{font-family:ui-monospace,monospace;white-space:nowrap}
code{font-family:ui-monospace,monospace}
p{margin:.2rem 0}
""".strip()
_STYLE_HASH: Final = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def register(app: Flask, document: bytes) -> None:
    """Serve the OpenAPI document, and the page made from it."""
    page = "".join(_page(orjson.loads(document))).encode()
    app.add_url_rule("/openapi.json", "openapi", partial(_serve, document, "application/json"))
    app.add_url_rule("/docs", "docs", partial(_serve, page, "text/html; charset=utf-8"))


def _serve(body: bytes, content_type: str) -> Response:
    return Response(body, 200, {"Content-Security-Policy": _POLICY}, content_type=content_type)


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<h1>{title} {escape(document['info']['version'])}</h1><p>{escape(document['info']['description'])}</p>"
    yield '<p>For programs: <a href="openapi.json">openapi.json</a></p>'
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>"
        for path, operations in document["paths"].items():
            for method in _METHODS:
                operation = operations.get(method)
                if operation and tag["name"] in operation["tags"]:
                    whole = {
                        **operation,
                        "parameters": operations.get("parameters", []) + operation.get("parameters", []),
                    }
                    yield from _operation(method, path, whole, document["components"]["responses"])
    yield "<h2>Objects</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3>{_properties(schema)}'


def _operation(method: str, path: str, operation: Mapping[str, Any], named: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h3>{method.upper()} {escape(path)}</h3>"
    yield f"<p>{escape(operation['summary'])}. {escape(operation['description'])}</p><table>"
    for parameter in operation["parameters"]:
        where = f"{parameter['in']} {_type(parameter['schema'])}"
        note = escape(parameter.get("description", ""))
        yield f"<tr><th>{escape(parameter['name'])}<td>{where}<td>{note}"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<tr><th>body<td>{_type(content['schema'])}<td>{escape(media)}"
    for status, described in sorted(operation["responses"].items()):
        answer = named[_name(described)] if "$ref" in described else described
        kinds = ", ".join(_type(content["schema"]) for content in answer.get("content", {}).values())
        yield f"<tr><th>{escape(status)}<td>{kinds}<td>{escape(answer['description'])}"
    yield "</table>"


def _properties(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        f"<tr><th>{escape(name)}<td>{_type(one)}{'' if name in required else ', optional'}"
        f"<td>{escape(one.get('description', ''))}"
        for name, one in schema.get("properties", {}).items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    """JSON schema -> what it is in a few words, with a link where it is an object of its own."""
    if "$ref" in schema:
        name = escape(_name(schema))
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return escape(f"{words} ({schema['format']})" if "format" in schema else words)


def _name(reference: Mapping[str, Any]) -> str:
    """{"$ref": "#/components/…/Name"} -> Name"""
    return str(reference["$ref"]).rpartition("/")[2]
