"""What the engine is told and what it answers: events in, effects out; plain values both.

`S` is whatever `execute` returns for a block: the engine carries it and never looks inside. Peers are the opaque names
of the network layer; `peer=None` means "from this node itself".
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from node.consensus.certificate import Certificate, LockProof
from node.consensus.evidence import Evidence
from node.consensus.messages import Proposal
from node.consensus.votes import Vote
from node.ledger.header import Block, Header
from node.primitives.types import Hash, Height, Slot

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Anchor(Generic[S]):
    """A finalised block to start from: genesis (`certificate` is None), or the newest one in the store."""

    header: Header
    hash: Hash
    state: S
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Signed:
    """What this key signed before a restart; an engine that gets it neither repeats itself nor forgets its lock.

    `instance` and `round` are the highest that were signed in; `lock` is the newest proof that came with a `Sign`.
    """

    instance: int
    round: int
    lock: LockProof | None


# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlockReceived:
    """A block from a peer; with `peer=None` a stored unfinalised one after a restart (not stored again).

    `relayed` blocks come by gossip: relays pass them on by their seal, before anybody can have executed them, so `peer`
    may be asked for more but is not blamed for what is wrong inside.
    """

    block: Block
    peer: str | None
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A proposal or vote from a peer; with `peer=None` this node's own, just signed."""

    message: Proposal | Vote
    peer: str | None


@dataclass(frozen=True, slots=True)
class CertificateReceived:
    """A certificate without its block."""

    certificate: Certificate
    peer: str | None


@dataclass(frozen=True, slots=True)
class CertifiedBlocks:
    """A stretch of the finalised chain, oldest first, and the certificate of its last block."""

    blocks: tuple[Block, ...]
    certificate: Certificate
    peer: str | None


@dataclass(frozen=True, slots=True)
class SealedBlock(Generic[S]):
    """This node's own new block, sealed; `state` spares a second execution."""

    block: Block
    state: S | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: at the latest due at the engine's `next_deadline_ms`."""


Event = BlockReceived | MessageReceived | CertificateReceived | CertifiedBlocks | SealedBlock[S] | Tick

# --- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProduceBlock:
    """Build, seal (through the guard) and feed back a block of `slot` on `parent`, without transactions if `empty`.

    `enact` tells whether the block may enact the authority set that waits, if one does: its announcing block is final.
    A refusal of the guard is not fed back.
    """

    slot: Slot
    parent: Hash
    empty: bool
    enact: bool


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign `message` and feed it back.

    Before the signature exists, three things are on disk for good: the position (instance, round, step), `lock` where
    given, and every block of an earlier `StoreBlocks`. A voter that lost the block it is locked on could block finality
    for ever. A refusal of the guard is not fed back.
    """

    message: Proposal | Vote
    lock: LockProof | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """Gossip this. Everything that this node says goes out so; the shell publishes nothing of consensus by itself."""

    message: Block | Proposal | Vote | Certificate


@dataclass(frozen=True, slots=True)
class StoreBlocks:
    """These unfinalised blocks were executed and accepted; parents come before children."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Finalised(Generic[S]):
    """These blocks are final, oldest first, with the state after each; `dropped` names the blocks of losing forks."""

    blocks: tuple[Block, ...]
    hashes: tuple[Hash, ...]
    states: tuple[S, ...]
    certificate: Certificate
    dropped: tuple[Hash, ...]


@dataclass(frozen=True, slots=True)
class NewHead(Generic[S]):
    """The best tip changed: `undone` (newest first) left the best chain, `applied` (oldest first) joined it."""

    hash: Hash
    height: Height
    state: S
    undone: tuple[Block, ...] = field(default=(), repr=False)
    applied: tuple[Block, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class NeedBlocks:
    """Ask `peer` (anybody when None) for the block `missing` and its unfinalised ancestors."""

    missing: Hash
    peer: str | None


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Others have finalised beyond this node; `peer` showed it, `height` is at least reached (0: not known)."""

    peer: str | None
    height: Height


@dataclass(frozen=True, slots=True)
class Penalise:
    """`peer` sent what no honest node sends."""

    peer: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """An authority broke its duty, provably; each offence is told once."""

    evidence: Evidence


Effect = (
    ProduceBlock
    | Sign
    | Publish
    | StoreBlocks
    | Finalised[S]
    | NewHead[S]
    | NeedBlocks
    | CatchUp
    | Penalise
    | EvidenceFound
)
