"""The forms that OpenAI-compatible servers speak, as far as they are needed here. Values only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from models import Sampling

_TOP_MAX: Final = 20


class TokenOdds(msgspec.Struct):
    """A token with its log-probability; `bytes` where its text is no whole character."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top: list["TokenOdds"] = msgspec.field(default_factory=list, name="top_logprobs")


class Logprobs(msgspec.Struct):
    content: list[TokenOdds] | None = None


class Piece(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    delta: Piece
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Trouble(msgspec.Struct):
    message: str = ""


class Chunk(msgspec.Struct):
    """One event of a stream."""

    choices: list[Choice] = []
    error: Trouble | None = None


class Failure(msgspec.Struct):
    error: Trouble | str


class ModelEntry(msgspec.Struct):
    id: str


class ModelList(msgspec.Struct):
    data: list[ModelEntry]


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event adds: its text, and its tokens where the server tells them (None where it does not)."""

    text: str
    odds: tuple[TokenOdds, ...] | None


def question(model: str, chat: Sequence[tuple[str, str]], sampling: Sampling, *, tells: bool, extras: bool) -> bytes:
    """The body of a chat request. `tells` asks for log-probabilities, `extras` for what OpenAI's own does not know."""
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": role, "content": content} for role, content in chat],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": int.from_bytes(sampling.seed[:4], "big"),
        "stream": True,
    }
    if tells or sampling.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": min(sampling.top_logprobs, _TOP_MAX)}
    if sampling.form == "json":
        body["response_format"] = {"type": "json_object"}
    elif sampling.form:
        schema = {"name": "answer", "schema": json.loads(sampling.form), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if extras:
        body |= {"repetition_penalty": sampling.repetition_penalty}
        body |= {"top_k": sampling.top_k} if sampling.top_k else {}
    return json.dumps(body).encode()
