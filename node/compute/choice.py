"""The option `--backend`: `onnx`, `openai:URL[#MODEL]` or `ray[:ADDRESS]`, checked before anything starts."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from node.compute.errors import BadBackend


@dataclass(frozen=True, slots=True)
class Backend:
    """A chosen back end: where it is, and what the server there calls the model ("" for the model's own name)."""

    kind: Literal["onnx", "openai", "ray"] = "onnx"
    address: str = ""
    model: str = ""


IN_PROCESS = Backend()
"""The default: the model runs here."""


def parse_backend(text: str) -> Backend:
    """The back end that a line names. Raises BadBackend."""
    kind, _, rest = text.partition(":")
    if kind == "onnx" and not rest:
        return Backend()
    if kind == "ray":
        return Backend("ray", rest)
    if kind == "openai" and rest:
        url, _, model = rest.partition("#")
        _check_url(url)
        return Backend("openai", url.rstrip("/"), model)
    raise BadBackend(f"{text[:60]!r} names no back end.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadBackend(f"{url[:80]!r} is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadBackend(f"{url[:80]!r} is no http or https address.")
    if parts.username or parts.password or parts.query:
        raise BadBackend(
            "The address of a server holds no password.",
            remedy="Put the server's key into the environment variable NEUROND_BACKEND_KEY.",
        )
