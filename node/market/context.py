"""Who we are in one subnet: the network, the chain, the seat and the key. Handed to everything that acts for us."""

from dataclasses import dataclass

from node.market.chain import ChainReader, view_of
from node.market.switchboard import Switchboard
from node.primitives.crypto import Signer
from node.primitives.types import AccountId, NetUid
from node.subnets.base import Neuron, View
from p2p import Network


@dataclass(frozen=True, slots=True)
class MarketContext:
    """One hotkey's place in one subnet. All contexts of one network share its switchboard."""

    network: Network
    doors: Switchboard
    chain: ChainReader
    netuid: NetUid
    signer: Signer

    @property
    def hotkey(self) -> AccountId:
        return self.signer.public

    def view(self) -> View:
        """The subnet at the best head; without seats while the chain does not know the subnet."""
        return view_of(self.chain, self.netuid)

    def seat(self) -> Neuron | None:
        """Our own seat, once registered."""
        return self.view().find(self.hotkey)
