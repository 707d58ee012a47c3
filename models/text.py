"""A language model that runs: chat prompt, seeded generation, and verification of another node's answer.

Prompts are fed in chunks of fixed size, so that an answer made alone and one made in a batch see the same numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from models.answer import AnswerState, visible_text
from models.bundle import ONNX_FILE, TOKENIZER_FILE, ModelCard, check_bundle, read_bounded
from models.errors import BadPrompt, BadSampling, PromptTooLong
from models.limits import MAX_INTRA_THREADS, MAX_TOKENIZER_BYTES, PREFILL_CHUNK_TOKENS
from models.logprobs import told_error
from models.masks import FormCursor, TokenMasks
from models.opening import Opening, common
from models.plausibility import Plausibility
from models.providers import open_decoder
from models.runtime import Decoder, KvCache, Logits, default_threads
from models.sampling import Sampling
from models.token import Token, Told
from models.tokens import TextCodec
from models.verify import FinishReason, Reason, Verification, conclude, position_gap, refused


class TextModel:
    """One ONNX session and its tokenizer. Every method may be called from several threads at once."""

    def __init__(self, card: ModelCard, decoder: Decoder, codec: TextCodec) -> None:
        self.card = card
        self.decoder = decoder
        self.codec = codec
        self.provider = decoder.provider  # the execution provider the session really uses
        self.runtime_version: str = onnxruntime.__version__
        self._masks: TokenMasks | None = None
        self._guard = threading.Lock()
        self._opening: Opening | None = None
        self._judged: tuple[list[int], KvCache] | None = None  # what was fed last to verify: the next may begin alike

    def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of a chat of (role, content). Raises BadPrompt: unknown role, control marker in a content."""
        return self.codec.chat(messages)

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; control tokens are never produced. Raises BadPrompt when too long."""
        return self.codec.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of token ids; incomplete characters become U+FFFD."""
        return self.codec.decode(tokens)

    def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        """The text that the stream of this answer adds up to: what a validator compares with the text delivered."""
        return visible_text(self.codec, tokens, sampling.stop)[0]

    def room(self, prompt: Sequence[int]) -> int:
        """Largest `max_tokens` that still fits behind this prompt; 0 or less when none does."""
        return self.card.context - len(prompt)

    def check_request(self, prompt: Sequence[int], sampling: Sampling) -> None:
        """Raise BadPrompt or PromptTooLong for a request this model cannot serve."""
        if not prompt:
            raise BadPrompt("the prompt is empty")
        if not all(0 <= token < self.card.vocabulary for token in prompt):
            raise BadPrompt(f"a prompt token lies outside the vocabulary of {self.card.vocabulary}")
        if len(prompt) + sampling.max_tokens > self.card.context:
            raise PromptTooLong(
                f"prompt of {len(prompt)} and answer of up to {sampling.max_tokens} tokens exceed the context "
                f"of {self.card.context}; shorten the chat or lower max_tokens"
            )

    def start(self, sampling: Sampling) -> AnswerState:
        """A fresh answer for this model."""
        return AnswerState(self.codec, sampling, self.card.end_token, self.cursor(sampling))

    def cursor(self, sampling: Sampling) -> FormCursor | None:
        """The beginning of the form that this answer must have; None for free text."""
        if not sampling.form:
            return None
        return self._vocabulary_masks().start(sampling.form)

    def prefill(self, cache: KvCache, row: int, tokens: Sequence[int], done: int) -> tuple[int, Logits]:
        """Feed the next chunk of a prompt of which `done` tokens are in. Returns the new count and last logits [V]."""
        done = done or self._shared_opening().lay(cache, row, tokens)
        chunk = tokens[done : done + PREFILL_CHUNK_TOKENS]
        done += len(chunk)
        wanted = np.array([[len(chunk) - 1]], np.int64)
        logits = self.decoder.step(cache, row, np.array([chunk], np.int64), np.array([done], np.int32), wanted)
        return done, logits[0, 0]

    def generate(
        self, prompt: Sequence[int], sampling: Sampling, cancel: threading.Event | None = None
    ) -> Iterator[Token]:
        """Answer token by token; the last item has `finish_reason`, unless `cancel` was set. Raises ModelError."""
        self.check_request(prompt, sampling)
        return self._generate(list(prompt), sampling, cancel or threading.Event())

    def _generate(self, prompt: list[int], sampling: Sampling, cancel: threading.Event) -> Iterator[Token]:
        cache, state, done = KvCache(self.card.geometry, rows=1), self.start(sampling), 0
        while done < len(prompt):
            if cancel.is_set():
                return
            done, logits = self.prefill(cache, 0, prompt, done)
        while not cancel.is_set():
            token = state.advance(logits)
            yield token
            if token.finish_reason is not None:
                return
            done += 1
            ids, lengths = np.array([[state.ids[-1]]], np.int64), np.array([done], np.int32)
            logits = self.decoder.step(cache, 0, ids, lengths, np.zeros((1, 1), np.int64))[0, 0]

    def verify(
        self,
        prompt: Sequence[int],
        claimed: Sequence[int],
        sampling: Sampling,
        finish_reason: FinishReason,
        told: Told | None = None,
        *,
        seeded: bool = True,
    ) -> Verification:
        """Judge a claimed answer (its ids, without the end token) with one teacher-forced pass.

        `told` are the probabilities claimed with the ids; None when there are none to judge. The claim is hostile and
        may be anything; only a prompt of the caller's own making raises. Without `seeded` another engine drew it with
        noise of its own: only how likely its tokens are is judged.
        """
        self.check_request(prompt, sampling)
        reason = self._check_claim(claimed, sampling, finish_reason)
        if reason is Reason.OK and told is not None and not told.fits(len(claimed), sampling.top_logprobs):
            reason = Reason.BAD_LOGPROBS
        if reason is not Reason.OK:
            return refused(reason)
        ended = finish_reason is FinishReason.STOP
        judged = [*claimed, self.card.end_token] if ended else list(claimed)
        slack, form = self.card.tolerance.edge_slack, self.cursor(sampling)
        gaps: list[float] = []
        errors: list[float] = []
        plausible = Plausibility(sampling)
        for i, logits in enumerate(self.teacher_forced(prompt, judged)):
            allowed = None if form is None else form.allowed()
            if seeded:
                gaps.append(position_gap(logits, judged[i], sampling, i, judged, slack, allowed))
            else:
                plausible.add(logits, judged[i], allowed)
            if form is not None:
                form.push(judged[i])
            if told is not None and i < len(claimed):
                errors.append(told_error(logits, judged[i], told, i))
        return conclude(gaps, ended, self.card.tolerance, errors) if seeded else plausible.conclude(ended, errors)

    def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        """What each token writes; empty for those that are no text."""
        masks = self._vocabulary_masks()
        return [masks.bytes_of(token) for token in tokens]

    def _vocabulary_masks(self) -> TokenMasks:
        with self._guard:  # a quarter of a second for 49 152 tokens, when they are first needed
            if self._masks is None:
                self._masks = TokenMasks(self.codec.token_bytes(), self.card.end_token, self.card.vocabulary)
            return self._masks

    def _shared_opening(self) -> Opening:
        with self._guard:  # as long as a prompt, once
            if self._opening is None:
                tokens, cache = self.codec.opening(), KvCache(self.card.geometry, rows=1)
                for begin in range(0, len(tokens), PREFILL_CHUNK_TOKENS):
                    chunk = tokens[begin : begin + PREFILL_CHUNK_TOKENS]
                    self._feed(cache, chunk, begin, len(chunk) - 1)
                self._opening = Opening(tokens, cache)
            return self._opening

    def _feed(self, cache: KvCache, chunk: Sequence[int], begin: int, start: int) -> Logits:
        """Feed a chunk to row 0, whose first `begin` positions are filled. Returns logits of offset `start` and on."""
        wanted = np.arange(start, len(chunk), dtype=np.int64)[None]
        lengths = np.array([begin + len(chunk)], np.int32)
        logits = self.decoder.step(cache, 0, np.array([chunk], np.int64), lengths, wanted)
        return logits.reshape(logits.shape[1:])

    def teacher_forced(self, prompt: Sequence[int], answer: Sequence[int]) -> Iterator[Logits]:
        """The logits [vocabulary] from which each token of `answer` would be drawn, in order.

        Many miners answer one question and a chat goes on where it was: what the last pass fed is not fed again.
        """
        fed = [*prompt, *answer[:-1]]
        first = len(prompt) - 1  # this position's logits decide the answer's first token
        with self._guard:  # taken: two threads never share a cache
            known, self._judged = self._judged, None
        cache = known[1] if known is not None else KvCache(self.card.geometry, rows=1)
        done = 0 if known is None else min(common(known[0], fed), first)
        done = done or min(self._shared_opening().lay(cache, 0, prompt), first)
        try:
            while done < len(fed):
                chunk = fed[done : done + PREFILL_CHUNK_TOKENS]
                start = min(max(first - done, 0), len(chunk) - 1)  # the graph wants at least one position
                logits = self._feed(cache, chunk, done, start)
                done += len(chunk)
                if done > first:
                    yield from logits
        finally:
            self._judged = fed[:done], cache

    def _check_claim(self, claimed: Sequence[int], sampling: Sampling, finish: FinishReason) -> Reason:
        """Everything about a claim that needs no run of the model."""
        if len(claimed) > sampling.max_tokens:
            return Reason.TOO_LONG
        if not all(0 <= token < self.card.vocabulary and token != self.card.end_token for token in claimed):
            return Reason.BAD_TOKEN
        if not self._keeps_form(claimed, sampling, finish):
            return Reason.BAD_FORM
        stopped_at = visible_text(self.codec, claimed, sampling.stop)[1]
        complete = len(claimed) == sampling.max_tokens
        fits = {
            FinishReason.STOP: stopped_at is None and not complete,
            FinishReason.LENGTH: stopped_at is None and complete,
            FinishReason.STOP_STRING: stopped_at is not None and stopped_at == len(claimed) - 1,
        }
        return Reason.OK if fits[finish] else Reason.WRONG_FINISH

    def _keeps_form(self, claimed: Sequence[int], sampling: Sampling, finish: FinishReason) -> bool:
        """Whether the tokens are a beginning of what the form allows, and the whole of it if the answer says so."""
        form = self.cursor(sampling)
        if form is None:
            return True
        return all(map(form.push, claimed)) and (form.complete or finish is not FinishReason.STOP)


def open_text(bundle: Path, *, threads: int | None = None, prefer_cuda: bool = True) -> TextModel:
    """Open a bundle folder after hashing it. `threads` None means all cores but one. Raises ModelError."""
    threads = default_threads() if threads is None else threads
    if not 1 <= threads <= MAX_INTRA_THREADS:
        raise BadSampling(f"threads must be between 1 and {MAX_INTRA_THREADS}")
    card = check_bundle(bundle)
    codec = TextCodec(read_bounded(bundle / TOKENIZER_FILE, MAX_TOKENIZER_BYTES), card.vocabulary, card.default_system)
    return TextModel(card, open_decoder(bundle / ONNX_FILE, card, threads, prefer_cuda), codec)
