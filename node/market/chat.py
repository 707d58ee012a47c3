"""A chat as users' programs ask for it, already parsed: what gateways hand in and get back.

Numbers are plain floats here; the wire form of a task has integers only. Nothing of this file is signed.
"""

from collections.abc import Mapping

import msgspec

from node.primitives.types import AccountId, Hash

DEFAULT_TEMPERATURE = 0.7
DEFAULT_TOP_P = 0.9
DEFAULT_REPETITION_PENALTY = 1.1  # small models repeat themselves without it
DEFAULT_MAX_TOKENS = 128


class ChatTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of the conversation; roles are system, user and assistant."""

    role: str
    content: str


class ChatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A user's question. `seed` makes the question repeatable, not the answer: each miner draws with its own noise."""

    model: str
    messages: tuple[ChatTurn, ...]
    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = DEFAULT_TEMPERATURE
    top_p: float = DEFAULT_TOP_P
    top_k: int = 0
    repetition_penalty: float = DEFAULT_REPETITION_PENALTY
    stop: tuple[str, ...] = ()
    seed: int | None = None
    form: str = (
        ""  # "" any text, "json" a JSON object, else the text of a JSON schema; needs the feature json or schema
    )
    top_logprobs: int | None = (
        None  # likeliest tokens told with each token; needs the feature logprobs; None tells none
    )


class ChatUsage(msgspec.Struct, frozen=True):
    """Tokens of the prompt and of the answer."""

    prompt_tokens: int
    completion_tokens: int


class TokenLogprob(msgspec.Struct, frozen=True):
    """A token of the answer with its natural log-probability, and the likeliest at its place with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class ChatPart(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the answer. The last has `done`, usage, finish reason (stop or length), the receipt's digest, and the
    id under which the task is listed."""

    text: str
    index: int
    done: bool = False
    miner: AccountId
    usage: ChatUsage | None = None
    finish_reason: str | None = None
    receipt: Hash | None = None
    task_id: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()  # of the tokens of this piece, when asked for
    fingerprint: str = ""  # of model and engine: equal ones repeat an answer to the same seed at the same miner


class ModelInfo(msgspec.Struct, frozen=True):
    """A model users may name in requests to `path`; `miners` is the number of seats that could serve it now."""

    name: str
    subnet: str
    netuid: int
    miners: int
    path: str = "/v1/chat/completions"
    facts: Mapping[str, str | int] = {}
