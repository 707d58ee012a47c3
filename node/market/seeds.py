"""Seeds of challenges that nobody can choose or foresee: a chain of preimages whose end stands on chain beforehand.

A validator draws a random root and hashes it SEED_ROUNDS times; the end is published before the first round it is used
in. The secret of round r is the preimage r - first + 1 steps before the end, so each round has exactly one, it is
unknown to everybody else until the validator shows it, and anybody can check it afterwards. Pure.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from node.market.limits import AUDIT_KNOWN_SAMPLES, AUDIT_SHARE, AUDIT_SHARE_NEW, SEED_LAG_BLOCKS, SEED_ROUNDS
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.subnets.base import Standing

LOT_SCALE: Final = 2**64


@dataclass(frozen=True)
class SeedChain:
    """One validator's chain: `root` is secret, `end` is public, and it covers SEED_ROUNDS rounds from `first_round`."""

    first_round: int
    root: Hash = field(repr=False)

    @cached_property
    def _links(self) -> tuple[Hash, ...]:
        """Every preimage from the root to the end; 128 KiB."""
        links = [self.root]
        for _ in range(SEED_ROUNDS):
            links.append(step(links[-1]))
        return tuple(links)

    @property
    def end(self) -> Hash:
        """What is published before the chain is used."""
        return self._links[-1]

    @property
    def last_round(self) -> int:
        """The last round it has a secret for."""
        return self.first_round + SEED_ROUNDS - 1

    def covers(self, round_number: int) -> bool:
        """Whether it has a secret for the round."""
        return self.first_round <= round_number <= self.last_round

    def secret(self, round_number: int) -> Hash:
        """The secret of a round that it covers."""
        return self._links[SEED_ROUNDS - 1 - (round_number - self.first_round)]


def step(secret: Hash) -> Hash:
    """One link nearer to the end."""
    return digest("seed-step", secret)


def walk(secret: Hash, steps: int) -> Hash:
    """What a secret hashes to after so many steps."""
    for _ in range(steps):
        secret = step(secret)
    return secret


def leads_to(secret: Hash, round_number: int, first_round: int, end: Hash) -> bool:
    """Whether a secret is that of a round in the chain with this end; at most SEED_ROUNDS hashes."""
    steps = round_number - first_round + 1
    return 0 < steps <= SEED_ROUNDS and walk(secret, steps) == end


def seed_height(round_number: int, challenge_blocks: int, validator: AccountId) -> Height:
    """The block whose hash goes into a round's seed: some blocks before the round, so that it is final when used."""
    first = round_number * challenge_blocks - round_offset(challenge_blocks, validator)
    return Height(max(0, first - SEED_LAG_BLOCKS))


def round_offset(challenge_blocks: int, validator: AccountId) -> int:
    """How many blocks before the others' a validator's rounds begin, to spread the work."""
    return int.from_bytes(validator[:4], "big") % challenge_blocks


def draw_seed(secret: Hash, block_hash: Hash, netuid: NetUid, round_number: int, validator: AccountId) -> Hash:
    """The seed of a round's targets and task."""
    name = netuid.to_bytes(2, "big") + round_number.to_bytes(8, "big")
    return digest("draw", secret, block_hash, name, validator)


def lot_taken(secret: Hash, request: Hash, standing: Standing) -> bool:
    """Whether a user's finished call is audited; `secret` is that of the running round, which nobody else knows yet."""
    share = AUDIT_SHARE if standing.samples >= AUDIT_KNOWN_SAMPLES else AUDIT_SHARE_NEW
    return int.from_bytes(digest("audit-lot", secret, request)[:8], "big") < share * LOT_SCALE
