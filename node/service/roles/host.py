"""The models of this process behind the asynchronous interface of subnets: opened once, batched, never on the loop.

All opened models share one bound of memory: a model that nobody uses is closed for one that somebody wants.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import trio

from models import HashMismatch, Progress
from models.bundle import ONNX_FILE, read_card, sha256_of
from models.card import TensorCard, check_tensor_bundle, read_tensor_card
from models.library import locate
from models.memory import file_need, model_budget, tensor_need, text_need
from models.sources import PeerFetch
from node.market.asking import ask
from node.market.context import MarketContext
from node.market.limits import FOUND_MODELS_MAX, JUDGE_THREADS, TENSOR_THREADS
from node.primitives.types import AccountId
from node.service.roles.arrays import ShelvedEmbedder, ShelvedImages, ShelvedTensors, let_go
from node.service.roles.shelf import Opening, Shelf
from node.service.roles.texts import BatchedText, ShelvedText
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
    from models.embed import Embedder as EmbeddingModel
    from models.images import ImageModel
    from models.tensor import TensorModel as Graph


class _OnProvider(Protocol):
    @property
    def provider(self) -> str: ...


OpenedT = TypeVar("OpenedT", bound=_OnProvider)
FoundT = TypeVar("FoundT")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is open in this process."""

    name: str
    model_id: str
    provider: str


class ModelHost:
    """Opens models on first use, within one bound of memory; every role of the process shares one `ModelHost`."""

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
        memory_bytes: int | None = None,
    ) -> None:
        """`own_bundles` are folders of the user's own by name; `progress` and `peer_fetch` are called from threads.

        `memory_bytes` bounds what opened models take together; None means half of this machine's memory.
        """
        self._store = store
        self._own = dict(own_bundles or {})
        self._progress = progress
        self._threads = threads
        self._prefer_cuda = prefer_cuda
        self._max_batch = max_batch
        self._peer_fetch = peer_fetch
        self._judges = trio.CapacityLimiter(JUDGE_THREADS)
        self._runs = trio.CapacityLimiter(TENSOR_THREADS)
        self._shelf = Shelf(model_budget() if memory_bytes is None else memory_bytes)
        self._loaded: dict[str, LoadedModel] = {}
        self._naming = trio.Lock()  # one name at a time is looked up, fetched and hashed
        self._found: dict[tuple[object, ...], object] = {}  # what a name meant, so that it is hashed once a process

    async def bundle(self, name: str) -> Path:
        if name in self._own:
            return self._own[name]
        get = partial(locate, name, self._store, self._progress, peer_fetch=self._peer_fetch)
        return await trio.to_thread.run_sync(get, abandon_on_cancel=True)

    async def text(self, name: str) -> TextRuntime:
        return await self._once(("text", name), partial(self._text, name))

    async def tensors(self, name: str) -> TensorModel:
        return await self._once(("tensors", name), partial(self._tensors, name))

    async def tensor_file(self, path: Path) -> TensorModel:
        state = await trio.to_thread.run_sync(path.stat)
        key = ("file", str(path), state.st_mtime_ns, state.st_size, state.st_ino)
        return await self._once(key, partial(self._tensor_file, path))

    async def embedder(self, name: str) -> Embedder:
        return await self._once(("embedder", name), partial(self._embedder, name))

    async def images(self, name: str) -> ShelvedImages:
        """The model of pictures of that catalogue name, opened on first use. Raises models.ModelError."""
        return await self._once(("images", name), partial(self._images, name))

    async def open(self, bundle: Path) -> TextRuntime:
        card = await trio.to_thread.run_sync(read_card, bundle)
        opening = Opening(
            str(bundle), text_need(card, bundle, self._max_batch), partial(self._open_text, bundle), self._close_text
        )
        async with self._shelf.use(opening):
            return ShelvedText(card, self._shelf, opening)

    def loaded(self) -> tuple[LoadedModel, ...]:
        """The models open now."""
        return tuple(self._loaded[key] for key in self._shelf.opened() if key in self._loaded)

    async def aclose(self) -> None:
        """Close every model; running answers end with an error."""
        self._found.clear()
        with trio.CancelScope(shield=True):  # bounded: one step of each model
            await self._shelf.close_all()

    async def _once(self, key: tuple[object, ...], find: Callable[[], Awaitable[FoundT]]) -> FoundT:
        """What `find` gave when this key was first asked for. A failure is not remembered."""
        if key not in self._found:
            async with self._naming:
                if key not in self._found:
                    if len(self._found) >= FOUND_MODELS_MAX:
                        self._found.clear()
                    self._found[key] = await find()
                return cast("FoundT", self._found[key])
        return cast("FoundT", self._found[key])

    async def _text(self, name: str) -> TextRuntime:
        return await self.open(await self.bundle(name))

    async def _tensors(self, name: str) -> TensorModel:
        bundle = await self.bundle(name)
        card = await trio.to_thread.run_sync(check_tensor_bundle, bundle)
        trial = None if card.report is None else card.report.trial
        return await self._graph(card.name, card.sha256, bundle / ONNX_FILE, tensor_need(card, bundle), trial)

    async def _tensor_file(self, path: Path) -> TensorModel:
        sha256 = await trio.to_thread.run_sync(sha256_of, path)
        return await self._graph(path.stem, sha256, path, file_need(path), None)

    async def _embedder(self, name: str) -> Embedder:
        bundle = await self.bundle(name)

        def load() -> EmbeddingModel:
            from models.embed import open_embedder  # the runtime is loaded where a model runs: 30 MB

            return open_embedder(bundle, threads=self._threads, prefer_cuda=self._prefer_cuda)

        card = await trio.to_thread.run_sync(read_tensor_card, bundle)
        opening = self._opening(bundle, card, tensor_need(card, bundle), load)
        async with self._shelf.use(opening) as model:
            return ShelvedEmbedder(card.name, card.sha256, model.dimensions, self._shelf, opening, self._runs)

    async def _images(self, name: str) -> ShelvedImages:
        bundle = await self.bundle(name)

        def load() -> ImageModel:
            from models.images import open_images  # as above

            return open_images(bundle, threads=self._threads)

        card = await trio.to_thread.run_sync(read_tensor_card, bundle)
        opening = self._opening(bundle, card, tensor_need(card, bundle), load)
        async with self._shelf.use(opening):
            return ShelvedImages(card.name, card.sha256, self._shelf, opening, self._runs)

    async def _graph(
        self, name: str, sha256: str, path: Path, need_bytes: int, trial: Mapping[str, int] | None
    ) -> ShelvedTensors:
        def load() -> Graph:
            from models.tensor import open_tensors  # as above

            if sha256_of(path) != sha256:
                raise HashMismatch(f"{path.name} was changed while it was in use; ask for it anew")
            return open_tensors(path, threads=self._threads, prefer_cuda=self._prefer_cuda, trial=trial)

        key = f"{path} {sha256}"

        async def opened() -> Graph:
            model = await trio.to_thread.run_sync(load)
            self._loaded[key] = LoadedModel(name, sha256, model.provider)
            return model

        opening = Opening(key, need_bytes, opened, let_go)
        async with self._shelf.use(opening):
            return ShelvedTensors(name, sha256, self._shelf, opening, self._runs)

    def _opening(
        self, bundle: Path, card: TensorCard, need_bytes: int, load: Callable[[], OpenedT]
    ) -> Opening[OpenedT]:
        async def opened() -> OpenedT:
            model = await trio.to_thread.run_sync(load)
            self._loaded[str(bundle)] = LoadedModel(card.name, card.sha256, model.provider)
            return model

        return Opening(str(bundle), need_bytes, opened, let_go)

    async def _open_text(self, bundle: Path) -> BatchedText:
        from models import open_text  # as above

        load = partial(open_text, bundle, threads=self._threads, prefer_cuda=self._prefer_cuda)
        model = await trio.to_thread.run_sync(load)
        self._loaded[str(bundle)] = LoadedModel(model.card.name, model.card.sha256, model.provider)
        return BatchedText(model, max_batch=self._max_batch, judges=self._judges)

    async def _close_text(self, model: BatchedText) -> None:
        await trio.to_thread.run_sync(model.close)


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
        return await ask(self.context, self.subnet, miner, task)
