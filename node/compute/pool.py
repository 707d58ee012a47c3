"""The models of a miner whose answers are drawn elsewhere: a pool around the process's own.

Everything but drawing stays here: other kinds of models, bundles, and judging.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import trio

from node.compute.choice import Backend
from node.subnets.base import Embedder, ModelPool, TensorModel, TextRuntime


class ComputePool:
    """A `ModelPool` with the texts of one back end."""

    def __init__(self, backend: Backend, inner: ModelPool) -> None:
        self.backend = backend
        self._inner = inner
        self._opening = trio.Lock()
        self._texts: dict[str, TextRuntime] = {}
        self._actors: list[tuple[Any, list[Any]]] = []

    async def text(self, name: str) -> TextRuntime:
        """The model of that name, drawn from where the back end says. Raises ModelError, BadBackend."""
        async with self._opening:
            if name not in self._texts:
                self._texts[name] = await self._open(name)
            return self._texts[name]

    async def tensors(self, name: str) -> TensorModel:
        return await self._inner.tensors(name)

    async def tensor_file(self, path: Path) -> TensorModel:
        return await self._inner.tensor_file(path)

    async def embedder(self, name: str) -> Embedder:
        return await self._inner.embedder(name)

    async def bundle(self, name: str) -> Path:
        return await self._inner.bundle(name)

    async def open(self, bundle: Path) -> TextRuntime:
        return await self._inner.open(bundle)

    async def aclose(self) -> None:
        """Let go of what the back end holds for us."""
        from node.compute.ray_text import stop_actors

        actors, self._actors = self._actors, []
        self._texts.clear()
        with trio.CancelScope(shield=True):
            for ray, started in actors:
                await trio.to_thread.run_sync(stop_actors, ray, started)

    async def _open(self, name: str) -> TextRuntime:
        bundle = await self._inner.bundle(name)
        if self.backend.kind == "openai":
            from node.compute.openai import RemoteText
            from node.compute.tokenizer import open_codec

            card, codec = await trio.to_thread.run_sync(open_codec, bundle)
            remote = RemoteText(self.backend, card, codec)
            await remote.check()
            return remote
        if self.backend.kind == "ray":
            from node.compute.ray_text import RayText, start_actors

            local = await self._inner.text(name)
            start = partial(start_actors, self.backend.address, bundle, local.model_id)
            ray, actors = await trio.to_thread.run_sync(start)
            self._actors.append((ray, actors))
            return RayText(ray, actors, local)
        return await self._inner.text(name)


def pool_for(backend: Backend, inner: ModelPool) -> ModelPool:
    """The models a miner works with: the process's own, or those of a back end."""
    return inner if backend.kind == "onnx" else ComputePool(backend, inner)
