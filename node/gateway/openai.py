"""The request and answer bodies of the OpenAI form, parsed strictly.

A parameter this gateway does not know, or cannot honour, is an error that names it: nothing is silently ignored. The
form is public knowledge; only the subset below is spoken. Must not know of HTTP.
"""

from typing import Annotated, Any, Literal

import msgspec

from node.gateway.limits import MAX_TOKENS_MAX, MODEL_CHARS_MAX, STOP_CHARS_MAX, STOP_STRINGS_MAX
from node.market.chat import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE, DEFAULT_TOP_P, ChatRequest, ChatTurn
from node.market.errors import BadRequest
from node.primitives.limits import CHAT_MESSAGES_MAX

Meta = msgspec.Meta
StopText = Annotated[str, Meta(min_length=1, max_length=STOP_CHARS_MAX)]
Tokens = Annotated[int, Meta(ge=1, le=MAX_TOKENS_MAX)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refuses keys it does not name."""


class TextPart(_Strict, frozen=True):
    """A piece of a message's content; text is the only kind served here."""

    type: Literal["text"]
    text: str


class Message(_Strict, frozen=True):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[TextPart, ...]
    name: str | None = None


class StreamOptions(_Strict, frozen=True):
    include_usage: bool = False


class ResponseFormat(_Strict, frozen=True):
    type: Literal["text"]


class ChatBody(_Strict, frozen=True, kw_only=True):
    """`POST /v1/chat/completions`. Parameters with one allowed value are here so that clients that send it work."""

    model: Annotated[str, Meta(min_length=1, max_length=MODEL_CHARS_MAX)]
    messages: Annotated[tuple[Message, ...], Meta(min_length=1, max_length=CHAT_MESSAGES_MAX)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None
    top_p: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    stop: StopText | Annotated[tuple[StopText, ...], Meta(max_length=STOP_STRINGS_MAX)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Meta(max_length=256)] | None = None
    n: Literal[1] | None = None
    logprobs: bool | None = None
    frequency_penalty: Annotated[float, Meta(ge=0.0, le=0.0)] | None = None
    presence_penalty: Annotated[float, Meta(ge=0.0, le=0.0)] | None = None
    response_format: ResponseFormat | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None


def parse_chat(body: bytes) -> ChatBody:
    """Return the request in `body`.

    Raises:
        BadRequest: no JSON, or a field that is missing, unknown, of the wrong type or out of range; `param` names it.
    """
    try:
        chat = msgspec.json.decode(body, type=ChatBody)
    except msgspec.ValidationError as error:
        message, param = _explain(str(error))
        raise BadRequest(message, param=param) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is no valid JSON: {error}.", param="body") from error
    if chat.logprobs:
        raise BadRequest("Log-probabilities are not offered; leave `logprobs` out.", param="logprobs")
    if chat.stream_options is not None and not chat.stream:
        raise BadRequest("`stream_options` belongs to streamed answers; set `stream` to true.", param="stream_options")
    return chat


def to_market(chat: ChatBody) -> ChatRequest:
    """Return the market's form of a parsed request."""
    stop = (chat.stop,) if isinstance(chat.stop, str) else chat.stop or ()
    return ChatRequest(
        model=chat.model,
        messages=tuple(ChatTurn(_role(message.role), _text(message.content)) for message in chat.messages),
        max_tokens=chat.max_completion_tokens or chat.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=DEFAULT_TEMPERATURE if chat.temperature is None else chat.temperature,
        top_p=DEFAULT_TOP_P if chat.top_p is None else chat.top_p,
        stop=stop,
        seed=chat.seed,
    )


def error_body(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    """Return the one error envelope of the gateway."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _role(role: str) -> str:
    return "system" if role == "developer" else role


def _text(content: str | tuple[TextPart, ...]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _explain(text: str) -> tuple[str, str]:
    """Turn the decoder's report into a sentence and the name of the field: `messages[0].role`."""
    what, _, where = text.partition(" - at `$")
    param = where.removesuffix("`").lstrip(".")
    if "unknown field" in what or "missing required field" in what:
        field = what.rsplit("`", 2)[-2]
        param = f"{param}.{field}" if param else field
        word = "is not a parameter here" if "unknown field" in what else "is required"
        return f"`{param}` {word}.", param
    return f"`{param or 'body'}`: {what[0].lower()}{what[1:]}.", param or "body"
