"""What miners declare and what validators measured of it: the journal of subnet Nineteen.

A miner says how many tokens a second it makes and of how many answers at once. Validators ask that many at once, now
and then, and write down what came: their rows are public, so anybody can recompute what a claim was worth.
"""

from collections.abc import Mapping
from typing import Final

from node.market.errors import MalformedMessage
from node.primitives.codec import encode
from node.primitives.types import AccountId
from node.subnets.base import Code, Entry, Message, Refusal, State, View, check_text, decode_message
from node.subnets.nineteen.scoring import PERIOD_BLOCKS

CAPACITY: Final = "capacity"
BURST: Final = "burst"
CONCURRENCY_MAX: Final = 64  # more answers at once than any batch holds
TOKENS_PER_S_MAX: Final = 100_000  # above the largest servers
MODEL_CHARS_MAX: Final = 128
ROW_BYTES_MAX: Final = 512


class Capacity(Message, frozen=True):
    """A miner's declaration, for one model."""

    model: str
    tokens_per_s: int
    concurrency: int

    def check(self) -> None:
        check_text("The model's name", self.model, max_chars=MODEL_CHARS_MAX)
        if not 1 <= self.tokens_per_s <= TOKENS_PER_S_MAX or not 1 <= self.concurrency <= CONCURRENCY_MAX:
            raise MalformedMessage(f"Capacity is 1 to {TOKENS_PER_S_MAX} tokens/s and 1 to {CONCURRENCY_MAX} at once.")


class Declared(Message, frozen=True):
    """A declaration as it is kept: with the height at which its period began, and the most declared in that period."""

    capacity: Capacity
    period: int
    highest: int


class Burst(Message, frozen=True):
    """What a validator saw of one miner when it asked `asked` questions at once: tokens a second over all answers."""

    miner: bytes
    model: str
    asked: int
    tokens_per_s: int

    def check(self) -> None:
        check_text("The model's name", self.model, max_chars=MODEL_CHARS_MAX)
        if len(self.miner) != 32 or not 1 <= self.asked <= CONCURRENCY_MAX:
            raise MalformedMessage("A burst names a miner and 1 to 64 questions.")
        if not 0 <= self.tokens_per_s <= TOKENS_PER_S_MAX:
            raise MalformedMessage(f"A burst shows 0 to {TOKENS_PER_S_MAX} tokens a second.")


def take_entry(entry: Entry, state: State) -> Refusal | None:
    """Reduce one journal entry into its author's rows."""
    try:
        if entry.kind == CAPACITY:
            return _take_capacity(entry, decode_message(Capacity, entry.body, max_bytes=ROW_BYTES_MAX), state)
        if entry.kind == BURST:
            burst = decode_message(Burst, entry.body, max_bytes=ROW_BYTES_MAX)
            state[_burst_key(entry.author, AccountId(burst.miner), burst.model)] = entry.body
            return None
    except MalformedMessage as error:
        return Refusal(Code.MALFORMED, error.message)
    return Refusal(Code.REFUSED, f"Subnet Nineteen knows no journal entry of the kind {entry.kind[:20]!r}.")


def _take_capacity(entry: Entry, capacity: Capacity, state: State) -> Refusal | None:
    key, period = _capacity_key(entry.author, capacity.model), entry.height // PERIOD_BLOCKS
    before = _kept(state, key)
    highest = capacity.tokens_per_s
    if before is not None and before.period == period:
        if 2 * capacity.tokens_per_s < before.highest:
            return Refusal(Code.OVERCLAIM, "Within a period a declared capacity may fall by half at most.")
        highest = max(highest, before.highest)
    state[key] = encode(Declared(capacity, period, highest))
    return None


def declared_by(miner: AccountId, model: str, state: Mapping[bytes, bytes]) -> Capacity | None:
    """A miner's declaration for a model, if it made one."""
    kept = _kept(state, _capacity_key(miner, model))
    return None if kept is None else kept.capacity


def measured_of(miner: AccountId, model: str, view: View) -> float | None:
    """Tokens a second that validators saw of a miner: the median of their latest bursts; None before any.

    Rows of hotkeys without a permit count for nothing. Of an even number the lower middle one counts.
    """
    seen = []
    for neuron in view.neurons:
        row = view.state.get(_burst_key(neuron.hotkey, miner, model)) if neuron.validator_permit else None
        if row is not None:
            seen.append(decode_message(Burst, row, max_bytes=ROW_BYTES_MAX).tokens_per_s)
    return float(sorted(seen)[(len(seen) - 1) // 2]) if seen else None


def _kept(state: Mapping[bytes, bytes], key: bytes) -> Declared | None:
    row = state.get(key)
    return None if row is None else decode_message(Declared, row, max_bytes=ROW_BYTES_MAX)


def _capacity_key(author: AccountId, model: str) -> bytes:
    return bytes(author) + b"c" + model.encode()


def _burst_key(author: AccountId, miner: AccountId, model: str) -> bytes:
    return bytes(author) + b"b" + bytes(miner) + model.encode()
