"""What the market needs to know of the chain, as a protocol: the service implements it, tests fake it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from node.ledger.calls import Call
from node.ledger.key_queries import CommitInfo
from node.ledger.pallets.neurons import Commitment
from node.ledger.pallets.roots import ReceiptRoot
from node.ledger.queries import Metagraph, NeuronRow
from node.primitives.crypto import Signer
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, NetUid
from node.subnets.base import Neuron, View


@dataclass(frozen=True, slots=True)
class Head:
    """The best block this node knows."""

    height: Height
    hash: Hash


class ChainReader(Protocol):
    """The chain at its best head. Everything but `submit` answers at once: `metagraph` is asked for every request that
    comes in, so keep it per head."""

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

    def weight_commits(self, netuid: NetUid, hotkey: AccountId) -> tuple[CommitInfo, ...]:
        """The hotkey's commits to weights as of the best head, oldest first; none when there is no such subnet."""
        ...

    def commitment(self, netuid: NetUid, hotkey: AccountId) -> Commitment | None:
        """What the hotkey has published for the subnet as of the best head; None without a commitment."""
        ...

    def receipt_roots(self, netuid: NetUid, hotkey: AccountId) -> tuple[ReceiptRoot, ...]:
        """The newest roots over the hotkey's records as of the best head, oldest first."""
        ...

    def heads(self) -> trio.MemoryReceiveChannel[Head]:
        """A new channel that gets every new best head; a slow reader loses some. Close it when done."""
        ...

    async def submit(self, call: Call, signer: Signer) -> Hash:
        """Sign and send a transaction; returns its hash. Raises NodeError when it is refused at once."""
        ...


def view_of(chain: ChainReader, netuid: NetUid, state: Mapping[bytes, bytes] | None = None) -> View:
    """The subnet at the best head as subnets see it, with its journals' state; no seats while it is not known."""
    height = chain.height()
    metagraph = chain.metagraph(netuid)
    neurons = () if metagraph is None else tuple(neuron_of(row) for row in metagraph.rows)
    owner = None if metagraph is None else metagraph.subnet.owner_hotkey
    return View(netuid, height, chain.block_hash(height) or ZERO_HASH, neurons, {} if state is None else state, owner)


def neuron_of(row: NeuronRow) -> Neuron:
    """A row of the metagraph as subnets see it."""
    return Neuron(
        uid=row.uid,
        hotkey=row.hotkey,
        coldkey=row.coldkey,
        peer_id=row.peer_id,
        addresses=row.addresses,
        stake_rao=row.stake_weight_rao,
        validator_permit=row.validator_permit,
        last_update=row.last_update,
    )
