"""Who we are in one subnet: the network, the chain, the seat and the key. Handed to everything that acts for us."""

from collections.abc import Callable
from dataclasses import dataclass, field

from node.market.absent import NoBlobs, NoJournal
from node.market.chain import ChainReader, view_of
from node.market.lines import Lines
from node.market.money import Money
from node.market.offers import OfferBook
from node.market.switchboard import Switchboard
from node.primitives.crypto import Signer
from node.primitives.types import AccountId, Height, NetUid
from node.subnets.base import BlobDoor, JournalDoor, Neuron, Verdict, View
from p2p import Network


@dataclass(frozen=True, slots=True)
class MarketContext:
    """One hotkey's place in one subnet. All contexts of one network share its switchboard.

    `offers` are what the miners of the subnet ask for, as far as this node has heard; without `money` nothing is paid
    for, and nothing taken. `forged` gives the verdict on a hotkey that contradicted itself in its journal.
    """

    network: Network
    doors: Switchboard
    chain: ChainReader
    netuid: NetUid
    signer: Signer
    journal: JournalDoor = field(default_factory=NoJournal)
    blobs: BlobDoor = field(default_factory=NoBlobs)
    offers: OfferBook = field(default_factory=lambda: OfferBook(lambda: Height(0)))
    money: Money | None = None
    forged: Callable[[AccountId], Verdict | None] = field(default=lambda _: None)
    lines: Lines = field(default_factory=Lines)

    @property
    def hotkey(self) -> AccountId:
        return self.signer.public

    def view(self) -> View:
        """The subnet at the best head, with its journals' state; without seats while the chain does not know it."""
        return view_of(self.chain, self.netuid, self.journal.state())

    def seat(self) -> Neuron | None:
        """Our own seat, once registered."""
        return self.view().find(self.hotkey)
