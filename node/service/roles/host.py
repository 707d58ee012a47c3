"""The models of this process behind the asynchronous interface of subnets: opened once, batched, never on the loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from models import FinishReason, ModelUnavailable, Progress, Sampling, Token, Told, Verification, ensure
from models.sources import PeerFetch
from node.market.call import open_call
from node.market.context import MarketContext
from node.market.limits import JUDGE_THREADS, STREAMS_MAX
from node.primitives.types import AccountId
from node.subnets.base import (
    Answer,
    AnySubnet,
    BlobDoor,
    Embedder,
    JournalDoor,
    Message,
    ModelPool,
    Neuron,
    TensorModel,
    TextRuntime,
    View,
)

if TYPE_CHECKING:
    from models import TextModel

_DONE = None


class BatchedText:
    """One open model: answers share a batch, verifications take their turn in a thread of their own."""

    def __init__(self, model: TextModel, *, max_batch: int, judges: trio.CapacityLimiter) -> None:
        from models import Batcher  # whoever has a model has its runtime

        self._model = model
        self._batcher = Batcher(model, max_batch)
        self._readers = trio.CapacityLimiter(STREAMS_MAX)  # one waiting thread an answer; see node.market.limits
        self._judges = judges

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
        answer = await trio.to_thread.run_sync(self._batcher.submit, prompt, sampling)
        try:
            while True:
                take = partial(next, answer, _DONE)
                token = await trio.to_thread.run_sync(take, abandon_on_cancel=True, limiter=self._readers)
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
        self._batcher.close()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is open in this process."""

    name: str
    model_id: str
    provider: str


class ModelHost:
    """Opens models on first use and keeps them; every role of the process shares one `ModelHost`."""

    def __init__(
        self,
        store: Path,
        *,
        own_bundles: Mapping[str, Path] | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
        threads: int | None = None,
        prefer_cuda: bool = True,
        max_batch: int = 8,
        peer_fetch: PeerFetch | None = None,
    ) -> None:
        """`own_bundles` are folders of the user's own by name; `progress` and `peer_fetch` are called from threads."""
        self._store = store
        self._own = dict(own_bundles or {})
        self._progress = progress
        self._threads = threads
        self._prefer_cuda = prefer_cuda
        self._max_batch = max_batch
        self._peer_fetch = peer_fetch
        self._judges = trio.CapacityLimiter(JUDGE_THREADS)
        self._opening = trio.Lock()  # one at a time: opening takes seconds of CPU and much memory
        self._by_name: dict[str, BatchedText] = {}
        self._others: list[BatchedText] = []

    async def bundle(self, name: str) -> Path:
        if name in self._own:
            return self._own[name]
        get = partial(ensure, name, self._store, self._progress, peer_fetch=self._peer_fetch)
        return await trio.to_thread.run_sync(get, abandon_on_cancel=True)

    async def text(self, name: str) -> TextRuntime:
        async with self._opening:
            if name not in self._by_name:
                self._by_name[name] = await self._open(await self.bundle(name))
            return self._by_name[name]

    async def tensors(self, name: str) -> TensorModel:
        raise ModelUnavailable(f"{name} is no model of arrays that this version opens")

    async def tensor_file(self, path: Path) -> TensorModel:
        raise ModelUnavailable(f"{path.name} is no model of arrays that this version opens")

    async def embedder(self, name: str) -> Embedder:
        raise ModelUnavailable(f"{name} is no embedding model that this version opens")

    async def open(self, bundle: Path) -> TextRuntime:
        async with self._opening:
            runtime = await self._open(bundle)
            self._others.append(runtime)
            return runtime

    def loaded(self) -> tuple[LoadedModel, ...]:
        """The models open now."""
        return tuple(LoadedModel(m.name, m.model_id, m.provider) for m in (*self._by_name.values(), *self._others))

    async def aclose(self) -> None:
        """Close every model; running answers end with an error."""
        open_now = [*self._by_name.values(), *self._others]
        self._by_name.clear()
        self._others.clear()
        with trio.CancelScope(shield=True):  # bounded: one step of each model
            for runtime in open_now:
                await trio.to_thread.run_sync(runtime.close)

    async def _open(self, bundle: Path) -> BatchedText:
        from models import open_text  # only where a model runs: its runtime takes 30 MB

        load = partial(open_text, bundle, threads=self._threads, prefer_cuda=self._prefer_cuda)
        model = await trio.to_thread.run_sync(load)
        return BatchedText(model, max_batch=self._max_batch, judges=self._judges)


@dataclass(frozen=True, slots=True)
class RoleHost:
    """The `Host` of one role: its key, its subnet's seats, the shared models, and a way to ask others."""

    context: MarketContext
    subnet: AnySubnet
    models: ModelPool
    folder: Path = field(default_factory=Path)

    @property
    def hotkey(self) -> AccountId:
        return self.context.hotkey

    @property
    def journal(self) -> JournalDoor:
        return self.context.journal

    @property
    def blobs(self) -> BlobDoor:
        return self.context.blobs

    def view(self) -> View:
        return self.context.view()

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        call = await open_call(self.context, self.subnet, miner, task)
        try:
            return await call.collect()
        finally:
            await call.aclose()
