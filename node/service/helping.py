"""Help for a neighbour that is one decision behind: whoever still votes on what is decided is told the certificate.

Gossip passes no votes of decided instances on, so only a neighbour that has not heard of the decision sends one. The
answer goes to that neighbour alone, once a decision: nobody can make this node send more, or send to others.
"""

from collections import OrderedDict
from typing import Final

import trio

from node.consensus.certificate import Certificate
from node.consensus.messages import decode_message, encode_message
from node.service.chain import Chain
from node.service.logbook import logger
from p2p import Network

LATE_SLOT_DIVISOR: Final = 8  # votes for a decision younger than this part of a slot crossed it on their way
HELPED_MAX: Final = 256  # neighbours whose last help is remembered; four times the peers a node has
WAITING_MAX: Final = 64  # help on its way out: one for each peer a node has

log = logger("gossip")


class Helper:
    """Tells certificates to neighbours that miss them."""

    def __init__(self, chain: Chain, network: Network, topic: str) -> None:
        self._chain = chain
        self._network = network
        self._topic = topic
        self._late_s = chain.clock.slot_ms / LATE_SLOT_DIVISOR / 1000
        self._decided_s = trio.current_time()
        self._helped: OrderedDict[str, int] = OrderedDict()
        self._send, self._waiting = trio.open_memory_channel[tuple[str, Certificate]](WAITING_MAX)
        chain.on_final(lambda _: self._note_decision())

    def hear(self, peer_id: str, data: bytes) -> None:
        """Look at a message that is old or was heard before; cheap, for the event loop. Raises DecodeError."""
        certificate = self._chain.final.certificate
        if certificate is None or trio.current_time() < self._decided_s + self._late_s:
            return
        if self._helped.get(peer_id, 0) >= certificate.instance:
            return
        message = decode_message(data)
        if isinstance(message, Certificate) or message.instance > certificate.instance:
            return
        try:
            self._send.send_nowait((peer_id, certificate))
        except trio.WouldBlock:
            return  # it will ask again by voting again
        self._helped[peer_id] = certificate.instance
        self._helped.move_to_end(peer_id)
        if len(self._helped) > HELPED_MAX:
            self._helped.popitem(last=False)

    async def run(self) -> None:
        """Send until cancelled."""
        async for peer_id, certificate in self._waiting:
            log.debug("%s is told that instance %d is decided", peer_id, certificate.instance)
            await self._network.tell(peer_id, self._topic, encode_message(certificate))

    def _note_decision(self) -> None:
        self._decided_s = trio.current_time()
