"""What the service says of itself: its JSON Schema, and a page made of its OpenAPI document, without a script."""

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

SCHEMA_PATH = "/v1/predict.schema.json"
_NAME = "predict.schema.json"
_SCHEMAS = (Path(__file__).with_name("schemas") / _NAME, Path(__file__).parents[2].joinpath("docs", _NAME))
EXAMPLE = "curl --form file=@recording.wav --form min_confidence=0.6 {address}v1/predict"
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 0.9rem/1.4 ui-monospace, monospace } pre { overflow: auto; padding: 0.6rem; border: 1px solid }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem }
tr + tr { border-top: 1px solid } label { display: block; margin: 0.6rem 0 } input, select, button { font: inherit }
h2 { margin-top: 3rem } h2 code { font-size: 1.2rem } form { margin-bottom: 2rem }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def add_documents(app: FastAPI) -> None:
    """Add the schema and the page."""
    schema = next(path for path in _SCHEMAS if path.is_file()).read_bytes()

    @app.get(SCHEMA_PATH, response_class=Response)
    async def schema_of_answers() -> Response:
        """Describe the JSON that is answered."""
        return Response(schema, media_type="application/schema+json")

    @app.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_page(app.openapi()), headers={"Content-Security-Policy": POLICY})


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    paths = "".join(
        _operation(method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{_text(info["title"])}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{_text(info['title'])}</h1><p>{_text(info['description'])}</p>"
        f'<p>For programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"<pre>{_text(EXAMPLE.format(address='http://127.0.0.1:8000/'))}</pre>{paths}</main></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<h2><code>{method} {_text(path)}</code></h2><p>{_text(operation.get('description', ''))}</p>"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        fields = [(field, what, field in schema["required"]) for field, what in schema["properties"].items()]
        parts.append(_table(("part", "what", "values"), [_described(*field) for field in fields]))
        inputs = "".join(_input(*field) for field in fields)
        parts.append(
            f'<h3>Try it</h3><form method="post" action="{_text(path.lstrip("/"))}" enctype="multipart/form-data">'
            f"{inputs}<button>Hear it</button></form>"
        )
    answers = [(status, _text(answer["description"])) for status, answer in operation["responses"].items()]
    parts.append(_table(("status", "meaning"), answers))
    return "".join(parts)


def _described(name: str, what: dict[str, Any], required: bool) -> tuple[str, ...]:
    bounds = [
        f"{words} {value}"
        for one in (what, *what.get("anyOf", ()))
        for key, words in (("enum", "one of"), ("minimum", "at least"), ("maximum", "at most"))
        if (value := ", ".join(one[key]) if key == "enum" and key in one else one.get(key)) is not None
    ]
    bounds += ["needed"] if required else [f"default {what['default']}"] if what.get("default") is not None else []
    return f"<code>{_text(name)}</code>", _text(what.get("description", "")), _text("; ".join(bounds))


def _input(name: str, what: dict[str, Any], required: bool) -> str:
    """A part of the form that is sent as it stands; parts that a browser would send empty are left out."""
    if required:
        return f'<label>{_text(name)} <input type="file" name="{_text(name)}" required></label>'
    if "enum" in what:
        options = "".join(f"<option>{_text(value)}</option>" for value in what["enum"])
        return f'<label>{_text(name)} <select name="{_text(name)}">{options}</select></label>'
    if what.get("default") is not None:
        value = _text(json.dumps(what["default"]))
        return f'<label>{_text(name)} <input name="{_text(name)}" value="{value}" required></label>'
    return ""


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    return html.escape(str(value)).replace("`", "")
