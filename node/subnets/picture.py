"""What subnets' rules look at: seats and views of the chain, answers, verdicts, standings, journal entries.

Values only, without behaviour; the same in the node, the workbench and an audit.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from node.primitives.types import AccountId, Hash, Height, NetUid, Uid
from node.subnets.wire import Code, Part, Usage


@dataclass(frozen=True, slots=True)
class Neuron:
    """One seat of a subnet. `stake_rao` is its stake weight; `peer_id` is empty until it serves."""

    uid: Uid
    hotkey: AccountId
    coldkey: AccountId
    peer_id: str
    addresses: tuple[str, ...]
    stake_rao: int
    validator_permit: bool
    last_update: Height


@dataclass(frozen=True, slots=True)
class View:
    """A subnet at one height, read only. `state` is what the subnet's `apply` made of all journals.

    `owner` is the owner's hotkey, which need not have a seat; None in a view made of a record, which does not tell it.
    """

    netuid: NetUid
    height: Height
    block_hash: Hash
    neurons: tuple[Neuron, ...]
    state: Mapping[bytes, bytes] = field(default_factory=dict, repr=False, compare=False)
    owner: AccountId | None = field(default=None, compare=False)
    _by_hotkey: dict[AccountId, Neuron] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_hotkey.update({neuron.hotkey: neuron for neuron in self.neurons})

    def find(self, hotkey: AccountId) -> Neuron | None:
        """The seat of a hotkey, if it has one."""
        return self._by_hotkey.get(hotkey)


# --- answers and verdicts -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one miner. Times are the asker's own, in ms since it asked; status is OK when complete."""

    miner: AccountId
    parts: tuple[Part, ...]
    usage: Usage
    digest: Hash
    signature: bytes
    t_first_ms: int
    t_done_ms: int
    status: Code = Code.OK


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement: a score in 0..1, or None when the validator could not check. `weight` is the evidence, in 0..1.

    `facts` are finite numbers by name that the subnet's own `weigh` reads back from the book.
    """

    score: float | None
    code: Code
    evidence: str = ""
    weight: float = 1.0
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as the book keeps it; `kind` is challenge, audit or user."""

    task: Hash
    kind: str
    height: Height
    verdict: Verdict
    usage: Usage
    t_first_ms: int
    t_done_ms: int


_GENESIS: Final = Height(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A miner's place in one validator's book: moving average, summed evidence, height of the last verdict.

    `recent` are its last verdicts, oldest first, those without a score included.
    """

    score: float = 0.0
    samples: float = 0.0
    last_height: Height = _GENESIS
    recent: tuple[Judged, ...] = ()


Book = Mapping[AccountId, Standing]


# --- journal --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed journal entry of a miner, already proven authentic and in sequence."""

    author: AccountId
    sequence: int
    height: Height
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a journal entry has no effect."""

    code: Code
    reason: str


State = MutableMapping[bytes, bytes]
"""An author's rows inside a reducer's transaction; every key begins with the author's 32 bytes."""
