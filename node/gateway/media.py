"""Embeddings and images in the OpenAI form: requests parsed strictly, replies built. Knows nothing of HTTP.

Vectors are little-endian float32, as numbers or in base64; images are base64 of the file.
"""

import array
import base64
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from node.gateway.limits import (
    EMBEDDING_CHARS_MAX,
    EMBEDDING_DIMENSIONS_MAX,
    EMBEDDING_INPUTS_MAX,
    EMBEDDING_TOKENS_MAX,
    IMAGE_PROMPT_CHARS_MAX,
    IMAGE_SIDE_MAX,
    IMAGES_MAX,
)
from node.gateway.openai import Asked, Meta, Model, choices_of, parse, seed_of
from node.market.errors import BadRequest, CallBroken, Unsupported
from node.market.forms import EmbeddingReply, EmbeddingRequest, ImageReply, ImageRequest

Text = Annotated[str, Meta(min_length=1, max_length=EMBEDDING_CHARS_MAX)]
TokenId = Annotated[int, Meta(ge=0, le=2**31 - 1)]
TokenIds = Annotated[tuple[TokenId, ...], Meta(min_length=1, max_length=EMBEDDING_TOKENS_MAX)]
_FLOAT_BYTES = 4


class _Single(msgspec.Struct, frozen=True):
    """One text, or the ids of one; tried before the lists, which look alike."""

    input: Text | TokenIds


class _Several(msgspec.Struct, frozen=True):
    """A list of texts."""

    input: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=EMBEDDING_INPUTS_MAX)]


class _SeveralIds(msgspec.Struct, frozen=True):
    """A list of lists of ids."""

    input: Annotated[tuple[TokenIds, ...], Meta(min_length=1, max_length=EMBEDDING_INPUTS_MAX)]


class EmbeddingBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/embeddings`; the input is parsed apart."""

    model: Model
    input: msgspec.Raw
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=EMBEDDING_DIMENSIONS_MAX)] | None = None


class ImageBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/images/generations`."""

    model: Model
    prompt: Annotated[str, Meta(min_length=1, max_length=IMAGE_PROMPT_CHARS_MAX)]
    n: Annotated[int, Meta(ge=1, le=IMAGES_MAX)] | None = None
    size: Annotated[str, Meta(pattern=r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$")] | None = None
    seed: int | None = None  # of this field's servers: repeats the image
    response_format: Literal["b64_json", "url"] | None = None
    output_format: str | None = None
    quality: str | None = None
    style: str | None = None
    background: str | None = None
    stream: bool | None = None


def embeddings(body: bytes) -> tuple[Asked, bool]:
    """What `body` asks for, and whether vectors are wanted in base64. Raises BadRequest."""
    parsed = parse(body, EmbeddingBody)
    texts, tokens = _inputs(bytes(parsed.input))
    request = EmbeddingRequest(model=parsed.model, texts=texts, tokens=tokens, dimensions=parsed.dimensions)
    needs: Any = {} if parsed.dimensions is None else {"dimensions": "dimensions"}
    return Asked(parsed.model, (request,), needs), parsed.encoding_format == "base64"


def images(body: bytes) -> Asked:
    """The images that `body` asks for. Raises BadRequest and Unsupported."""
    parsed = parse(body, ImageBody)
    if parsed.response_format == "url":
        raise Unsupported("Images come as b64_json; this node keeps none to link to.", param="response_format")
    if parsed.stream:
        raise Unsupported("Images come whole.", param="stream")
    for name, neutral in (
        ("output_format", ("png",)), ("quality", ("auto", "standard")), ("style", ()), ("background", ("auto",)),
    ):  # fmt: skip
        if getattr(parsed, name) not in (None, *neutral):
            raise Unsupported("No model here offers a choice of that.", param=name)
    width, height = (0, 0) if parsed.size in (None, "auto") else map(int, str(parsed.size).split("x"))
    if max(width, height) > IMAGE_SIDE_MAX:
        raise BadRequest(f"An image has at most {IMAGE_SIDE_MAX} pixels a side.", param="size")
    request = ImageRequest(
        model=parsed.model, prompt=parsed.prompt, width=width, height=height, seed=seed_of(parsed.seed)
    )
    return Asked(parsed.model, choices_of(request, parsed.n or 1), {})


def embedding_body(model: str, inputs: int, replies: Sequence[EmbeddingReply], *, in_base64: bool) -> dict[str, Any]:
    """The reply's body. Raises CallBroken when the miner gave another number of vectors, or none that are any."""
    vectors = [vector for reply in replies for vector in reply.vectors]
    if len(vectors) != inputs or any(len(each) % _FLOAT_BYTES or len(each) != len(vectors[0]) for each in vectors):
        raise CallBroken(f"The miner answered {inputs} inputs with {len(vectors)} vectors, or with broken ones.")
    shown = base64_of if in_base64 else floats_of
    tokens = replies[-1].prompt_tokens
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": i, "embedding": shown(each)} for i, each in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def image_body(created_s: int, replies: Sequence[ImageReply]) -> dict[str, Any]:
    """The reply's body, one image a reply. Raises CallBroken when one is empty."""
    if any(not reply.image for reply in replies):
        raise CallBroken("A miner answered without an image.")
    return {
        "created": created_s,
        "output_format": "png",
        "data": [
            {"b64_json": base64_of(reply.image), "revised_prompt": reply.revised_prompt or None} for reply in replies
        ],
    }


def base64_of(data: bytes) -> str:
    """Bytes as clients of the form decode them."""
    return base64.b64encode(data).decode("ascii")


def floats_of(vector: bytes) -> list[float]:
    """Little-endian float32 as numbers."""
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _inputs(raw: bytes) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Texts, or token ids. Raises BadRequest when it is neither, empty, or too much."""
    body = b'{"input":' + raw + b"}"
    inner = raw[1:].lstrip()[:1] if raw[:1] == b"[" else b""
    if inner == b"[":
        return (), parse(body, _SeveralIds).input
    if raw[:1] == b"[" and inner not in b"-0123456789":
        return parse(body, _Several).input, ()
    single = parse(body, _Single).input
    return ((single,), ()) if isinstance(single, str) else ((), (single,))
