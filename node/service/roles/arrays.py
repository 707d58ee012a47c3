"""Models that are no text models behind the asynchronous interface of subnets: threads, time limits, the shelf.

A model may be closed while nobody uses it; the next use opens it again. Imports the runtime only when one is opened.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

from models import RuntimeFailure
from models.limits import TENSOR_RUN_TIMEOUT_S
from node.service.roles.shelf import Opening, Shelf

if TYPE_CHECKING:
    import numpy as np

    from models.embed import Embedder
    from models.images import ImageModel, ImageRequest  # noqa: F401 (ImageModel: named in quotes below)
    from models.tensor import Stop, TensorModel  # noqa: F401 (TensorModel: named in quotes below)

T = TypeVar("T")
M = TypeVar("M")


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


class Shelved(Generic[M]):
    """A model that may be closed while nobody uses it; what all kinds have in common."""

    def __init__(
        self, name: str, model_id: str, shelf: Shelf, opening: Opening[M], limiter: trio.CapacityLimiter
    ) -> None:
        self._name, self._model_id = name, model_id
        self._shelf, self._opening, self._limiter = shelf, opening, limiter

    @property
    def name(self) -> str:
        return self._name

    @property
    def model_id(self) -> str:
        return self._model_id

    async def _run(self, work: Callable[[M, "Stop"], T]) -> T:
        """Open the model if it is closed, and let it work in a thread."""
        async with self._shelf.use(self._opening) as model:
            return await run_stoppable(partial(work, model), self._limiter)


class ShelvedTensors(Shelved["TensorModel"]):
    """A graph: arrays in, arrays out."""

    async def run(self, feeds: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
        return await self._run(lambda model, stop: model.run(feeds, stop))


class ShelvedEmbedder(Shelved["Embedder"]):
    """An embedding model."""

    def __init__(
        self, name: str, model_id: str, dimensions: int, shelf: Shelf, opening: "Opening[Embedder]",
        limiter: trio.CapacityLimiter,
    ) -> None:  # fmt: skip
        super().__init__(name, model_id, shelf, opening, limiter)
        self._dimensions = dimensions

    @property
    def dimensions(self) -> int:
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> "tuple[np.ndarray, int]":
        return await self._run(lambda model, stop: model.embed(texts, stop))


class ShelvedImages(Shelved["ImageModel"]):
    """A model that makes pictures."""

    async def generate(self, request: "ImageRequest") -> bytes:
        """The picture as a PNG. Raises models.BadSampling for a request out of range."""
        return await self._run(lambda model, stop: model.generate(request, stop))

    async def heights(self, request: "ImageRequest") -> "np.ndarray":
        """The numbers behind the picture, for comparing two nodes. Raises models.BadSampling."""
        return await self._run(lambda model, stop: model.heights(request, stop))
