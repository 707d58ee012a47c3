"""A text model on a Ray cluster: one actor a session, each with a batch of its own; seeded, so judged exactly.

Ray is an optional extra (`neurond[ray]`) and is imported here alone. Actors are plain Python with the package `models`:
the workers need this program and the model's bundle at the same path, or a store to fetch it from. Ray's own calls
block, so they run in threads.
"""

from __future__ import annotations

import importlib
import itertools
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from models import FinishReason, ModelUnavailable, RuntimeFailure, Sampling, Token, Told, Verification
from node.compute.errors import BadBackend
from node.compute.limits import RAY_ACTORS_MAX, RAY_BATCH, RAY_START_TIMEOUT_S, STREAMS_MAX
from node.subnets.base import TextRuntime

if TYPE_CHECKING:
    from models import Batcher

_END = None


class Worker:
    """What an actor runs: one session and its batch. Lives in a process of the cluster."""

    def __init__(self, bundle: str, threads: int) -> None:
        from models import open_text

        self._model = open_text(Path(bundle), threads=threads)
        self._changing = threading.Lock()  # the cluster calls from several threads
        self._batcher = self._new_batcher()

    def model_id(self) -> str:
        """SHA-256 of the model file: the caller compares it with its own."""
        return self._model.card.sha256

    def generate(self, prompt: list[int], sampling: Sampling) -> Iterator[Token]:
        """The tokens of one answer, one by one. Raises ModelError."""
        answer = self._working_batcher().submit(prompt, sampling)
        try:
            for token in answer:  # noqa: UP028  # Ray sends, and an answer takes nothing
                yield token
        finally:
            answer.cancel()

    def _working_batcher(self) -> Batcher:
        """The batcher; another one after the runtime failed, for one failure must not end all answers to come."""
        with self._changing:
            if not self._batcher.is_open:
                self._batcher = self._new_batcher()
            return self._batcher

    def _new_batcher(self) -> Batcher:
        from models import Batcher

        return Batcher(self._model, RAY_BATCH)


class RayText:
    """A model on the actors of a cluster behind the interface of runtimes; `local` counts, spells and judges."""

    def __init__(self, ray: Any, actors: Sequence[Any], local: TextRuntime) -> None:
        self._ray = ray
        self._actors = list(actors)
        self._local = local
        self._busy = [0] * len(actors)
        self._threads = trio.CapacityLimiter(STREAMS_MAX)

    @property
    def name(self) -> str:
        return self._local.name

    @property
    def model_id(self) -> str:
        return self._local.model_id

    @property
    def context(self) -> int:
        return self._local.context

    @property
    def vocabulary(self) -> int:
        return self._local.vocabulary

    @property
    def provider(self) -> str:
        """Where answers are drawn, for display."""
        return f"ray: {len(self._actors)} actors"

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        return await self._local.chat_prompt(messages)

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        return await self._local.visible_text(tokens, sampling)

    async def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        return await self._local.token_bytes(tokens)

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
        return await self._local.verify(prompt, claimed, sampling, finish_reason, told, seeded=seeded)

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        """Tokens of the least busy actor. Raises ModelError, also for an actor that died."""
        number = min(range(len(self._actors)), key=self._busy.__getitem__)
        self._busy[number] += 1
        try:
            method = self._actors[number].generate.options(num_returns="streaming")
            refs = await self._in_thread(partial(method.remote, list(prompt), sampling))
            try:
                while (token := await self._in_thread(partial(self._next, refs))) is not _END:
                    yield token
            finally:
                self._ray.cancel(refs, force=False, recursive=False)
        finally:
            self._busy[number] -= 1

    def _next(self, refs: Any) -> Token | None:
        ref = next(refs, _END)
        if ref is _END:
            return _END
        token: Token = self._ray.get(ref)
        return token

    async def _in_thread(self, call: Any) -> Any:
        try:
            return await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)
        except self._ray.exceptions.RayTaskError as error:
            cause = getattr(error, "cause", None)
            raise RuntimeFailure(f"the cluster failed while answering: {cause or error!s:.200}") from error
        except self._ray.exceptions.RayError as error:
            raise RuntimeFailure(f"the cluster lost an actor: {error!s:.200}") from error


def load_ray() -> Any:
    """The package. Raises BadBackend when it is not installed."""
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise BadBackend("Ray is not installed here.", remedy="Install it with: pip install 'neurond[ray]'") from error


def start_actors(
    address: str, bundle: Path, model_id: str, *, actors: int = 0, threads: int = 1
) -> tuple[Any, list[Any]]:
    """Join a cluster ("" for a local one) and start its sessions, one a CPU unless told otherwise. Blocks.

    Raises BadBackend without Ray or cluster, ModelUnavailable when a worker has another model file.
    """
    ray = load_ray()
    try:
        if not ray.is_initialized():
            ray.init(
                address=address or None, include_dashboard=False, log_to_driver=False, configure_logging=False,
                ignore_reinit_error=True,
            )  # fmt: skip
        count = actors or max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        make = ray.remote(Worker).options(num_cpus=threads, max_concurrency=RAY_BATCH, max_restarts=2)
        started = [make.remote(str(bundle), threads) for _ in range(min(count, RAY_ACTORS_MAX))]
        found = ray.get([each.model_id.remote() for each in started], timeout=RAY_START_TIMEOUT_S)
    except (ConnectionError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise BadBackend(f"The Ray cluster {address or 'on this machine'} cannot be used: {error!s:.200}") from error
    if set(found) - {model_id}:
        raise ModelUnavailable("a worker of the cluster has another model file; copy the bundle again")
    return ray, started


def stop_actors(ray: Any, actors: Sequence[Any]) -> None:
    """End the sessions; the cluster goes on for others. Blocks."""
    for actor in itertools.islice(actors, RAY_ACTORS_MAX):
        ray.kill(actor)
