"""What the market needs to know of the chain, as a protocol: the service implements it, tests fake it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trio

from node.primitives.crypto import Signer
from node.primitives.types import Hash, Height, NetUid

if TYPE_CHECKING:
    from node.ledger.calls import Call
    from node.ledger.queries import Metagraph


@dataclass(frozen=True, slots=True)
class Head:
    """The best block this node knows."""

    height: Height
    hash: Hash


class ChainReader(Protocol):
    """The chain at its best head. Every method but `submit` answers at once from memory or a point read."""

    @property
    def genesis_hash(self) -> Hash: ...

    def height(self) -> Height:
        """Height of the best head."""
        ...

    def block_hash(self, height: Height) -> Hash | None:
        """Hash of the block at `height` on the best chain, for the last few hundred blocks; None beyond."""
        ...

    def metagraph(self, netuid: NetUid) -> Metagraph | None:
        """The subnet as of the best head; None when there is no such subnet."""
        ...

    def blocks_to_epoch(self, netuid: NetUid) -> int:
        """Blocks between the best head and the next epoch of the subnet."""
        ...

    def heads(self) -> trio.MemoryReceiveChannel[Head]:
        """A new channel that gets every new best head; a slow reader loses old ones. Close it when done."""
        ...

    async def submit(self, call: Call, signer: Signer) -> Hash:
        """Sign and send a transaction; returns its hash. Raises LedgerError when it is refused at once."""
        ...
