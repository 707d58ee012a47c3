"""The rounds of a validator: when one is due, whom it asks, and what silence means."""

from collections.abc import Sequence

from node.market.limits import TARGETS_MAX
from node.market.seeds import round_offset
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Height
from node.subnets.base import Book, Code, Neuron, Standing, Verdict


def round_at(height: Height, challenge_blocks: int, validator: AccountId) -> int:
    """Number of the round a block belongs to; validators begin theirs at different blocks, to spread the work."""
    return (height + round_offset(challenge_blocks, validator)) // challenge_blocks


def choose_targets(candidates: Sequence[Neuron], book: Book, seed: bytes, sample: int) -> tuple[AccountId, ...]:
    """At most `sample` miners, those asked longest ago first, ties in an order that follows from the seed.

    A verdict without a score ends a turn too: else miners that are all away would be asked in every round.
    """

    def order(neuron: Neuron) -> tuple[int, bytes]:
        return (_last_turn(book.get(neuron.hotkey, Standing())), digest("target", seed, neuron.hotkey))

    return tuple(neuron.hotkey for neuron in sorted(candidates, key=order)[: min(sample, TARGETS_MAX)])


def _last_turn(standing: Standing) -> int:
    last = standing.recent[-1].height if standing.recent else 0
    return max(standing.last_height, last)


def silence(anyone_answered: bool) -> Verdict:
    """The verdict on a miner that did not answer: its own fault only if our line was good enough for somebody else."""
    if anyone_answered:
        return Verdict(0.0, Code.TIMEOUT, "no answer in time while others answered")
    return Verdict(None, Code.UNCHECKABLE, "nobody answered; the fault may be ours")
