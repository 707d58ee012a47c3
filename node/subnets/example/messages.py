"""What travels in the subnet Doubling: a number, and its double with the mark of the miner. Decides nothing."""

from typing import Final

from node.market.errors import MalformedMessage
from node.primitives.crypto import digest
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.subnets.base import Message, Part

NUMBER_MAX: Final = 2**31 - 1  # its double still fits 32 bits
SEED_BYTES: Final = 32


class Number(Message, frozen=True):
    """Double this. The seed makes every question a new one."""

    value: int
    seed: bytes

    def check(self) -> None:
        if not 0 <= self.value <= NUMBER_MAX:
            raise MalformedMessage(f"The number is 0 to {NUMBER_MAX}.")
        if len(self.seed) != SEED_BYTES:
            raise MalformedMessage(f"A seed has {SEED_BYTES} bytes.")


class Double(Part, frozen=True):
    """The doubled number; `mark` ties it to the question and to who answers."""

    value: int
    mark: bytes

    def check(self) -> None:
        if self.index != 0 or not self.done:
            raise MalformedMessage("An answer is one part.")
        if not 0 <= self.value <= 2 * NUMBER_MAX or len(self.mark) != HASH_BYTES:
            raise MalformedMessage("The double or its mark is out of range.")


def mark_of(task: Number, value: int, miner: AccountId) -> Hash:
    """What only an answer of this miner to this question carries: another's answer, passed on, is wrong."""
    return digest("subnet-mark", b"doubling", task.seed, value.to_bytes(8, "big"), miner)
