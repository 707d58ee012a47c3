"""What an audit looks at and what it finds: the chain's word, a record with its surroundings, findings. Values only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from node.market.frames import Receipt
from node.market.record import SignedHead
from node.market.record_lines import Booked
from node.market.weights import WeightVector
from node.primitives.types import AccountId, Hash, Height, NetUid, Uid
from node.subnets.base import Message, Standing


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that disagrees, or (`note`) that could not be checked; `line` counts from 0, -1 for the whole."""

    kind: str
    text: str
    line: int = -1
    miner: AccountId | None = None
    note: bool = False


@dataclass(frozen=True, slots=True)
class WeightsAt:
    """Weights that the chain took at a height: set, or revealed for the commit with this hash."""

    height: Height
    vector: WeightVector
    version_key: int
    commit: bytes = b""


@dataclass(frozen=True, slots=True)
class Root:
    """A record's digest as it stands on chain."""

    digest: Hash
    lines: int
    height: Height


@dataclass(frozen=True, slots=True)
class SeedEnd:
    """The end of a chain of seeds, known to stand on chain from `height` on."""

    first_round: int
    end: Hash
    height: Height


SeatThen = tuple[AccountId, int, bool]
"""Who held a seat with what stake (rao), and whether it could validate."""


def nobody_saw(_uid: Uid, _height: Height) -> frozenset[SeatThen] | None:
    """What an auditor knows of past seats that followed none."""
    return None


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What the auditor's own chain says about a validator; `whole` tells whether it has the blocks of the epoch."""

    genesis: Hash
    netuid: NetUid
    validator: AccountId
    tempo_blocks: int
    roots: Mapping[int, Root]
    seeds: tuple[SeedEnd, ...]
    block_hash: Callable[[Height], Hash | None]
    seats: Mapping[Uid, tuple[AccountId, Height]]  # who sits there now, and since when
    weights: tuple[WeightsAt, ...]
    commits: Mapping[bytes, Height]
    whole: bool = True
    seen: Callable[[Uid, Height], frozenset[SeatThen] | None] = nobody_saw
    """What a seat was at about a height, as the auditor itself saw it; None where it did not follow."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record as it was fetched, with what lies around it: the lines of the epochs before and after, where known."""

    signed: SignedHead
    before: bytes
    lines: tuple[bytes, ...]
    previous: SignedHead | None = None
    earlier: tuple[bytes, ...] | None = None
    later: tuple[bytes, ...] | None = None
    receipts: tuple[Receipt, ...] = ()  # for answers to challenges, signed by this validator, from whoever audits


@dataclass(slots=True)
class Audit:
    """What came out. `computed` and `on_chain` are the weights; `tasks` are those drawn again, by challenge."""

    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    computed: WeightVector | None = None
    on_chain: WeightsAt | None = None
    weights_agree: bool | None = None
    tasks: dict[Hash, Message] = field(default_factory=dict)
    booked: list[Booked] = field(default_factory=list)
    names: dict[Uid, AccountId] = field(default_factory=dict)
    book: Mapping[AccountId, Standing] = field(default_factory=dict)

    @property
    def disagreements(self) -> list[Finding]:
        """What the validator has to answer for."""
        return [each for each in self.findings if not each.note]

    @property
    def outcome(self) -> str:
        """`agrees`, `disagrees`, or `undecided` when nothing disagrees but the weights could not be compared."""
        if self.disagreements:
            return "disagrees"
        return "agrees" if self.weights_agree else "undecided"
