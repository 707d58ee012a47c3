"""The reply bodies of chats and completions, whole and in chunks. Knows nothing of HTTP but its headers.

The text of all chunks of a choice is the text of the whole answer. `neurond` beside the form's own fields names who
answered and the receipt that both sides signed; clients skip it.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from node.gateway.wire import Headers, with_id
from node.market.chat import ChatPart, TokenLogprob
from node.market.errors import CallBroken
from node.market.routes import Piece
from node.primitives.address import to_ss58
from node.primitives.types import AccountId
from node.subnets.doors import Comment


@dataclass(slots=True)
class Choice:
    """One answer as far as it has come."""

    parts: list[ChatPart] = field(default_factory=list)
    last: Piece | None = None
    done: bool = False

    def take(self, piece: Piece) -> None:
        """Take the next piece."""
        self.last = piece
        self.done = piece.done
        if not isinstance(piece.reply, Comment):
            self.parts.append(piece.reply)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)

    @property
    def logprobs(self) -> list[TokenLogprob]:
        return [each for part in self.parts for each in part.logprobs]

    @property
    def tokens(self) -> tuple[int, int]:
        """Of the prompt and of the answer."""
        usage = self.parts[-1].usage if self.parts else None
        return (0, 0) if usage is None else (usage.prompt_tokens, usage.completion_tokens)

    @property
    def finish_reason(self) -> str | None:
        return self.parts[-1].finish_reason if self.parts else None


class Form(Protocol):
    """How an answer looks."""

    request_id: str

    def headers(self, kind: Headers) -> Headers: ...

    def opening(self, index: int) -> list[dict[str, Any]]:
        """The chunks before the first piece of a choice."""
        ...

    def chunks(self, index: int, piece: Piece) -> list[dict[str, Any]]:
        """The chunks of one piece."""
        ...

    def check(self, choices: Sequence[Choice]) -> None:
        """Raise CallBroken for finished answers that lack what was asked for."""
        ...

    def usage(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The last chunk, if it was asked for."""
        ...

    def whole(self, choices: Sequence[Choice]) -> Any:
        """The body of the whole answer."""
        ...


class _Common:
    """What both forms share."""

    prefix = ""
    kind = ""
    chunk_kind = ""

    def __init__(self, model: str, request_id: str, *, with_logprobs: bool = False) -> None:
        self.request_id = request_id
        self._model = model
        self._with_logprobs = with_logprobs
        self._created_s = int(time.time())
        self._prints: dict[tuple[AccountId, str], str] = {}  # at most one a choice and engine

    def headers(self, kind: Headers) -> Headers:
        return with_id(kind, self.request_id)

    def check(self, choices: Sequence[Choice]) -> None:
        if self._with_logprobs and any(choice.tokens[1] and not choice.logprobs for choice in choices):
            raise CallBroken("The miner told no log-probabilities.")

    def usage(self, choices: Sequence[Choice]) -> dict[str, Any]:
        return {**self._frame(self.chunk_kind, None), "choices": [], "usage": self._usage(choices)}

    def _frame(self, kind: str, piece: Piece | None) -> dict[str, Any]:
        return {
            "id": f"{self.prefix}-{self.request_id}",
            "object": kind,
            "created": self._created_s,
            "model": self._model,
            "system_fingerprint": None if piece is None else self._fingerprint(piece),
        }

    def _fingerprint(self, piece: Piece) -> str:
        told: str = getattr(piece.reply, "fingerprint", "")
        known = self._prints.get((piece.miner, told))
        if known is None:
            known = self._prints[piece.miner, told] = fingerprint(self._model, piece.miner, told)
        return known

    def _usage(self, choices: Sequence[Choice]) -> dict[str, int]:
        """Every choice's answer; a prompt counts once for each call that read it, as it is paid for."""
        prompt = sum(choice.tokens[0] for choice in choices)
        answer = sum(choice.tokens[1] for choice in choices)
        return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}

    def _provenance(self, choices: Sequence[Choice]) -> dict[str, Any]:
        pieces = [choice.last for choice in choices if choice.last is not None]
        if len(pieces) == 1:
            return {"neurond": provenance(pieces[0])}
        return {"neurond": {"answers": [provenance(piece) for piece in pieces]}}


class ChatForm(_Common):
    """`chat.completion` and its chunks."""

    prefix, kind, chunk_kind = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def opening(self, index: int) -> list[dict[str, Any]]:
        choice = {
            "index": index,
            "delta": {"role": "assistant", "content": ""},
            "logprobs": None,
            "finish_reason": None,
        }
        return [{**self._frame(self.chunk_kind, None), "choices": [choice]}]

    def chunks(self, index: int, piece: Piece) -> list[dict[str, Any]]:
        part: ChatPart = piece.reply
        frame, found = self._frame(self.chunk_kind, piece), []
        if part.text or part.logprobs:
            logprobs = chat_logprobs(part.logprobs) if self._with_logprobs else None
            choice = {"index": index, "delta": {"content": part.text}, "logprobs": logprobs, "finish_reason": None}
            found.append({**frame, "choices": [choice]})
        if piece.done:
            choice = {"index": index, "delta": {}, "logprobs": None, "finish_reason": part.finish_reason}
            found.append({**frame, "choices": [choice], "neurond": provenance(piece)})
        return found

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        shown = [
            {
                "index": index,
                "message": {"role": "assistant", "content": choice.text},
                "logprobs": chat_logprobs(choice.logprobs) if self._with_logprobs else None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(choices)
        ]
        frame = self._frame(self.kind, choices[0].last)
        return {**frame, "choices": shown, "usage": self._usage(choices), **self._provenance(choices)}


class TextForm(_Common):
    """`text_completion`; its chunks have the same form."""

    prefix, kind, chunk_kind = "cmpl", "text_completion", "text_completion"

    def opening(self, index: int) -> list[dict[str, Any]]:
        return []

    def chunks(self, index: int, piece: Piece) -> list[dict[str, Any]]:
        part: ChatPart = piece.reply
        frame, found = self._frame(self.chunk_kind, piece), []
        if part.text or part.logprobs:
            logprobs = text_logprobs(part.logprobs) if self._with_logprobs else None
            choice = {"index": index, "text": part.text, "logprobs": logprobs, "finish_reason": None}
            found.append({**frame, "choices": [choice]})
        if piece.done:
            choice = {"index": index, "text": "", "logprobs": None, "finish_reason": part.finish_reason}
            found.append({**frame, "choices": [choice], "neurond": provenance(piece)})
        return found

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        shown = [
            {
                "index": index,
                "text": choice.text,
                "logprobs": text_logprobs(choice.logprobs) if self._with_logprobs else None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(choices)
        ]
        frame = self._frame(self.kind, choices[0].last)
        return {**frame, "choices": shown, "usage": self._usage(choices), **self._provenance(choices)}


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """Log-probabilities as chats show them."""
    return {
        "content": [
            {**_token(each.token, each.logprob), "top_logprobs": [_token(token, value) for token, value in each.top]}
            for each in tokens
        ],
        "refusal": None,
    }


def text_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    """Log-probabilities as completions show them; offsets are characters of this piece of text."""
    offsets, at = [], 0
    for each in tokens:
        offsets.append(at)
        at += len(each.token)
    return {
        "tokens": [each.token for each in tokens],
        "token_logprobs": [each.logprob for each in tokens],
        "top_logprobs": [dict(each.top) for each in tokens],
        "text_offset": offsets,
    }


def fingerprint(model: str, miner: AccountId, told: str) -> str:
    """What a seeded answer depends on besides the request: the model, the miner, who draws with noise of its own, and
    what the miner's engine tells of itself."""
    data = b"\0".join((model.encode(), miner, told.encode()))
    return f"fp_{hashlib.blake2b(data, digest_size=6, person=b'neurond-print').hexdigest()}"


def provenance(piece: Piece) -> dict[str, Any]:
    """Who answered, the digest of the receipt, and what was paid."""
    receipt = None if piece.receipt is None else piece.receipt.hex()
    return {"miner": to_ss58(piece.miner), "receipt": receipt, "paid_rao": piece.paid_rao}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
