"""Questions drawn from a seed: which chute, and inputs that fit it, of the sizes that users send. Pure.

Half of the arrays are noise that each miner makes from its own hotkey: an answer to it fits one miner only.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from node.primitives.crypto import digest
from node.subnets.base import View
from node.subnets.chutes.bundle import Chute, Input
from node.subnets.chutes.catalogue import Listed, demand_of
from node.subnets.chutes.dims import elements
from node.subnets.chutes.limits import CHALLENGE_AXIS, INLINE_BYTES_MAX, NOISE_BYTES_MAX, POSSESSION_EVERY
from node.subnets.chutes.messages import ITEM_BYTES, ChuteTask, Hold, Noise, Tensor
from node.subnets.chutes.steps import Tokenise
from node.subnets.nineteen.messages import MILLI, ChatTask
from node.subnets.nineteen.prompts import SeededChoice, draw_chat

_EVENLY: Final = 1_000_000  # weight of a chute that nobody asked for
_SIDES: Final = (16, 24, 32, 40, 48)  # of drawn pictures
_LENGTHS: Final = (512, 1024, 2048, 3072, 4096)  # of drawn sounds and files
_CHANNELS: Final = (1, 3)


def draw_task(seed: bytes, view: View, chutes: Sequence[Listed]) -> ChuteTask | None:
    """The task that follows from 32 bytes of seed; None without a chute, or when the drawn one cannot be asked."""
    if not chutes:
        return None
    choice = SeededChoice(digest("chute-draw", seed))
    listed = _weighted(choice, chutes, demand_of(view))
    salt = digest("task-seed", seed)
    chute = listed.chute
    if choice.below(POSSESSION_EVERY) == 0:
        file = choice.pick(chute.files)
        held = Hold(bytes.fromhex(file.sha256), file.size, digest("chute-places", seed))
        return ChuteTask(listed.id, salt, hold=(held,))
    if chute.is_text:
        return ChuteTask(listed.id, salt, chat=(_chat(seed, listed),))
    inputs = draw_inputs(choice, chute, salt)
    return None if inputs is None else ChuteTask(listed.id, salt, inputs=inputs)


def _weighted(choice: SeededChoice, chutes: Sequence[Listed], demand: dict[bytes, float]) -> Listed:
    """One of them, in proportion to 1 + its share of users' calls in the last day."""
    weights = [_EVENLY + round(_EVENLY * demand.get(each.id, 0.0)) for each in chutes]
    at = choice.below(sum(weights))
    for each, weight in zip(chutes, weights, strict=True):
        at -= weight
        if at < 0:
            return each
    return chutes[-1]


def _chat(seed: bytes, listed: Listed) -> ChatTask:
    task = draw_chat(seed, (listed.id.hex(),))
    tokens = min(task.max_tokens, listed.chute.limits["tokens"])
    return msgspec.structs.replace(task, max_tokens=tokens, repetition_penalty_milli=MILLI)


def draw_inputs(choice: SeededChoice, chute: Chute, salt: bytes) -> tuple[Tensor, ...] | None:
    """Inputs that the chute takes; None when one is too large even as noise."""
    sizes: dict[str, int] = {}
    drawn = []
    for port in chute.inputs:
        for axis in port.shape:
            if isinstance(axis, str) and axis not in sizes:
                sizes[axis] = min(chute.limits[axis], _size(choice, port))
        tensor = _tensor(
            choice, port, tuple(sizes[axis] if isinstance(axis, str) else axis for axis in port.shape), salt
        )
        if tensor is None:
            return None
        drawn.append(tensor)
    return tuple(drawn)


def _size(choice: SeededChoice, port: Input) -> int:
    """A usual size of a free axis: of a picture, of a sound or file, of a batch."""
    if len(port.shape) == 3 and port.shape[-1] in _CHANNELS:
        return choice.pick(_SIDES)
    if len(port.shape) == 1 and port.dtype in ("uint8", "float32", "int8"):
        return choice.pick(_LENGTHS)
    return 1 + choice.below(CHALLENGE_AXIS)


def _tensor(choice: SeededChoice, port: Input, shape: tuple[int, ...], salt: bytes) -> Tensor | None:
    if port.pre and isinstance(port.pre[0], Tokenise):
        return Tensor(port.name, "text", shape, texts=tuple(_sentence(choice) for _ in range(shape[0])))
    size = elements(shape) * ITEM_BYTES[port.dtype]
    law = "bytes" if port.dtype[0] in "uib" else choice.pick(("uniform", "normal"))
    seed = digest("chute-input", salt, port.name.encode())
    if size > INLINE_BYTES_MAX or choice.below(2):
        noise = Noise(seed, law, personal=True)
        return None if size > NOISE_BYTES_MAX else Tensor(port.name, port.dtype, shape, noise=(noise,))
    return Tensor(port.name, port.dtype, shape, data=_data(choice, port, shape, seed, law))


def _data(choice: SeededChoice, port: Input, shape: tuple[int, ...], seed: bytes, law: str) -> bytes:
    """What a user might send: words of a file where bytes are asked for, numbers else."""
    if port.dtype == "uint8" and len(shape) == 1:
        text = b""
        while len(text) < shape[0]:
            text += _sentence(choice).encode() + b"\n"
        return text[: shape[0]]
    from node.subnets.chutes.arrays import to_bytes  # NumPy is loaded where questions are made, not with the rules
    from node.subnets.chutes.noise import noise

    return to_bytes(noise(seed, port.name, law, shape, port.dtype))


def _sentence(choice: SeededChoice) -> str:
    turns = draw_chat(digest("chute-words", choice.below(2**32).to_bytes(8, "big")), ("",)).turns
    return turns[-1].content
