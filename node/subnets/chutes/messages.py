"""What travels in subnet Chutes: a task for one chute, and the arrays or tokens of its answer.

Arrays travel as little-endian bytes in row order. A task is of one of three sorts: arrays, a chat, or a question about
the bytes of the chute's files. The answer carries a mark that ties it to the task and to who answers.
"""

from typing import Final

from models.limits import SEED_BYTES
from node.market.errors import MalformedMessage
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.subnets.base import BlobRef, Message, Part, check_text
from node.subnets.chutes.dims import elements
from node.subnets.chutes.limits import (
    ARRAY_BYTES_MAX,
    AXIS_MAX,
    INLINE_BYTES_MAX,
    NAME_CHARS_MAX,
    NOISE_BYTES_MAX,
    PART_BYTES_MAX,
    PORTS_MAX,
    RANK_MAX,
    TEXT_INPUT_CHARS_MAX,
    TEXTS_MAX,
)
from node.subnets.nineteen.messages import ChatPiece, ChatTask

ITEM_BYTES: Final = {"float32": 4, "float16": 2, "int64": 8, "int32": 4, "int8": 1, "uint8": 1, "bool": 1}
LAWS: Final = frozenset({"uniform", "normal", "bytes"})
BLOB_TYPE: Final = "application/octet-stream"


class Noise(Message, frozen=True):
    """Numbers that follow from a seed, in place of data. `personal`: each miner mixes its hotkey into the seed."""

    seed: bytes
    law: str
    personal: bool

    def check(self) -> None:
        if len(self.seed) != SEED_BYTES or self.law not in LAWS:
            raise MalformedMessage(f"Noise has a seed of {SEED_BYTES} bytes and is {', '.join(sorted(LAWS))}.")

    def seed_for(self, miner: AccountId) -> Hash:
        """What this miner's numbers are made of."""
        return digest("chute-seed", self.seed, miner if self.personal else b"")


class Tensor(Message, frozen=True):
    """One array: its bytes here, in a blob, made of noise, or, for dtype text, a list of texts. Exactly one of them."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes = b""
    blob: tuple[BlobRef, ...] = ()
    noise: tuple[Noise, ...] = ()
    texts: tuple[str, ...] = ()

    def check(self) -> None:
        check_text("The name of an array", self.name, max_chars=NAME_CHARS_MAX)
        if len(self.shape) > RANK_MAX or any(not 0 < size <= AXIS_MAX for size in self.shape):
            raise MalformedMessage(f"An array has at most {RANK_MAX} axes of 1 to {AXIS_MAX}.")
        if len(self.blob) + len(self.noise) > 1 or (self.data and (self.blob or self.noise)):
            raise MalformedMessage("An array is given in one way only.")
        if self.dtype == "text":
            self._check_texts()
        elif self.dtype not in ITEM_BYTES or self.texts:
            raise MalformedMessage(f"An array is of {', '.join(ITEM_BYTES)}, or a list of texts.")
        else:
            self._check_numbers()

    def _check_texts(self) -> None:
        if self.data or self.blob or self.noise or self.shape != (len(self.texts),) or len(self.texts) > TEXTS_MAX:
            raise MalformedMessage(f"Texts are a list of 1 to {TEXTS_MAX}, and have one axis.")
        for text in self.texts:
            check_text("A text", text, max_chars=TEXT_INPUT_CHARS_MAX)
        if sum(map(len, self.texts)) > TEXT_INPUT_CHARS_MAX:
            raise MalformedMessage(f"The texts have more than {TEXT_INPUT_CHARS_MAX} characters together.")

    def _check_numbers(self) -> None:
        size = self.size_bytes
        if self.noise:
            self.noise[0].check()
            if size > NOISE_BYTES_MAX:
                raise MalformedMessage(f"{size} bytes of noise; {NOISE_BYTES_MAX} at most.")
        elif self.blob:
            if self.blob[0].size != size or size > ARRAY_BYTES_MAX or len(self.blob[0].sha256) != HASH_BYTES:
                raise MalformedMessage(f"The blob must hold the {size} bytes of the array; {ARRAY_BYTES_MAX} at most.")
        elif len(self.data) != size or size > INLINE_BYTES_MAX:
            raise MalformedMessage(f"{len(self.data)} bytes for an array of {size}; {INLINE_BYTES_MAX} at most inline.")

    @property
    def size_bytes(self) -> int:
        """Of its numbers; 0 for texts."""
        return elements(self.shape) * ITEM_BYTES.get(self.dtype, 0)


class Hold(Message, frozen=True):
    """Prove that a file of the chute lies before you: its digest over places that `nonce` and your hotkey choose."""

    sha256: bytes
    size: int
    nonce: bytes

    def check(self) -> None:
        if len(self.sha256) != HASH_BYTES or len(self.nonce) != SEED_BYTES or self.size < 1:
            raise MalformedMessage("A question about a file has its SHA-256, its size and 32 random bytes.")


class ChuteTask(Message, frozen=True):
    """Run this chute on these arrays, or on this chat, or prove that its file is there. `salt` makes each task new."""

    chute: bytes
    salt: bytes
    inputs: tuple[Tensor, ...] = ()
    chat: tuple[ChatTask, ...] = ()
    hold: tuple[Hold, ...] = ()

    def check(self) -> None:
        if len(self.chute) != HASH_BYTES or len(self.salt) != SEED_BYTES:
            raise MalformedMessage("A chute's id and the salt have 32 bytes each.")
        if len(self.inputs) > PORTS_MAX or len(self.chat) > 1 or len(self.hold) > 1:
            raise MalformedMessage(f"A task has at most {PORTS_MAX} arrays, one chat and one question about a file.")
        if bool(self.inputs) + len(self.chat) + len(self.hold) != 1:
            raise MalformedMessage("A task is arrays, a chat or a question about a file: one of the three.")
        for each in (*self.inputs, *self.chat, *self.hold):
            each.check()
        if sum(len(each.data) for each in self.inputs) > INLINE_BYTES_MAX:
            raise MalformedMessage(f"The arrays have more than {INLINE_BYTES_MAX} bytes; send large ones as blobs.")


class Slab(Message, frozen=True):
    """A stretch of an output's bytes; the first of an output has offset 0, and a large output is one blob instead."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    data: bytes
    blob: tuple[BlobRef, ...] = ()

    def check(self) -> None:
        check_text("The name of an array", self.name, max_chars=NAME_CHARS_MAX)
        if self.dtype not in ITEM_BYTES or len(self.shape) > RANK_MAX or any(not 0 < n <= AXIS_MAX for n in self.shape):
            raise MalformedMessage("An output is an array of numbers within the bounds.")
        if len(self.blob) > 1 or (self.blob and (self.data or self.offset)) or len(self.data) > PART_BYTES_MAX:
            raise MalformedMessage(f"A part carries up to {PART_BYTES_MAX} bytes of an output, or one blob.")
        if self.offset < 0:
            raise MalformedMessage("An offset is negative.")


class ChutePart(Part, frozen=True):
    """Pieces of the outputs, or tokens of a chat. The last part has the usage and the mark over the whole."""

    chute: bytes
    slabs: tuple[Slab, ...] = ()
    chat: tuple[ChatPiece, ...] = ()
    mark: bytes = b""

    def check(self) -> None:
        if len(self.chute) != HASH_BYTES or len(self.slabs) > PORTS_MAX or len(self.chat) > 1:
            raise MalformedMessage("A part names its chute and holds a bounded number of pieces.")
        if len(self.mark) != (HASH_BYTES if self.done else 0):
            raise MalformedMessage("The last part, and no other, has a mark.")
        for each in (*self.slabs, *self.chat):
            each.check()
        if sum(len(each.data) for each in self.slabs) > PART_BYTES_MAX:
            raise MalformedMessage(f"A part carries at most {PART_BYTES_MAX} bytes.")
        if min(self.index, self.usage.prompt_tokens, self.usage.completion_tokens, self.usage.units) < 0:
            raise MalformedMessage("A number of a part is negative.")


def mark_of(task: ChuteTask, content: Hash, miner: AccountId) -> Hash:
    """What only this miner's answer to this task carries; `content` is the digest of what it answers."""
    return digest("chute-mark", encode(task), content, miner)


def content_of(outputs: tuple[tuple[str, str, tuple[int, ...], bytes], ...]) -> Hash:
    """The digest of whole outputs: (name, dtype, shape, bytes) in order."""
    parts = [item for name, dtype, shape, data in outputs for item in (encode((name, dtype, shape)), data)]
    return digest("chute-content", *parts)
