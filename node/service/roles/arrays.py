"""Models that are no text models behind the asynchronous interface of subnets: threads, time limits, the shelf.

A model may be closed while nobody uses it; the next use opens it again. Imports the runtime only when one is opened.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import trio

from models import RuntimeFailure
from models.limits import TENSOR_RUN_TIMEOUT_S
from node.service.roles.shelf import Opening, Shelf

if TYPE_CHECKING:
    import numpy as np

    from models.embed import Embedder
    from models.images import ImageModel, ImageRequest
    from models.tensor import Stop, TensorModel

T = TypeVar("T")


async def let_go(_: object) -> None:
    """Close a session: it ends with its last reference."""


async def run_stoppable(work: Callable[["Stop"], T], limiter: trio.CapacityLimiter) -> T:
    """Run in a worker thread; whoever stops waiting also stops the run. Raises RuntimeFailure after the time limit."""
    from models.tensor import Stop

    stop = Stop()
    try:
        with trio.fail_after(TENSOR_RUN_TIMEOUT_S):
            return await trio.to_thread.run_sync(work, stop, abandon_on_cancel=True, limiter=limiter)
    except trio.TooSlowError as error:
        raise RuntimeFailure(f"the model ran for more than {TENSOR_RUN_TIMEOUT_S:.0f} s and was stopped") from error
    finally:
        stop.set()  # nothing when it is over


class ShelvedTensors:
    """A graph: arrays in, arrays out."""

    def __init__(
        self, name: str, model_id: str, shelf: Shelf, opening: "Opening[TensorModel]", limiter: trio.CapacityLimiter
    ) -> None:
        self._name, self._model_id = name, model_id
        self._shelf, self._opening, self._limiter = shelf, opening, limiter

    @property
    def name(self) -> str:
        return self._name

    @property
    def model_id(self) -> str:
        return self._model_id

    async def run(self, feeds: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
        async with self._shelf.use(self._opening) as model:
            return await run_stoppable(partial(model.run, feeds), self._limiter)


class ShelvedEmbedder:
    """An embedding model."""

    def __init__(
        self, name: str, model_id: str, dimensions: int, shelf: Shelf, opening: "Opening[Embedder]",
        limiter: trio.CapacityLimiter,
    ) -> None:  # fmt: skip
        self._name, self._model_id, self._dimensions = name, model_id, dimensions
        self._shelf, self._opening, self._limiter = shelf, opening, limiter

    @property
    def name(self) -> str:
        return self._name

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> "tuple[np.ndarray, int]":
        async with self._shelf.use(self._opening) as model:
            return await run_stoppable(partial(model.embed, texts), self._limiter)


class ShelvedImages:
    """A model that makes pictures."""

    def __init__(
        self, name: str, model_id: str, shelf: Shelf, opening: "Opening[ImageModel]", limiter: trio.CapacityLimiter
    ) -> None:
        self._name, self._model_id = name, model_id
        self._shelf, self._opening, self._limiter = shelf, opening, limiter

    @property
    def name(self) -> str:
        return self._name

    @property
    def model_id(self) -> str:
        return self._model_id

    async def generate(self, request: "ImageRequest") -> bytes:
        """The picture as a PNG. Raises models.BadSampling for a request out of range."""
        async with self._shelf.use(self._opening) as model:
            return await run_stoppable(partial(model.generate, request), self._limiter)

    async def heights(self, request: "ImageRequest") -> "np.ndarray":
        """The numbers behind the picture, for comparing two nodes. Raises models.BadSampling."""
        async with self._shelf.use(self._opening) as model:
            return await run_stoppable(partial(model.heights, request), self._limiter)
