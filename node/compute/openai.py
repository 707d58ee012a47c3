"""A text model on an OpenAI-compatible server (vLLM, Ollama, llama.cpp, a node's gateway): drawn there, told here.

The server draws with noise of its own, so its answers are judged by likelihood and paid less. Token ids come from the
bytes that the server tells with each token; where it tells none, the whole text is encoded at the end and comes in one
piece. Stop strings are watched for here, because a server leaves out the text that completes one.
"""

import base64
import os
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import msgspec
import trio

from models import (
    BadPrompt,
    Busy,
    FinishReason,
    ModelCard,
    ModelUnavailable,
    RuntimeFailure,
    Sampling,
    Token,
    Told,
    Verification,
)
from models.limits import MAX_SURPRISAL
from models.tokens import PLAIN_ROLE, TextCodec, TextStream
from node.compute.choice import Backend
from node.compute.http import Reply, request
from node.compute.limits import PROMPTS_KEPT_MAX, STREAMS_MAX
from node.compute.wording import Chunk, Delta, Failure, ModelList, TokenOdds, question

KEY_VARIABLE: Final = "NEUROND_BACKEND_KEY"
_PER_NAT: Final = 10_000
_WISHES: Final = ((True, True), (False, True), (False, False))  # parameters beyond OpenAI's own, log-probabilities
_REFUSED: Final = (400, 422)


class RemoteText:
    """One model of a server behind the interface of runtimes. Needs its tokenizer here, not its weights."""

    def __init__(self, backend: Backend, card: ModelCard, codec: TextCodec) -> None:
        self._url = backend.address
        self._model = backend.model or card.name
        self._card = card
        self._codec = codec
        self._pieces = codec.token_bytes()
        self._ids = {data: token for token, data in enumerate(self._pieces) if data}
        # Servers write the end token as its name or as nothing at all.
        self._special = {name.encode(): token for name, token in codec.special.items()} | {b"": card.end_token}
        # Servers take chats, runtimes prompts: a prompt is remembered with its chat from its count to its answer.
        self._chats: OrderedDict[tuple[int, ...], tuple[tuple[str, str], ...]] = OrderedDict()
        self._room = trio.CapacityLimiter(STREAMS_MAX)
        self._extras = True  # until the server refuses parameters that OpenAI's own does not know
        self._tells = True  # until the server shows that it tells no log-probabilities

    @property
    def name(self) -> str:
        return self._card.name

    @property
    def model_id(self) -> str:
        return self._card.sha256

    @property
    def context(self) -> int:
        return self._card.context

    @property
    def vocabulary(self) -> int:
        return self._card.vocabulary

    @property
    def provider(self) -> str:
        """Where answers are drawn, for display."""
        return f"openai:{self._url}"

    async def check(self) -> None:
        """Ask the server for its models. Raises ModelUnavailable when the wanted one is not among them."""
        async with request("GET", f"{self._url}/models", headers=self._headers()) as reply:
            body = await reply.body()
            if reply.status != 200:
                raise _failure(reply.status, body)
        try:
            names = [each.id for each in msgspec.json.decode(body, type=ModelList).data]
        except msgspec.MsgspecError as error:
            raise RuntimeFailure(f"the server at {self._url} lists its models in no known form: {error}") from error
        if self._model not in names:
            raise ModelUnavailable(
                f"the server at {self._url} does not serve {self._model!r}; name the one of its models that this is "
                f"(openai:URL#NAME): {', '.join(names)[:200] or 'it has none'}"
            )

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        if [role for role, _ in messages] == [PLAIN_ROLE]:
            raise ModelUnavailable("this back end continues chats only, not plain text")
        prompt = await trio.to_thread.run_sync(self._codec.chat, messages)
        self._chats[tuple(prompt)] = tuple(messages)
        self._chats.move_to_end(tuple(prompt))
        while len(self._chats) > PROMPTS_KEPT_MAX:
            self._chats.popitem(last=False)
        return prompt

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        stream = TextStream(self._codec, sampling.stop)
        return "".join([stream.push(token)[0] for token in tokens]) + stream.flush()

    async def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        return [self._pieces[token] if token < len(self._pieces) else b"" for token in tokens]

    async def verify(
        self,
        prompt: Sequence[int],
        claimed: Sequence[int],
        sampling: Sampling,
        finish_reason: FinishReason,
        told: Told | None = None,
        *,
        seeded: bool = True,
    ) -> Verification:
        """Never: a server that draws answers is no judge of them. Raises ModelUnavailable."""
        raise ModelUnavailable("answers are judged by a model in this process; validators use the back end onnx")

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        """Tokens as the server sends them. Raises ModelError."""
        chat = self._chats.get(tuple(prompt))
        if chat is None:
            raise BadPrompt("a back end that takes chats was given a prompt that no chat made")
        if len(prompt) + sampling.max_tokens > self._card.context:
            raise BadPrompt(f"prompt and answer exceed the context of {self._card.context}")
        wishes = [(e, t) for e, t in _WISHES if e <= self._extras and t <= self._tells]
        for extras, tells in wishes:  # a server that refuses is asked once more with fewer wishes
            body = question(self._model, chat, sampling, tells=tells, extras=extras)
            url = f"{self._url}/chat/completions"
            async with self._room, request("POST", url, body=body, headers=self._headers()) as reply:
                if reply.status != 200:
                    failed = _failure(reply.status, await reply.body())
                    if reply.status not in _REFUSED or (extras, tells) == wishes[-1]:
                        raise failed
                    continue
                self._extras, self._tells = extras, tells
                async with aclosing(self._read(reply, sampling)) as tokens:
                    async for token in tokens:
                        yield token
                return

    async def _read(self, reply: Reply, sampling: Sampling) -> AsyncGenerator[Token, None]:
        answer = _Growing(self._codec, self._ids, self._special, sampling)
        finish = ""
        async with aclosing(reply.lines()) as lines:
            async for line in lines:
                if not line.startswith(b"data:"):
                    continue
                data = line[5:].strip()
                if data == b"[DONE]":
                    break
                delta, ended = _parsed(data)
                finish = ended or finish
                for token in answer.take(delta):
                    yield token
                    if token.finish_reason is not None:
                        return
        for token in answer.end(finish):
            yield token

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(KEY_VARIABLE, "")
        return {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})


class _Growing:
    """An answer as it arrives: from what the server tells to tokens."""

    def __init__(self, codec: TextCodec, ids: dict[bytes, int], special: dict[bytes, int], sampling: Sampling) -> None:
        self._codec = codec
        self._known = ids
        self._special = special
        self._sampling = sampling
        self._stream = TextStream(codec, sampling.stop)
        self._count = 0
        self._text: list[str] = []  # of a server that tells no tokens

    def take(self, delta: Delta) -> list[Token]:
        if delta.odds is None:
            self._text.append(delta.text)
            return []
        out: list[Token] = []
        for odds in delta.odds:
            token = self._one(odds)
            if token is not None:
                out.append(token)
                if token.finish_reason is not None:
                    break
        return out

    def end(self, finish: str) -> list[Token]:
        """What is left when the server has ended."""
        if self._text and not self._count:
            return self._whole("".join(self._text), finish)
        if finish != "stop":
            raise RuntimeFailure(
                f"the server ended its answer after {self._count} tokens: {finish or 'it does not say why'}"
            )
        return [Token(None, self._count, self._stream.flush(), FinishReason.STOP, seeded=False)]

    def _whole(self, text: str, finish: str) -> list[Token]:
        ids = self._codec.encode(text)[: self._sampling.max_tokens]
        out = []
        for token in ids:
            out.append(self._told(token, 0, ()))
            if out[-1].finish_reason is not None:
                return out
        return [*out, Token(None, self._count, self._stream.flush(), FinishReason.STOP, seeded=False)]

    def _one(self, odds: TokenOdds) -> Token | None:
        data = _written(odds)
        if data in self._special:
            return None  # some servers tell the end token too
        token = self._known.get(data)
        if token is None:
            raise RuntimeFailure(f"the server told a token that the model does not have: {odds.token!r:.40}")
        likely = [(self._special.get(_written(o), self._known.get(_written(o))), o) for o in odds.top]
        leaders = sorted((_surprisal(o.logprob), each) for each, o in likely if each is not None)
        wanted = self._sampling.top_logprobs
        if len(leaders) < wanted:
            raise RuntimeFailure("the server tells fewer likely tokens than were asked for")
        return self._told(token, _surprisal(odds.logprob), tuple((each, value) for value, each in leaders[:wanted]))

    def _told(self, token: int, surprisal: int, leaders: tuple[tuple[int, int], ...]) -> Token:
        index, self._count = self._count, self._count + 1
        text, stopped = self._stream.push(token)
        finish = FinishReason.STOP_STRING if stopped else None
        if finish is None and self._count == self._sampling.max_tokens:
            finish, text = FinishReason.LENGTH, text + self._stream.flush()
        return Token(token, index, text, finish, surprisal, leaders, False)


def _written(odds: TokenOdds) -> bytes:
    return bytes(odds.bytes) if odds.bytes is not None else odds.token.encode()


def _surprisal(logprob: float) -> int:
    return min(max(round(-logprob * _PER_NAT), 0), MAX_SURPRISAL) if logprob > -1e5 else MAX_SURPRISAL


def _parsed(data: bytes) -> tuple[Delta, str]:
    """The piece in one event, and why the answer ended if it says so. Raises RuntimeFailure."""
    try:
        chunk = msgspec.json.decode(data, type=Chunk)
    except msgspec.MsgspecError as error:
        raise RuntimeFailure(f"the server sent what no known form allows: {error!s:.200}") from error
    if chunk.error is not None:
        raise RuntimeFailure(f"the server failed while answering: {chunk.error.message[:200]}")
    if not chunk.choices:
        return Delta("", ()), ""
    choice = chunk.choices[0]
    text = choice.delta.content or ""
    odds = choice.logprobs.content if choice.logprobs is not None else None
    if not text and not odds:
        return Delta("", ()), choice.finish_reason or ""
    return Delta(text, None if odds is None else tuple(odds)), choice.finish_reason or ""


def _failure(status: int, body: bytes) -> Exception:
    """An error of the server as one of ours."""
    try:
        error = msgspec.json.decode(body, type=Failure).error
        told = error if isinstance(error, str) else error.message
    except msgspec.MsgspecError:
        told = base64.b64encode(body[:60]).decode() if not body.isascii() else body[:200].decode()
    told = f"the server answered {status}: {told[:300]}"
    if status in (429, 503):
        return Busy(told)
    if status in (400, 413, 422):
        return BadPrompt(told)
    if status == 404:
        return ModelUnavailable(told)
    return RuntimeFailure(told)
