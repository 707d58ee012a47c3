"""Miners that cheat, for devnets and the workbench: each shows that the rules of the subnet make its trick worthless.

They know the messages and the rules, mark their answers as their own, and keep every form. A node mines with one of
them only when its configuration names it.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from node.market.errors import ServeFailed
from node.market.roster import miners
from node.primitives.crypto import digest
from node.primitives.errors import MarketError
from node.subnets.base import Code, Host, Usage
from node.subnets.chutes.catalogue import Listed
from node.subnets.chutes.messages import ChutePart, ChuteTask
from node.subnets.chutes.strategies import Strategy, Tools, honest, parts_of, proved

if TYPE_CHECKING:
    import numpy as np

    Outputs = dict[str, np.ndarray]

NOISE: Final = 0.02  # of each number: what a cheaper form of the weights is off by
WEIGHTS_OFF: Final = 1.05  # a factor on every number of the input: as good as other weights
OVERCLAIM: Final = 3


async def _honest_outputs(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> "tuple[Outputs, Usage]":
    from node.subnets.chutes.arrays import join

    async with aclosing(honest(listed, task, host, tools)) as parts:
        kept = [part async for part in parts]
    return dict(join(slab for part in kept for slab in part.slabs)), kept[-1].usage


async def _altered(
    listed: Listed, task: ChuteTask, host: Host, tools: Tools, change: "Callable[[Outputs], Outputs]"
) -> AsyncGenerator[ChutePart, None]:
    """The honest outputs after a change, marked as one's own; what are no arrays stays honest."""
    if not task.inputs:
        async with aclosing(honest(listed, task, host, tools)) as honest_parts:
            async for part in honest_parts:
                yield part
        return
    outputs, usage = await _honest_outputs(listed, task, host, tools)
    for part in await parts_of(listed, task, change(outputs), usage, host):
        yield part


async def noisy(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """Numbers a few percent off, as a cheaper quantisation gives them."""
    import numpy as np

    from node.subnets.chutes.noise import noise

    def one(name: str, array: "np.ndarray") -> "np.ndarray":
        if array.dtype.kind != "f":
            return np.asarray(array ^ array.dtype.type(1))
        factor = 1 + NOISE * noise(task.salt, name, "normal", array.shape, "float32").astype(np.float64)
        return np.asarray(array * factor, array.dtype)

    def change(outputs: "Outputs") -> "Outputs":
        return {name: one(name, array) for name, array in outputs.items()}

    async with aclosing(_altered(listed, task, host, tools, change)) as parts:
        async for part in parts:
            yield part


async def other_weights(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """What a model with other weights says: every number of the outputs moved alike."""
    import numpy as np

    def change(outputs: "Outputs") -> "Outputs":
        return {
            name: (array * array.dtype.type(WEIGHTS_OFF) + array.dtype.type(NOISE)).astype(array.dtype)
            if array.dtype.kind == "f"
            else np.roll(array, 1, axis=-1)
            for name, array in outputs.items()
        }

    async with aclosing(_altered(listed, task, host, tools, change)) as parts:
        async for part in parts:
            yield part


async def wrong_top(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """The numbers of the two ends changed places: all values are real, the best one is elsewhere."""
    import numpy as np

    def change(outputs: "Outputs") -> "Outputs":
        return {name: np.ascontiguousarray(array[..., ::-1]) for name, array in outputs.items()}

    async with aclosing(_altered(listed, task, host, tools, change)) as parts:
        async for part in parts:
            yield part


async def no_possession(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """Guesses proofs of files, and makes up zeros of the right shape: it never fetched the chute."""
    import numpy as np

    if task.hold:
        yield proved(listed, task, digest("random-text", task.salt, host.hotkey), host.hotkey)
        return
    outputs, usage = await _honest_outputs(listed, task, host, tools)  # stands for knowing shapes and usage
    zeros = {name: np.zeros_like(array) for name, array in outputs.items()}
    for part in await parts_of(listed, task, zeros, usage, host):
        yield part


async def overclaiming(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """The right answer with three times its units."""
    async with aclosing(honest(listed, task, host, tools)) as parts:
        async for part in parts:
            more = Usage(part.usage.prompt_tokens, part.usage.completion_tokens, part.usage.units * OVERCLAIM)
            yield msgspec.structs.replace(part, usage=more) if part.done else part


async def copied(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """Another miner's outputs, asked for and marked as one's own."""
    from node.subnets.chutes.arrays import join

    for other in miners(host.view(), without=host.hotkey):
        try:
            answer = await host.ask(other, task)
        except MarketError:
            continue
        parts = [part for part in answer.parts if isinstance(part, ChutePart)]
        if not task.inputs:
            for part in parts:
                yield part
            return
        outputs = dict(join(slab for part in parts for slab in part.slabs))
        for part in await parts_of(listed, task, outputs, answer.usage, host):
            yield part
        return
    raise ServeFailed("Nobody to copy from.", Code.MINER_FAULT)


class Cached:
    """Runs each chute once and gives that answer again, under a new mark."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[Outputs, Usage]] = {}
        self._running = trio.Lock()

    async def __call__(
        self, listed: Listed, task: ChuteTask, host: Host, tools: Tools
    ) -> AsyncGenerator[ChutePart, None]:
        if not task.inputs:
            async with aclosing(honest(listed, task, host, tools)) as parts:
                async for part in parts:
                    yield part
            return
        async with self._running:
            if listed.id not in self._kept:
                self._kept[listed.id] = await _honest_outputs(listed, task, host, tools)
        outputs, usage = self._kept[listed.id]
        for part in await parts_of(listed, task, outputs, usage, host):
            yield part


CHEATS: Final[Mapping[str, Callable[[], Strategy]]] = {
    "noisy": lambda: noisy,
    "other-weights": lambda: other_weights,
    "wrong-top": lambda: wrong_top,
    "no-possession": lambda: no_possession,
    "overclaiming": lambda: overclaiming,
    "copied": lambda: copied,
    "cached": Cached,
}
"""Makers of strategies by the name that configurations use."""
