"""One answer in the making: from logits to the next token, its text, and the reason it ended."""

from __future__ import annotations

from collections.abc import Sequence

from models.sampling import Logits, Sampling, choose
from models.token import Token
from models.tokens import TextCodec, TextStream
from models.verify import FinishReason


class AnswerState:
    """The sampler's memory of one answer. Not thread-safe; used by the thread that runs the steps."""

    def __init__(self, codec: TextCodec, sampling: Sampling, end_token: int) -> None:
        self.ids: list[int] = []
        self._sampling = sampling
        self._end_token = end_token
        self._stream = TextStream(codec, sampling.stop)

    def advance(self, logits: Logits) -> Token:
        """Draw the next token from logits [vocabulary]."""
        index = len(self.ids)
        token = choose(logits, self._sampling, index, self.ids)
        if token == self._end_token:
            return Token(None, index, self._stream.flush(), FinishReason.STOP)
        self.ids.append(token)
        text, stopped = self._stream.push(token)
        if stopped:
            return Token(token, index, text, FinishReason.STOP_STRING)
        if len(self.ids) == self._sampling.max_tokens:
            return Token(token, index, text + self._stream.flush(), FinishReason.LENGTH)
        return Token(token, index, text)


def visible_text(codec: TextCodec, ids: Sequence[int], stop: tuple[str, ...]) -> tuple[str, int | None]:
    """Text a reader sees of a whole answer, and the index of the token that completed a stop string, if any."""
    stream = TextStream(codec, stop)
    pieces: list[str] = []
    for index, token in enumerate(ids):
        text, stopped = stream.push(token)
        pieces.append(text)
        if stopped:
            return "".join(pieces), index
    return "".join([*pieces, stream.flush()]), None
