"""The request bodies of chats and completions in the OpenAI form, parsed strictly. Knows nothing of HTTP.

A known parameter that would change the answer and cannot be honoured is an error that names it; a field that the form
does not have, or that changes nothing, is skipped. The form is public knowledge; only the subset below is spoken.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from node.gateway.guard import check_depth, explain
from node.gateway.limits import (
    CHOICES_MAX,
    COMPLETION_LOGPROBS_MAX,
    MAX_TOKENS_MAX,
    MODEL_CHARS_MAX,
    PROMPTS_MAX,
    SCHEMA_BYTES_MAX,
    STOP_CHARS_MAX,
    STOP_STRINGS_MAX,
    TEMPLATE_CHARS_MAX,
    TOOL_CALLS_MAX,
    TOP_LOGPROBS_MAX,
)
from node.gateway.tools import (
    Choice,
    PastCall,
    Tool,
    Tools,
    past_calls,
    result,
    schema_of,
    wanted,
    with_tools,
)
from node.market.chat import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_REPETITION_PENALTY,
    DEFAULT_TEMPERATURE,
    DEFAULT_TOP_P,
    ChatRequest,
    ChatTurn,
)
from node.market.errors import BadRequest, Unsupported
from node.market.forms import CompletionRequest
from node.market.templates import with_template
from node.primitives.limits import CHAT_MESSAGES_MAX
from node.subnets.doors import Feature

Meta = msgspec.Meta
T = TypeVar("T")
Model = Annotated[str, Meta(min_length=1, max_length=MODEL_CHARS_MAX)]
StopText = Annotated[str, Meta(min_length=1, max_length=STOP_CHARS_MAX)]
Stop = StopText | Annotated[tuple[StopText, ...], Meta(max_length=STOP_STRINGS_MAX)]
Tokens = Annotated[int, Meta(ge=1, le=MAX_TOKENS_MAX)]
Temperature = Annotated[float, Meta(ge=0.0, le=2.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Penalty = Annotated[float, Meta(ge=-2.0, le=2.0)]
Repetition = Annotated[float, Meta(ge=1.0, le=2.0)]


def _null() -> msgspec.Raw:
    return _NULL


_NULL: Final = msgspec.Raw(b"null")


def refused() -> Any:
    """A parameter that is looked at only to refuse it."""
    return msgspec.field(default_factory=_null)


_NEUTRAL: Final = (b"null", b"[]", b"{}", b"false", b'"none"', b"0", b"0.0", b'""', b"1")
REFUSED: Final = {
    "functions": "the older form of calling functions (send `tools`)",
    "function_call": "the older form of calling functions (send `tools`)",
    "logit_bias": "a bias on tokens", "audio": "audio", "prediction": "predicted output",
    "web_search_options": "searching the web", "reasoning_effort": "reasoning effort",
    "suffix": "a suffix", "echo": "echoing the prompt", "best_of": "choosing the best of several",
}  # fmt: skip


class Piece(msgspec.Struct, frozen=True):
    """A piece of a message's content; text is the only kind served here."""

    type: str
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    """One turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | tuple[Piece, ...] | msgspec.UnsetType | None = msgspec.UNSET
    name: str | None = None
    tool_calls: Annotated[tuple[PastCall, ...], Meta(max_length=TOOL_CALLS_MAX)] | None = None  # of an earlier answer
    tool_call_id: str | None = None  # of which call a tool's message is the result; the order says it to the model


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class SchemaOf(msgspec.Struct, frozen=True):
    """The schema an answer must have; a strict one is what everybody gets."""

    name: str
    schema: dict[str, Any]


class ResponseFormat(msgspec.Struct, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaOf | None = None


class _Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What chats and completions have in common."""

    model: Model
    max_tokens: Tokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    repetition_penalty: Repetition | None = None  # of this field's servers, not of the form's author
    stop: Stop | None = None
    seed: int | None = None  # bounded by `seed_of`
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=CHOICES_MAX)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: msgspec.Raw = refused()


class ChatBody(_Shared, frozen=True, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[tuple[Message, ...], Meta(min_length=1, max_length=CHAT_MESSAGES_MAX)]
    max_completion_tokens: Tokens | None = None
    top_k: Annotated[int, Meta(ge=0, le=2**20)] | None = None  # of this field's servers
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=TOP_LOGPROBS_MAX)] | None = None
    response_format: ResponseFormat | None = None
    template: Annotated[str, Meta(max_length=TEMPLATE_CHARS_MAX)] | None = None  # of this gateway
    modalities: tuple[str, ...] | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    functions: msgspec.Raw = refused()
    function_call: msgspec.Raw = refused()
    audio: msgspec.Raw = refused()
    prediction: msgspec.Raw = refused()
    web_search_options: msgspec.Raw = refused()
    reasoning_effort: msgspec.Raw = refused()


class CompletionBody(_Shared, frozen=True, kw_only=True):
    """`POST /v1/completions`."""

    prompt: str | Annotated[tuple[str, ...], Meta(min_length=1, max_length=PROMPTS_MAX)]
    logprobs: Annotated[int, Meta(ge=0, le=COMPLETION_LOGPROBS_MAX)] | None = None
    suffix: msgspec.Raw = refused()
    echo: msgspec.Raw = refused()
    best_of: msgspec.Raw = refused()


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed request: one market request for each choice, the features it needs, and how it is answered."""

    model: str
    requests: tuple[Any, ...]
    needs: dict[Feature, str]  # feature -> the parameter that asks for it
    stream: bool = False
    usage: bool = False  # a last chunk of the stream has it
    tools: Tools | None = None  # what the answer may call


def parse(body: bytes, kind: type[T]) -> T:
    """Return the request in `body`.

    Raises:
        BadRequest: no JSON, or a field that is missing, of the wrong type or out of range; `param` names it.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message, param = explain(str(error))
        raise BadRequest(message, param=param) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is no valid JSON: {error}.", param="body") from error


def chat(body: bytes) -> Asked:
    """The chat that `body` asks for. Raises BadRequest and Unsupported."""
    parsed = parse(body, ChatBody)
    _check_shared(parsed)
    if parsed.modalities not in (None, (), ("text",)):
        raise Unsupported("Answers are text; other modalities are not offered.", param="modalities")
    if parsed.top_logprobs is not None and not parsed.logprobs:
        raise BadRequest("`top_logprobs` belongs to `logprobs`; set that to true.", param="top_logprobs")
    form, needs = _form(parsed.response_format)
    if parsed.logprobs:
        needs["logprobs"] = "logprobs"
    messages = tuple(_turn(index, message) for index, message in enumerate(parsed.messages))
    tools = wanted(parsed.tools, parsed.tool_choice, parsed.parallel_tool_calls)
    if tools is not None:
        if form:
            raise Unsupported("An answer that may be a call has no other form.", param="response_format")
        messages = with_tools(tools, messages)
    if tools is not None and tools.demanded:
        form, needs["schema"] = schema_of(tools), "tool_choice"
    request = ChatRequest(
        model=parsed.model,
        messages=messages if parsed.template is None else with_template(parsed.template, messages),
        max_tokens=parsed.max_completion_tokens or parsed.max_tokens or DEFAULT_MAX_TOKENS,
        top_k=parsed.top_k or 0,
        form=form,
        top_logprobs=(parsed.top_logprobs or 0) if parsed.logprobs else None,
        **_sampling(parsed),
    )
    choices = choices_of(request, parsed.n or 1)
    return Asked(parsed.model, choices, needs, bool(parsed.stream), _usage(parsed), tools)


def completion(body: bytes) -> Asked:
    """The completions that `body` asks for, prompts before choices. Raises BadRequest and Unsupported."""
    parsed = parse(body, CompletionBody)
    _check_shared(parsed)
    prompts = (parsed.prompt,) if isinstance(parsed.prompt, str) else parsed.prompt
    needs: dict[Feature, str] = {} if parsed.logprobs is None else {"logprobs": "logprobs"}
    requests: tuple[CompletionRequest, ...] = ()
    for prompt in prompts:
        request = CompletionRequest(
            model=parsed.model,
            prompt=prompt,
            max_tokens=parsed.max_tokens or DEFAULT_MAX_TOKENS,
            top_logprobs=parsed.logprobs,
            **_sampling(parsed),
        )
        requests += choices_of(request, parsed.n or 1)
    if len(requests) > PROMPTS_MAX:
        raise BadRequest(f"Prompts times `n` may be {PROMPTS_MAX} at most.", param="n")
    return Asked(parsed.model, requests, needs, bool(parsed.stream), _usage(parsed))


def seed_of(given: int | None) -> int | None:
    """A seed as the market counts it, from 0 to 2^64 - 1. Raises BadRequest for more than 64 bits."""
    if given is not None and not -(2**63) <= given < 2**64:
        raise BadRequest("`seed` is an integer of 64 bits.", param="seed")
    return None if given is None else given % 2**64


def choices_of(request: T, count: int) -> tuple[T, ...]:
    """The request once for each choice; of a seeded one every further choice has a seed that follows from it."""
    seed = getattr(request, "seed", None)
    if seed is None:
        return (request,) * count
    seeds = [seed] + [_further_seed(seed, index) for index in range(1, count)]
    return tuple(msgspec.structs.replace(request, seed=each) for each in seeds)  # type: ignore[type-var]


def _further_seed(seed: int, index: int) -> int:
    data = f"{seed}:{index}".encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=b"neurond-choice").digest(), "big")


def _sampling(parsed: _Shared) -> dict[str, Any]:
    penalty = parsed.repetition_penalty
    return {
        "temperature": DEFAULT_TEMPERATURE if parsed.temperature is None else parsed.temperature,
        "top_p": DEFAULT_TOP_P if parsed.top_p is None else parsed.top_p,
        "repetition_penalty": DEFAULT_REPETITION_PENALTY if penalty is None else penalty,
        "stop": (parsed.stop,) if isinstance(parsed.stop, str) else parsed.stop or (),
        "seed": seed_of(parsed.seed),
    }


def _usage(parsed: _Shared) -> bool:
    return parsed.stream_options is not None and parsed.stream_options.include_usage


def _check_shared(parsed: _Shared) -> None:
    if parsed.stream_options is not None and not parsed.stream:
        raise BadRequest("`stream_options` belongs to streamed answers; set `stream` to true.", param="stream_options")
    for name in ("frequency_penalty", "presence_penalty"):
        if getattr(parsed, name):
            raise Unsupported("The models here know `repetition_penalty` only.", param=name)
    for name, what in REFUSED.items():
        value = getattr(parsed, name, _NULL)
        if bytes(value) not in _NEUTRAL:
            raise Unsupported(f"No model here offers {what}.", param=name)


def _form(wanted: ResponseFormat | None) -> tuple[str, dict[Feature, str]]:
    """The form of the answer as the market knows it, and the feature it needs."""
    if wanted is None or wanted.type == "text":
        return "", {}
    if wanted.type == "json_object":
        return "json", {"json": "response_format"}
    if wanted.json_schema is None:
        raise BadRequest("`response_format.json_schema` is required.", param="response_format.json_schema")
    check_depth(wanted.json_schema.schema)
    text = msgspec.json.encode(wanted.json_schema.schema)
    if len(text) > SCHEMA_BYTES_MAX:
        raise BadRequest(f"A schema has at most {SCHEMA_BYTES_MAX} bytes.", param="response_format.json_schema")
    return text.decode(), {"schema": "response_format"}


def _turn(index: int, message: Message) -> ChatTurn:
    where = f"messages[{index}]"
    if message.role == "function" or (message.tool_calls and message.role != "assistant"):
        raise Unsupported("Results of calls are messages of the role `tool`.", param=f"{where}.role")
    if message.role == "tool" and not message.tool_call_id:
        raise BadRequest(f"`{where}.tool_call_id` is required.", param=f"{where}.tool_call_id")
    is_call = message.role == "assistant" and bool(message.tool_calls)
    if not is_call and (message.content is msgspec.UNSET or (message.content is None and message.role != "assistant")):
        raise BadRequest(f"`{where}.content` is required.", param=f"{where}.content")
    role = {"developer": "system", "tool": "user"}.get(message.role, message.role)
    content = _text(message.content or "", where)
    if message.role == "tool":
        content = result(content)
    return ChatTurn(role, past_calls(message.tool_calls, content) if message.tool_calls else content)


def _text(content: str | tuple[Piece, ...], where: str) -> str:
    if isinstance(content, str):
        return content
    for place, piece in enumerate(content):
        if piece.type != "text":
            raise Unsupported(
                f"No model here reads content of the type {piece.type[:40]!r}.", param=f"{where}.content[{place}].type"
            )
    return "".join(piece.text for piece in content)
