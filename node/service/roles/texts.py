"""Text models of this process behind the asynchronous interface of subnets: answers share a batch, and no thread waits.

`BatchedText` is an open model; `ShelvedText` opens it when it is used. Must never do a model's work on the loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

from models import FinishReason, Sampling, Token, Told, Verification
from models.bundle import ModelCard
from node.service.roles.shelf import Opening, Shelf

if TYPE_CHECKING:
    from models import Batcher, TextModel
    from models.batching import Answer as BatchedAnswer

_DONE = None


class _Bell:
    """Wakes a task when the batch thread has something for it, without a thread that waits in between."""

    def __init__(self) -> None:
        self._loop = trio.lowlevel.current_trio_token()
        self._rung = trio.Event()

    def ring(self) -> None:
        """From the batch thread."""
        with suppress(trio.RunFinishedError):  # the node is gone, and whoever waited with it
            self._loop.run_sync_soon(self._wake)

    async def wait(self, answer: BatchedAnswer) -> None:
        """Until the answer's next step would not block."""
        while not answer.ready:
            self._rung = trio.Event()
            await self._rung.wait()

    def _wake(self) -> None:
        self._rung.set()


class BatchedText:
    """One open model: answers share a batch, verifications take their turn in a thread of their own."""

    def __init__(self, model: TextModel, *, max_batch: int, judges: trio.CapacityLimiter) -> None:
        self._model = model
        self._max_batch = max_batch
        self._batcher = self._new_batcher()
        self._judges = judges
        self._is_closed = False

    @property
    def name(self) -> str:
        return self._model.card.name

    @property
    def model_id(self) -> str:
        return self._model.card.sha256

    @property
    def context(self) -> int:
        return self._model.card.context

    @property
    def vocabulary(self) -> int:
        return self._model.card.vocabulary

    @property
    def provider(self) -> str:
        """The execution provider the session really uses."""
        return self._model.provider

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        return await trio.to_thread.run_sync(self._model.chat_prompt, messages)

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        return await trio.to_thread.run_sync(self._model.visible_text, tokens, sampling)

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        bell = _Bell()
        submit = partial(self._working_batcher().submit, prompt, sampling, tell=bell.ring)
        # Reading a schema takes milliseconds; anything else some 0.1 ms, less than a thread that wakes up.
        answer = await trio.to_thread.run_sync(submit) if sampling.form else submit()
        try:
            while True:
                if not answer.ready:
                    await bell.wait(answer)
                token = next(answer, _DONE)
                if token is None:
                    return
                yield token
        finally:
            answer.cancel()  # frees its row when the reader leaves early; nothing when it is over

    async def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        return await trio.to_thread.run_sync(self._model.token_bytes, tokens)

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
        check = partial(self._model.verify, prompt, claimed, sampling, finish_reason, told, seeded=seeded)
        return await trio.to_thread.run_sync(check, abandon_on_cancel=True, limiter=self._judges)

    def close(self) -> None:
        """End all answers and wait for the batch thread. Blocks for at most one step of the model."""
        self._is_closed = True
        self._batcher.close()

    def _working_batcher(self) -> Batcher:
        """The batcher; another one after the runtime failed, for one failure must not end all answers to come."""
        if not self._is_closed and not self._batcher.is_open:
            self._batcher = self._new_batcher()
        return self._batcher

    def _new_batcher(self) -> Batcher:
        from models import Batcher  # whoever has a model has its runtime

        return Batcher(self._model, self._max_batch)


class ShelvedText:
    """A text model that may be closed while nobody uses it; the next use opens it again."""

    def __init__(self, card: ModelCard, shelf: Shelf, opening: Opening[BatchedText]) -> None:
        self._card, self._shelf, self._opening = card, shelf, opening

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

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        async with self._shelf.use(self._opening) as model:
            return await model.chat_prompt(messages)

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        async with self._shelf.use(self._opening) as model:
            return await model.visible_text(tokens, sampling)

    async def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        async with self._shelf.use(self._opening) as model:
            return await model.token_bytes(tokens)

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        async with self._shelf.use(self._opening) as model, aclosing(model.generate(prompt, sampling)) as tokens:
            async for token in tokens:
                yield token

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
        async with self._shelf.use(self._opening) as model:
            return await model.verify(prompt, claimed, sampling, finish_reason, told, seeded=seeded)
