"""Running a chute's graph on a task: the same for the miner who serves it and for the validator who judges.

What comes in was checked for form only; here it is fitted to the chute: names, types, shapes, numbers. What does not
fit is refused with what was expected and what came, before any model runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import trio

from models import ModelError
from node.market.errors import TooLarge, Unfit
from node.primitives.types import AccountId
from node.subnets.base import Host, Usage
from node.subnets.chutes.after import apply_reduce
from node.subnets.chutes.arrays import from_bytes, is_finite, travels
from node.subnets.chutes.before import apply_before
from node.subnets.chutes.bundle import Chute, Constant, Feed, Input, Role
from node.subnets.chutes.dims import bind, fixed, units
from node.subnets.chutes.files import Shelf
from node.subnets.chutes.limits import ARRAY_BYTES_MAX, TOKENIZERS_KEPT
from node.subnets.chutes.messages import Tensor
from node.subnets.chutes.noise import noise
from node.subnets.chutes.steps import Tokenise

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave: outputs by name, in the chute's order, and what it is billed as."""

    outputs: "Mapping[str, Array]"
    usage: Usage


@dataclass(slots=True)
class Prepared:
    """Feeds of a graph, the sizes they bound, and the tokens that were read."""

    feeds: "dict[str, Array]" = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    tokens: int = 0


async def run_graph(chute: Chute, inputs: tuple[Tensor, ...], miner: AccountId, host: Host, shelf: Shelf) -> Outcome:
    """Run the chute on these inputs as that miner would.

    Raises Unfit and TooLarge for inputs that do not fit, ModelError and MarketError when it cannot be run here.
    """
    given = check_inputs(chute, inputs)
    paths = await shelf.all(chute, host)
    data = {name: await _bytes_of(tensor, host) for name, tensor in given.items()}
    ready = await trio.to_thread.run_sync(partial(prepare, chute, given, data, miner, paths))
    model = await host.models.tensor_file(paths["model"])
    raw = await model.run(ready.feeds)
    outputs = await trio.to_thread.run_sync(partial(finish, chute, raw, ready))
    return Outcome(outputs, Usage(ready.tokens, 0, units(chute.macs, ready.sizes)))


def check_inputs(chute: Chute, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """The inputs by name: exactly those the chute takes, each of its type and shape. Raises Unfit, TooLarge."""
    given = {tensor.name: tensor for tensor in inputs}
    wanted = [each.name for each in chute.inputs]
    if len(given) != len(inputs) or set(given) != set(wanted):
        raise Unfit(f"inputs: expected {', '.join(wanted)}, got {', '.join(t.name for t in inputs)}.", param="inputs")
    sizes: dict[str, int] = {}
    for each in chute.inputs:
        tensor = given[each.name]
        if tensor.dtype != each.dtype:
            raise Unfit(f"{each.name}: expected {each.dtype}, got {tensor.dtype}.", param=each.name)
        bind(each.name, each.shape, tensor.shape, sizes, chute.limits)
    return given


def quoted(chute: Chute, inputs: tuple[Tensor, ...]) -> Usage:
    """The most that these inputs can be billed as: sizes they do not fix are taken at their limits."""
    sizes, tokens = dict(chute.limits), 0
    for each in chute.inputs:
        for tensor in inputs:
            if tensor.name == each.name:
                sizes.update({a: n for a, n in zip(each.shape, tensor.shape, strict=False) if isinstance(a, str)})
                tokens += sum(len(tensor.texts) * step.max_tokens for step in each.pre if isinstance(step, Tokenise))
    return Usage(tokens, 0, units(chute.macs, sizes))


async def _bytes_of(tensor: Tensor, host: Host) -> bytes:
    if tensor.blob:
        return await host.blobs.get(tensor.blob[0], max_bytes=ARRAY_BYTES_MAX)
    return tensor.data


def prepare(
    chute: Chute, given: Mapping[str, Tensor], data: Mapping[str, bytes], miner: AccountId, paths: Mapping[Role, Path]
) -> Prepared:
    """The feeds of the graph. Blocks. Raises Unfit, TooLarge, ModelError for a tokenizer that cannot be read."""
    ready = Prepared()
    shapes = {each.name: each for each in chute.feeds}
    for each in chute.inputs:
        tensor = given[each.name]
        bind(each.name, each.shape, tensor.shape, ready.sizes, chute.limits)
        if tensor.dtype == "text":
            arrays = _tokenised(each, tensor.texts, paths)
            ready.tokens += int(arrays[1].sum())
        else:
            arrays = [apply_before(each.name, _array(tensor, data[each.name], miner), each.pre)]
        for name, array in zip(each.to, arrays, strict=False):
            ready.feeds[name] = _fitted(shapes[name], array, ready.sizes, chute.limits)
    for constant in chute.constants:
        ready.feeds[constant.name] = _filled(constant, ready.sizes)
    return ready


def _array(tensor: Tensor, data: bytes, miner: AccountId) -> "Array":
    if tensor.noise:
        source = tensor.noise[0]
        return noise(source.seed_for(miner), tensor.name, source.law, tensor.shape, tensor.dtype)
    return from_bytes(tensor.name, tensor.dtype, tensor.shape, data)


def _fitted(feed: Feed, array: "Array", sizes: dict[str, int], limits: Mapping[str, int]) -> "Array":
    """The array as the graph takes it: widened where nothing is lost, of the shape that the chute says."""
    wanted = np.dtype(feed.dtype)
    if not np.can_cast(array.dtype, wanted, "safe"):
        raise Unfit(f"{feed.name}: expected {feed.dtype}, got {array.dtype.name}.", param=feed.name)
    bind(feed.name, feed.shape, array.shape, sizes, limits)
    return np.ascontiguousarray(array, wanted) if array.ndim else array.astype(wanted)


def _filled(constant: Constant, sizes: Mapping[str, int]) -> "Array":
    return np.full(fixed(constant.shape, sizes), constant.value / constant.over, np.dtype(constant.dtype))


def _tokenised(port: Input, texts: tuple[str, ...], paths: Mapping[Role, Path]) -> "list[Array]":
    step = port.pre[0]
    if not isinstance(step, Tokenise):
        raise Unfit(f"{port.name}: texts are tokenised first.", param=port.name)
    encodings = _tokenizer(str(paths["tokenizer"])).encode_batch(list(texts))
    rows = [(each.ids[: step.max_tokens], each.type_ids[: step.max_tokens]) for each in encodings]
    width = max((len(ids) for ids, _ in rows), default=0) or 1
    arrays = [np.zeros((len(rows), width), np.int64) for _ in range(3)]
    for at, (ids, kinds) in enumerate(rows):
        if len(encodings[at].ids) > step.max_tokens:
            ids = [*ids[:-1], encodings[at].ids[-1]]  # the closing token stays
        for array, row in zip(arrays, (ids, [1] * len(ids), kinds), strict=True):
            array[at, : len(row)] = row
    return list(arrays)


@lru_cache(maxsize=TOKENIZERS_KEPT)
def _tokenizer(path: str) -> "Tokenizer":
    """The tokenizer of a file, without the padding and cutting it may bring. Raises ModelError."""
    from tokenizers import Tokenizer

    from models import BadModelFile

    try:
        tokenizer = Tokenizer.from_file(path)
    except Exception as error:  # the library raises bare Exceptions from its native side
        raise BadModelFile(f"the tokenizer cannot be read: {error!s:.200}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def finish(chute: Chute, raw: "Mapping[str, Array]", ready: Prepared) -> "dict[str, Array]":
    """The outputs that are sent, from those of the graph. Raises Unfit, TooLarge, ModelError."""
    outputs: dict[str, Array] = {}
    for each in chute.outputs:
        if each.name not in raw:
            raise ModelError(f"the graph has no output {each.name!r}")
        array = apply_reduce(each.name, np.asarray(raw[each.name]), each.reduce, ready.feeds)
        if array.dtype.name != each.dtype or not travels(array):
            raise ModelError(f"the output {each.name!r} is {array.dtype.name}, not {each.dtype} as the chute says")
        bind(each.name, each.shape, array.shape, ready.sizes, chute.limits)
        if array.nbytes > ARRAY_BYTES_MAX:
            raise TooLarge(f"{each.name}: {array.nbytes} bytes; {ARRAY_BYTES_MAX} at most.", param=each.name)
        if not is_finite(array):
            raise Unfit(f"{each.name}: the model gives NaN or infinity for this input.", param="inputs")
        outputs[each.name] = array
    return outputs
