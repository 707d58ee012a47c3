"""One answer in the making: from logits to the next token, its text, and the reason it ended."""

from __future__ import annotations

from collections.abc import Sequence

from models.logprobs import leaders, log_total, surprisal
from models.masks import FormCursor
from models.sampling import Logits, Sampling, choose
from models.token import Token
from models.tokens import TextCodec, TextStream
from models.verify import FinishReason


class AnswerState:
    """The sampler's memory of one answer. Not thread-safe; used by the thread that runs the steps."""

    def __init__(self, codec: TextCodec, sampling: Sampling, end_token: int, form: FormCursor | None = None) -> None:
        self.ids: list[int] = []
        self._form = form
        self._sampling = sampling
        self._end_token = end_token
        self._stream = TextStream(codec, sampling.stop)

    def advance(self, logits: Logits) -> Token:
        """Draw the next token from logits [vocabulary]."""
        index = len(self.ids)
        token = choose(logits, self._sampling, index, self.ids, None if self._form is None else self._form.allowed())
        if token == self._end_token:
            return Token(None, index, self._stream.flush(), FinishReason.STOP)
        self.ids.append(token)
        if self._form is not None:
            self._form.push(token)
        total = log_total(logits)
        told = surprisal(logits, token, total), leaders(logits, self._sampling.top_logprobs, total)
        text, stopped = self._stream.push(token)
        if stopped:
            return Token(token, index, text, FinishReason.STOP_STRING, *told)
        if len(self.ids) == self._sampling.max_tokens:
            return Token(token, index, text + self._stream.flush(), FinishReason.LENGTH, *told)
        return Token(token, index, text, None, *told)


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
