"""The gossip mesh without the ways in which peers can fill its memory or its processor.

Stock keeps state for every topic name a peer invents, answers one IWANT with thousands of copies of one message, dials
whoever a PRUNE names, queues whole messages for peers that never subscribed, and signs a peer record into every frame.
"""

import logging
import time
from collections.abc import Callable, Iterable

import trio
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.mcache import MessageCache
from libp2p.pubsub.pb import rpc_pb2

from p2p import limits
from p2p.api import Priority
from p2p.counters import Counters
from p2p.hardened.outbound import Frame, OutboundQueue, encode_frame

_log = logging.getLogger(__name__)

PriorityOf = Callable[[str], Priority]
"""A topic's priority here."""

PROTOCOLS = ("/meshsub/1.2.0", "/meshsub/1.1.0")


class BoundedMessageCache(MessageCache):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """Recent messages, bounded by bytes as well as by heartbeats."""

    def __init__(self, window_size: int, history_size: int, priority_of: PriorityOf) -> None:
        super().__init__(window_size, history_size)
        self._bytes = 0
        self._priority_of = priority_of

    def put(self, msg: rpc_pb2.Message) -> None:
        """Keep a message; when the cache is full it is simply not offered to latecomers. Half is for the important."""
        share = 1 if self._priority_of(msg.topicIDs[0]) == Priority.HIGH else 2
        if self._bytes + len(msg.data) > limits.RELAY_CACHE_MAX_BYTES // share:
            return
        before = len(self.msgs)
        super().put(msg)
        if len(self.msgs) > before:
            self._bytes += len(msg.data)

    def shift(self) -> None:
        """Forget the oldest heartbeat."""
        super().shift()
        self._bytes = sum(len(msg.data) for msg in self.msgs.values())


class HardenedGossipSub(GossipSub):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """Gossipsub 1.1/1.2 with the library's experiments (adaptive degrees, spam and eclipse guesses, scores) off."""

    def __init__(self, counters: Counters, priority_of: PriorityOf) -> None:
        super().__init__(
            protocols=list(PROTOCOLS),
            degree=limits.MESH_DEGREE,
            degree_low=limits.MESH_DEGREE_LOW,
            degree_high=limits.MESH_DEGREE_HIGH,
            heartbeat_interval=limits.HEARTBEAT_S,
            do_px=False,
            max_idontwant_messages=64,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
        )
        self.mcache = BoundedMessageCache(window_size=3, history_size=5, priority_of=priority_of)
        self.scorer = None  # reputation is kept above, for all protocols alike
        self._counters = counters
        self._priority_of = priority_of

    async def heartbeat(self) -> None:
        """Mesh upkeep that one surprise does not end."""
        while True:
            try:
                await super().heartbeat()
            except Exception:
                self._counters.add("gossip.heartbeat_failed")
                _log.exception("a heartbeat of the gossip mesh failed")
                await trio.sleep(self.heartbeat_interval)

    async def publish(self, msg_forwarder: ID, pubsub_msg: rpc_pb2.Message) -> None:
        """Pass a message on to the mesh (ours or one that was accepted)."""
        self.mcache.put(pubsub_msg)
        message_id = self.pubsub.get_message_id(pubsub_msg)
        if len(pubsub_msg.data) >= limits.IDONTWANT_MIN_BYTES:
            await self._emit_idontwant_for_message(message_id, pubsub_msg.topicIDs)
        frame = self.frame_of(pubsub_msg)
        receivers = set(self._get_peers_to_send(pubsub_msg.topicIDs, msg_forwarder, ID(pubsub_msg.from_id), message_id))
        if msg_forwarder == self.pubsub.my_id and len(pubsub_msg.data) < limits.IDONTWANT_MIN_BYTES:
            receivers |= self._some_subscribers(pubsub_msg.topicIDs, receivers)
        for peer_id in receivers:
            self.send_frame(peer_id, frame)
        for topic in pubsub_msg.topicIDs:
            self.time_since_last_publish[topic] = int(time.time())

    def _some_subscribers(self, topics: Iterable[str], besides: set[ID]) -> set[ID]:
        """Subscribers outside of the mesh: small messages of our own go to them too, so a thin mesh loses nothing."""
        subscribers = {peer_id for topic in topics for peer_id in self.pubsub.peer_topics.get(topic, ())}
        wanted = max(0, limits.MESH_DEGREE_HIGH - len(besides))
        return set(self.select_from_minus(wanted, subscribers, besides))

    def frame_of(self, message: rpc_pb2.Message) -> Frame:
        """A message as it goes to every neighbour, in the lane of its topic."""
        return encode_frame(rpc_pb2.RPC(publish=[message]), self._priority_of(message.topicIDs[0]))

    def send_frame(self, peer_id: ID, frame: Frame) -> None:
        """Queue a message for a peer; what finds no room there is counted by the queue."""
        queue: OutboundQueue | None = self.pubsub.peer_queues.get(peer_id)
        if queue is not None:
            queue.push_frame(frame)

    async def emit_control_message(self, control_msg: rpc_pb2.ControlMessage, to_peer: ID) -> None:
        """Send control parts, without the signed address record that stock makes and verifies for every frame."""
        self.send_rpc(to_peer, rpc_pb2.RPC(control=control_msg), priority=True)

    async def send_recent_messages(self, peer_id: ID, topic: str) -> None:
        """Give a newcomer what was said in the last heartbeats, through its queue (two writers would mix frames)."""
        for message_id in self.mcache.window(topic):
            message = self.mcache.get(message_id)
            if message is not None and message.from_id != peer_id.to_bytes():
                self.send_frame(peer_id, self.frame_of(message))

    async def flush_pending_messages(self, peer_id: ID) -> None:
        """Nothing waits for peers here: recent messages are replayed instead."""

    async def handle_rpc(self, rpc: rpc_pb2.RPC, sender_peer_id: ID) -> None:
        """Act on control parts about topics we are on; the frame's bounds were checked by its reader."""
        control = rpc.control
        for ihave in control.ihave:
            if ihave.topicID in self.mesh:
                await self.handle_ihave(ihave, sender_peer_id)
        if control.iwant:
            await self._serve_iwant(control, sender_peer_id)
        for graft in control.graft:
            if graft.topicID in self.mesh:
                await self.handle_graft(graft, sender_peer_id)
        for prune in control.prune:
            if prune.topicID in self.mesh:
                del prune.peers[:]  # never dial whom a stranger names; peer exchange has its own, bounded protocol
                await self.handle_prune(prune, sender_peer_id)
        for idontwant in control.idontwant:
            await self.handle_idontwant(idontwant, sender_peer_id)

    async def _serve_iwant(self, control: rpc_pb2.ControlMessage, sender_peer_id: ID) -> None:
        """Send each wanted message once, up to a number of bytes."""
        if not self._check_iwant_rate_limit(sender_peer_id):
            self._counters.add("gossip.refused.iwant_rate")
            return
        budget = limits.IWANT_REPLY_MAX_BYTES
        for message_id in dict.fromkeys(wanted for iwant in control.iwant for wanted in iwant.messageIDs):
            message = self.mcache.get(message_id)
            if message is None:
                continue
            budget -= len(message.data)
            if budget < 0:
                return
            self.send_frame(sender_peer_id, self.frame_of(message))

    async def _emit_control_msgs(
        self,
        peers_to_graft: dict[ID, list[str]],
        peers_to_prune: dict[ID, list[str]],
        peers_to_gossip: dict[ID, dict[str, list[bytes]]],
    ) -> None:
        """One control frame per peer with its own parts (stock adds the grafts of one peer to those of the next)."""
        for peer in {*peers_to_graft, *peers_to_prune, *peers_to_gossip}:
            offered = self._offered(peers_to_gossip.get(peer, {}))
            control = rpc_pb2.ControlMessage(
                graft=[rpc_pb2.ControlGraft(topicID=topic) for topic in peers_to_graft.get(peer, ())],
                prune=[
                    rpc_pb2.ControlPrune(topicID=topic, backoff=self.prune_back_off)
                    for topic in peers_to_prune.get(peer, ())
                ],
                ihave=[rpc_pb2.ControlIHave(topicID=topic, messageIDs=ids) for topic, ids in offered.items()],
            )
            await self.emit_control_message(control, peer)

    def _offered(self, recent: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
        """What to offer of recent messages: the important topics first, no more in all than a frame may name."""
        offered: dict[str, list[bytes]] = {}
        room = limits.RPC_MESSAGE_IDS_MAX
        for topic in sorted(recent, key=self._priority_of):
            ids = recent[topic][-min(room, limits.RPC_MESSAGE_IDS_MAX // 4) :]
            if room and ids:
                offered[topic] = ids
                room -= len(ids)
        return offered
