"""What travels in subnet Nineteen: a chat to continue, and the pieces of its continuation.

Numbers are integers: temperatures and shares are in thousandths. The seed of a task is not the seed of an answer: each
miner mixes its hotkey in (`sampling_of`), so that an answer fits one miner only and a copied one is wrong.
"""

from collections.abc import Sequence
from typing import Final

from models import BadSampling, Sampling
from models.limits import (
    MAX_ANSWER_TOKENS,
    MAX_CONTENT_CHARS,
    MAX_MESSAGES,
    MAX_SCHEMA_CHARS,
    MAX_STOP_CHARS,
    MAX_STOP_STRINGS,
    MAX_SURPRISAL,
    MAX_TOP_LOGPROBS,
    MAX_VOCABULARY,
    SEED_BYTES,
)
from node.market.chat import ChatPart, ChatRequest, ChatUsage, TokenLogprob
from node.market.errors import BadRequest, MalformedMessage
from node.market.forms import CompletionRequest
from node.primitives.crypto import digest
from node.primitives.text import nfc
from node.primitives.types import ZERO_HASH, AccountId
from node.subnets.base import Message, Part, Usage, check_text

PLAIN_ROLE: Final = "text"  # of a single turn that is continued as it stands, without the frame of a chat
ROLES: Final = frozenset({"system", "user", "assistant", PLAIN_ROLE})
FINISH_REASONS: Final = frozenset({"stop", "length", "stop_string"})
MODEL_NAME_CHARS_MAX: Final = 128
TOKENS_PER_PART_MAX: Final = MAX_ANSWER_TOKENS
TEXT_PER_PART_CHARS_MAX: Final = MAX_CONTENT_CHARS
MILLI: Final = 1000
SURPRISAL_PER_NAT: Final = 10_000
TOKEN_BYTES_MAX: Final = 256  # the longest of a vocabulary of 49 152 writes 130

TEMPLATE_TOKENS_MAX: Final = 128  # a template's own system prompt and its beginning; that of SmolLM2 has about 30
TURN_TOKENS_MAX: Final = 16  # the marks around a turn; ChatML has five


class Turn(Message, frozen=True):
    """One message of the conversation."""

    role: str
    content: str

    def check(self) -> None:
        if self.role not in ROLES:
            raise MalformedMessage(f"A role is system, user, assistant or text, not {self.role[:20]!r}.")
        check_text("A message", self.content, max_chars=MAX_CONTENT_CHARS)


class ChatTask(Message, frozen=True):
    """Continue this chat with that model, sampled so."""

    model: str
    turns: tuple[Turn, ...]
    seed: bytes
    max_tokens: int
    temperature_milli: int
    top_p_milli: int
    top_k: int
    repetition_penalty_milli: int
    stop: tuple[str, ...]
    form: str = ""  # "" free text, "json" any JSON object, else the text of a JSON schema
    logprobs: int = 0  # 0: none are told; 1 + n: those of each token and of the n likeliest at its place

    def check(self) -> None:
        check_text("The model's name", self.model, max_chars=MODEL_NAME_CHARS_MAX)
        if not 0 < len(self.turns) <= MAX_MESSAGES:
            raise MalformedMessage(f"A chat has 1 to {MAX_MESSAGES} messages, not {len(self.turns)}.")
        for turn in self.turns:
            turn.check()
        if len(self.turns) > 1 and any(turn.role == PLAIN_ROLE for turn in self.turns):
            raise MalformedMessage("A plain text stands alone.")
        if sum(len(turn.content) for turn in self.turns) > MAX_CONTENT_CHARS:
            raise MalformedMessage(f"The messages have more than {MAX_CONTENT_CHARS} characters together.")
        if len(self.stop) > MAX_STOP_STRINGS:
            raise MalformedMessage(f"At most {MAX_STOP_STRINGS} stop strings, not {len(self.stop)}.")
        for text in self.stop:
            check_text("A stop string", text, max_chars=MAX_STOP_CHARS)
        check_text("A form", self.form, max_chars=MAX_SCHEMA_CHARS)
        if not 0 <= self.logprobs <= 1 + MAX_TOP_LOGPROBS:
            raise MalformedMessage(f"logprobs is 0 to {1 + MAX_TOP_LOGPROBS}.")
        if not 0 <= self.top_k <= MAX_VOCABULARY:
            raise MalformedMessage(f"top_k is 0 to {MAX_VOCABULARY}.")
        if len(self.seed) != SEED_BYTES:
            raise MalformedMessage(f"A seed has {SEED_BYTES} bytes.")
        try:
            sampling_of(self, AccountId(bytes(ZERO_HASH)))
        except BadSampling as error:
            raise MalformedMessage(f"Sampling: {error}.") from error


class Odds(Message, frozen=True):
    """A token, the bytes it writes, and its surprisal: minus its log-probability, in ten-thousandths of a nat."""

    token: int
    surprisal: int
    piece: bytes

    def check(self) -> None:
        if not (0 <= self.token < MAX_VOCABULARY and 0 <= self.surprisal <= MAX_SURPRISAL):
            raise MalformedMessage("A token or its probability is out of range.")
        if len(self.piece) > TOKEN_BYTES_MAX:
            raise MalformedMessage(f"A token writes at most {TOKEN_BYTES_MAX} bytes.")


class ChatPiece(Part, frozen=True):
    """One or more tokens and the text they add; the last piece has the finish reason, and maybe no token.

    Each token comes with its surprisal, which only who ran the weights can know. `odds`, where the task asks for them,
    hold for each token first itself and then the likeliest at its place. `seeded` is false when an engine drew with
    noise of its own.
    """

    ids: tuple[int, ...]
    text: str
    finish_reason: str
    surprisals: tuple[int, ...] = ()
    odds: tuple[tuple[Odds, ...], ...] = ()
    seeded: bool = True

    def check(self) -> None:
        if len(self.ids) > TOKENS_PER_PART_MAX or any(not 0 <= token < MAX_VOCABULARY for token in self.ids):
            raise MalformedMessage("A part holds too many tokens, or one that no model has.")
        if len(self.surprisals) != len(self.ids) or any(not 0 <= each <= MAX_SURPRISAL for each in self.surprisals):
            raise MalformedMessage("A part has one surprisal for each token, each within its range.")
        if len(self.odds) not in (0, len(self.ids)) or any(len(each) > 1 + MAX_TOP_LOGPROBS for each in self.odds):
            raise MalformedMessage("A part has the odds of all its tokens or of none.")
        for each in self.odds:
            for odds in each:
                odds.check()
        if len(self.text) > TEXT_PER_PART_CHARS_MAX:
            raise MalformedMessage("The text of a part is too long.")
        if self.done != (self.finish_reason in FINISH_REASONS) or not (self.done or self.finish_reason == ""):
            raise MalformedMessage("The last part, and no other, has a finish reason.")
        if min(self.index, self.usage.prompt_tokens, self.usage.completion_tokens) < 0:
            raise MalformedMessage("A number of a part is negative.")
        if self.usage.units:
            raise MalformedMessage("Text is counted in tokens; there are no other units.")


def sampling_of(task: ChatTask, miner: AccountId) -> Sampling:
    """How one miner draws its answer. Raises models.BadSampling for numbers out of range."""
    return Sampling(
        seed=digest("sampling", task.seed, miner),
        temperature=task.temperature_milli / MILLI,
        top_p=task.top_p_milli / MILLI,
        top_k=task.top_k,
        repetition_penalty=task.repetition_penalty_milli / MILLI,
        max_tokens=task.max_tokens,
        stop=task.stop,
        form=task.form,
        top_logprobs=max(0, task.logprobs - 1),
    )


def chat_of(task: ChatTask) -> list[tuple[str, str]]:
    """The conversation as models take it."""
    return [(turn.role, turn.content) for turn in task.turns]


def quote(task: ChatTask) -> Usage:
    """The most tokens that a task can come to: none is shorter than a byte, and templates add a few to each turn."""
    text = sum(len(role.encode()) + len(content.encode()) + TURN_TOKENS_MAX for role, content in chat_of(task))
    return Usage(TEMPLATE_TOKENS_MAX + text, task.max_tokens)


def to_task(request: ChatRequest, entropy: bytes) -> ChatTask:
    """A user's request as a task. `entropy` (32 bytes) seeds it unless the user gave a seed. Raises BadRequest."""
    if not request.messages:
        raise BadRequest("messages is empty; send at least one.", param="messages")
    turns = tuple(Turn(turn.role, _plain(turn.content)) for turn in request.messages)
    if any(turn.role == PLAIN_ROLE for turn in turns):
        raise BadRequest("A role is system, user or assistant.", param="messages")
    return _task(request, turns, entropy, form=request.form, top_k=request.top_k, param="messages")


def completion_task(request: CompletionRequest, entropy: bytes) -> ChatTask:
    """A text to continue as a task; as `to_task`. Raises BadRequest."""
    if not request.prompt:
        raise BadRequest("prompt is empty; send some text.", param="prompt")
    return _task(request, (Turn(PLAIN_ROLE, _plain(request.prompt)),), entropy, form="", top_k=0, param="prompt")


def _task(
    request: ChatRequest | CompletionRequest, turns: tuple[Turn, ...], entropy: bytes, *, form: str, top_k: int,
    param: str,
) -> ChatTask:  # fmt: skip
    task = ChatTask(
        model=request.model,
        turns=turns,
        seed=entropy if request.seed is None else _user_seed(request.seed),
        max_tokens=request.max_tokens,
        temperature_milli=_milli("temperature", request.temperature),
        top_p_milli=_milli("top_p", request.top_p),
        top_k=top_k,
        repetition_penalty_milli=_milli("repetition_penalty", request.repetition_penalty),
        stop=tuple(_plain(text) for text in request.stop),
        form=_plain(form),
        logprobs=0 if request.top_logprobs is None else 1 + request.top_logprobs,
    )
    try:
        sampling_of(task, AccountId(bytes(ZERO_HASH)))
    except BadSampling as error:
        raise BadRequest(f"{error}.", param=_named_in(str(error))) from error
    try:
        task.check()
    except MalformedMessage as error:
        raise BadRequest(error.message, param=param) from error
    return task


def to_reply(piece: ChatPiece, miner: AccountId) -> ChatPart:
    """A piece of an answer as users see it; a completed stop string counts as a stop."""
    told = tuple(_told(odds) for odds in piece.odds if odds)
    if not piece.done:
        return ChatPart(text=piece.text, index=piece.index, miner=miner, logprobs=told)
    return ChatPart(
        text=piece.text,
        index=piece.index,
        done=True,
        miner=miner,
        usage=ChatUsage(piece.usage.prompt_tokens, piece.usage.completion_tokens),
        finish_reason="length" if piece.finish_reason == "length" else "stop",
        logprobs=told,
    )


def _told(odds: Sequence[Odds]) -> TokenLogprob:
    own, *likeliest = odds
    return TokenLogprob(
        _shown(own),
        -own.surprisal / SURPRISAL_PER_NAT,
        tuple((_shown(each), -each.surprisal / SURPRISAL_PER_NAT) for each in likeliest),
    )


def _shown(odds: Odds) -> str:
    return odds.piece.decode("utf-8", "replace")


def _plain(text: str) -> str:
    return nfc(text)


def _milli(name: str, value: float) -> int:
    if not 0 <= value <= MILLI:  # also refuses NaN; the exact range is the sampler's
        raise BadRequest(f"{name} is out of range.", param=name)
    return round(value * MILLI)


def _user_seed(seed: int) -> bytes:
    if not 0 <= seed < 2**64:
        raise BadRequest("seed is an integer from 0 to 2^64 - 1.", param="seed")
    return digest("user-seed", seed.to_bytes(8, "big"))


def _named_in(complaint: str) -> str:
    """The request's field that a complaint of the sampler begins with."""
    fields = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens", "top_logprobs", "response_format")
    return next((name for name in fields if complaint.startswith(name)), "stop")
