"""The gateway described from its routes: for programs (OpenAPI 3.1) and for people (one page without scripts)."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from node.gateway.account import KeyId, NewKey, ReceiptDigest, UsageQuery
from node.gateway.corcel import LEADS_TO, NINETEEN_IMAGE, VISION_IMAGE, NineteenImageBody, VisionImageBody
from node.gateway.media import EmbeddingBody, ImageBody
from node.gateway.openai import REFUSED, ChatBody, CompletionBody
from node.market.routes import SubnetDoor, routes_of
from node.subnets.doors import CHAT_PATH, COMPLETIONS_PATH, EMBEDDINGS_PATH, IMAGES_PATH, Empty, LocalRoute, Scope
from node.version import __version__

_REF: Final = "#/components/schemas/{name}"
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_WITH_BODY: Final = ("POST", "PUT")


@dataclass(frozen=True, slots=True)
class Entry:
    """One route as it is described; `scope` None needs no key."""

    method: str
    path: str
    summary: str
    request: Any
    scope: Scope | None
    reply: Any = None
    stream: bool = False


class _Models(msgspec.Struct, frozen=True):
    id: str


_FORMS: Final = {
    CHAT_PATH: (ChatBody, "A chat in the OpenAI form, plain or streamed."),
    COMPLETIONS_PATH: (CompletionBody, "A text to continue, in the OpenAI form."),
    EMBEDDINGS_PATH: (EmbeddingBody, "Texts as vectors, in the OpenAI form."),
    IMAGES_PATH: (ImageBody, "Images from a prompt, in the OpenAI form."),
}
_CORCEL: Final = {VISION_IMAGE: VisionImageBody, NINETEEN_IMAGE: NineteenImageBody}
_OWN: Final = (
    Entry("GET", "/v1/models", "The models that can be asked now.", Empty, "read"),
    Entry("GET", "/v1/models/{id}", "One of them.", _Models, "read"),
    Entry("GET", "/v1/health", "Whether the gateway answers.", Empty, None),
    Entry("GET", "/v1/usage", "What was used, by day, model or key.", UsageQuery, "read"),
    Entry("GET", "/v1/balance", "What this node can pay with.", Empty, "read"),
    Entry("GET", "/v1/templates", "Instructions that a chat may name as its `template`.", Empty, "read"),
    Entry("GET", "/v1/receipts/{digest}", "A receipt that both sides signed.", ReceiptDigest, "read"),
    Entry("POST", "/v1/receipts/{digest}/report", "Have that answer judged again.", ReceiptDigest, "invoke"),
    Entry("GET", "/v1/keys", "All API keys.", Empty, "admin"),
    Entry("POST", "/v1/keys", "A new API key; its secret is in this answer only.", NewKey, "admin"),
    Entry("GET", "/v1/keys/{id}", "One API key.", KeyId, "admin"),
    Entry("DELETE", "/v1/keys/{id}", "Revoke an API key.", KeyId, "admin"),
    Entry("GET", "/metrics", "Numbers for Prometheus.", Empty, None),
)


def entries(doors: Sequence[SubnetDoor]) -> list[Entry]:
    """Every route that is answered now, each method and path once."""
    found: dict[tuple[str, str], Entry] = {(each.method, each.path): each for each in _OWN}
    for door in doors:
        for route in routes_of(door):
            kind, summary = _FORMS.get(route.path, (route.request, route.summary))
            stream = not isinstance(route, LocalRoute) and route.stream
            entry = Entry(route.method, route.path, summary, kind or Empty, route.scope, route.reply, stream)
            found.setdefault((route.method, route.path), entry)
    for path, leads_to in LEADS_TO.items():
        if ("POST", leads_to) in found:
            body = _CORCEL.get(path, ChatBody)
            found["POST", path] = Entry("POST", path, f"As {leads_to}, in another form.", body, "invoke", None, True)
    return [found[name] for name in sorted(found, key=lambda each: (each[1], each[0]))]


def describe(doors: Sequence[SubnetDoor]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes that are answered now."""
    shown = entries(doors)
    types = [each.request for each in shown] + [each.reply for each in shown if each.reply is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    for name in ("ChatBody", "CompletionBody"):  # what is only looked at to be refused is not offered
        properties = components.get(name, {}).get("properties", {})
        components.get(name, {})["properties"] = {key: each for key, each in properties.items() if key not in REFUSED}
    requests, replies = schemas[: len(shown)], iter(schemas[len(shown) :])
    paths: dict[str, dict[str, Any]] = {}
    for entry, schema in zip(shown, requests, strict=True):
        reply = {} if entry.reply is None else next(replies)
        fields = components.get(str(schema.get("$ref", "")).rpartition("/")[2], {}).get("properties", {})
        paths.setdefault(entry.path, {})[entry.method.lower()] = _operation(entry, schema, fields, reply)
    error = {"type": "object", "properties": {"error": {"type": "object"}}, "required": ["error"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "neurond gateway", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": error},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def page(doors: Sequence[SubnetDoor]) -> bytes:
    """The routes for people, as one page of plain HTML."""
    rows = "".join(
        f"<tr><td>{html.escape(each.method)}</td><td><code>{html.escape(each.path)}</code></td>"
        f"<td>{html.escape(each.summary)}</td><td>{html.escape(each.scope or 'none needed')}</td></tr>"
        for each in entries(doors)
    )
    models = sorted({model.name for door in doors for model in door.models()})
    names = ", ".join(f"<code>{html.escape(name)}</code>" for name in models) or "none now"
    return _PAGE.replace("ROWS", rows).replace("MODELS", names).replace("VERSION", html.escape(__version__)).encode()


def _operation(entry: Entry, schema: dict[str, Any], fields: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    places = _PLACE.findall(entry.path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": fields.get(name, {"type": "string"})}
        for name in places
    ]
    operation: dict[str, Any] = {"summary": entry.summary, "operationId": _operation_id(entry)}
    if entry.method in _WITH_BODY:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    else:
        parameters += [
            {"name": name, "in": "query", "schema": each} for name, each in fields.items() if name not in places
        ]
    if parameters:
        operation["parameters"] = parameters
    kind = "text/event-stream" if entry.stream and entry.path not in _FORMS else "application/json"
    error = {"schema": {"$ref": _REF.format(name="Error")}}
    wrong = {"description": "An error.", "content": {"application/json": error}}
    operation["responses"] = {
        "200": {"description": "The answer.", "content": {kind: {"schema": reply}}},
        "default": wrong,
    }
    operation["security"] = [] if entry.scope is None else [{"key": []}, {}]
    return operation


def _operation_id(entry: Entry) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", entry.path.lower()).strip("_")
    return f"{entry.method.lower()}_{words}"


_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>neurond gateway</title>
<style>
body { font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color-scheme: light dark }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left; vertical-align: top }
pre { padding: .8em; overflow: auto; border: 1px solid }
</style></head><body>
<h1>neurond gateway</h1>
<p>Version VERSION. Models that can be asked now: MODELS. For programs: <a href="/openapi.json">openapi.json</a>.</p>
<pre>curl http://127.0.0.1:PORT/v1/chat/completions -H 'content-type: application/json' \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "What is a neuron?"}]}'</pre>
<p>Once there is an API key (<code>neurond keys new</code>), add <code>-H 'authorization: Bearer KEY'</code>.</p>
<table><tr><th></th><th>path</th><th></th><th>scope of the key</th></tr>ROWS</table>
</body></html>
"""
