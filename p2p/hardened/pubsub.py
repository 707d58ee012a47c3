"""Gossip in and out: bounded frames, contained failures, three-way verdicts, and repair when a connection is replaced.

Stock 0.8.1 ends the process on a frame that is not protobuf (A1), on keys that do not fit their author (A2, A3) and on
a validator that raises (A4); it starts a task per message and never forgets a peer's half-dead stream.
"""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import IHost
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.pubsub.validators import PUBSUB_SIGNING_PREFIX, signature_validator
from libp2p.tools.timed_cache.last_seen_cache import LastSeenCache

from p2p import limits
from p2p.counters import Counters
from p2p.errors import StreamFailed
from p2p.framing import BufferedReader
from p2p.hardened.gossipsub import HardenedGossipSub, PriorityOf
from p2p.hardened.outbound import Frame, OutboundQueue
from p2p.hardened.rates import GossipRate, JudgeBudget
from p2p.hardened.streams import Libp2pStream
from p2p.topics import Outcome, SeenCache

_log = logging.getLogger(__name__)

Receive = Callable[[str, str, bytes], Outcome]
"""(topic, peer id, data) -> what to do with the message."""
Punish = Callable[[str, float, str], None]
"""(peer id, points, reason)."""


class MalformedRpc(Exception):
    """A frame that no honest implementation sends."""


class HardenedPubsub(Pubsub):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """The library's pubsub with our reader, our judgement and our bookkeeping of streams."""

    def __init__(
        self,
        host: IHost,
        router: HardenedGossipSub,
        receive: Receive,
        punish: Punish,
        counters: Counters,
        priority_of: PriorityOf,
    ) -> None:
        super().__init__(
            host,
            router,
            strict_signing=True,
            max_subscriptions_per_rpc=limits.RPC_SUBSCRIPTIONS_MAX,
            max_subscriptions_per_peer=limits.TOPICS_PER_PEER_MAX,
            max_inbound_rpc_size=limits.RPC_MAX_BYTES,
        )
        # Stock numbers messages from the clock's seconds on, so a busy node that restarts repeats numbers that its
        # neighbours remember, and is not heard until it has used them up: half a minute and more.
        self.counter = time.time_ns()
        self._public_key: bytes = host.get_public_key().serialize()
        # Stock sweeps its unbounded cache from a thread of its own.
        stock_cache: LastSeenCache = self.__dict__["seen_messages"]
        stock_cache.stop()
        self.seen_messages = _SeenMessages()
        self._receive = receive
        self._punish = punish
        self._counters = counters
        self._readers: Counter[str] = Counter()
        self._priority_of = priority_of
        self._rates: OrderedDict[str, GossipRate] = OrderedDict()
        self._budget = JudgeBudget(trio.current_time())

    # Inbound

    async def serve_stream(self, stream: Libp2pStream, reader: BufferedReader) -> None:
        """Read one inbound gossip stream until it ends."""
        peer_id = stream.peer_id
        if self._readers[peer_id] >= limits.PUBSUB_STREAMS_PER_PEER:
            self._counters.add("streams.refused.busy")
            await stream.reset()
            return
        self._readers[peer_id] += 1
        try:
            await self._read_frames(ID.from_base58(peer_id), reader)
        except MalformedRpc as error:
            self._counters.add("gossip.refused.malformed")
            self._punish(peer_id, limits.MALFORMED_POINTS, f"malformed gossip frame: {error}")
            await stream.reset()
        except StreamFailed as error:
            _log.debug("gossip stream of %s ended: %s", peer_id, error)
            await stream.reset()
        else:
            await stream.aclose()
        finally:
            self._readers[peer_id] -= 1
            if not self._readers[peer_id]:
                del self._readers[peer_id]

    async def _read_frames(self, peer_id: ID, reader: BufferedReader) -> None:
        rate = self._rate_of(str(peer_id))
        while True:
            frame = await reader.varint_frame(limits.RPC_MAX_BYTES)
            if frame is None:
                return
            rpc = parse_rpc(frame)
            await self._act_on(rpc, peer_id)
            weight = 1 + len(rpc.publish) + len(rpc.subscriptions) + _control_entries(rpc) // 16
            pause_s = rate.take(weight, len(frame), trio.current_time())
            if pause_s > 0:
                self._counters.add("gossip.slowed")
                await trio.sleep(pause_s)

    def _rate_of(self, peer_id: str) -> GossipRate:
        """One rate a peer, however many streams it opens one after the other or side by side."""
        rate = self._rates.setdefault(peer_id, GossipRate(trio.current_time()))
        self._rates.move_to_end(peer_id)
        if len(self._rates) > limits.PEER_RATES_MAX:
            self._rates.popitem(last=False)
        return rate

    async def _act_on(self, rpc: rpc_pb2.RPC, peer_id: ID) -> None:
        for subscription in rpc.subscriptions:
            if not isinstance(subscription.topicid, str):  # protobuf hands out bytes when they are not UTF-8
                raise MalformedRpc("a topic name is not text")
            if len(subscription.topicid.encode()) <= limits.TOPIC_NAME_MAX_BYTES:
                self.handle_subscription(peer_id, subscription)
        for message in rpc.publish:
            await self.push_msg(peer_id, message)
        if rpc.HasField("control"):
            await self.router.handle_rpc(rpc, peer_id)

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        """Judge one message (of a peer) or send it out (our own)."""
        if msg_forwarder == self.my_id:
            self._mark_msg_seen(msg)
            await self.router.publish(msg_forwarder, msg)
            return
        if len(msg.topicIDs) != 1 or not _fits(msg):
            raise MalformedRpc("a message names no single topic, or exceeds the bounds")
        topic = msg.topicIDs[0]
        if topic not in self.topic_ids or self._is_msg_seen(msg) or msg.from_id == self.my_id.to_bytes():
            return
        self._counters.add("gossip.in")
        peer_id, priority = str(msg_forwarder), self._priority_of(topic)
        if not self._budget.take(peer_id, priority, len(msg.data), trio.current_time()):
            self._counters.add(f"gossip.dropped.over_budget.{priority.name.lower()}")
            return  # not marked as seen: it may come again, from whoever has a share left
        if not _is_signed_by_author(msg):
            raise MalformedRpc("a message is not signed by its author")
        self._mark_msg_seen(msg)
        match self._receive(topic, peer_id, msg.data):
            case Outcome.FORWARD:
                await self.router.publish(msg_forwarder, msg)
            case Outcome.PUNISH:
                self._punish(peer_id, limits.REJECTED_POINTS, f"a message on {topic} was rejected")
            case Outcome.DROP:
                pass
        await trio.lowlevel.checkpoint()

    # Outbound

    async def publish(self, topic_id: str, data: bytes) -> None:
        """Send a message of our own to everyone on the topic."""
        await self.push_msg(self.my_id, self._signed(topic_id, data))

    def tell(self, peer_id: str, topic: str, data: bytes) -> None:
        """Send a message of our own to one neighbour alone."""
        message = self._signed(topic, data)
        self._mark_msg_seen(message)
        self.router.send_frame(ID.from_base58(peer_id), self.router.frame_of(message))

    def _signed(self, topic: str, data: bytes) -> rpc_pb2.Message:
        message = rpc_pb2.Message(data=data, topicIDs=[topic], from_id=self.my_id.to_bytes(), seqno=self._next_seqno())
        message.signature = self.sign_key.sign(PUBSUB_SIGNING_PREFIX.encode() + message.SerializeToString())
        message.key = self._public_key
        return message

    def get_hello_packet(self) -> rpc_pb2.RPC:
        """Our topics, for a peer that just connected."""
        return rpc_pb2.RPC(subscriptions=[_subscription(topic, True) for topic in self.topic_ids])

    async def _handle_new_peer(self, peer_id: ID) -> None:
        """Open our gossip stream to a peer and start its queue; raises to be tried again."""
        if peer_id in self.peers:
            return
        stream = await self.host.new_stream(peer_id, self.protocols)
        if peer_id in self.peers:  # another attempt was faster
            await stream.reset()
            return
        queue = OutboundQueue(self._counters)
        self.peers[peer_id] = stream
        self.peer_queues[peer_id] = queue
        self.router.add_peer(peer_id, stream.get_protocol())
        queue.push(self.get_hello_packet(), priority=True)
        self.manager.run_task(self.handle_sending_messages, peer_id, stream, queue)
        await self._send_recent_messages_to_new_peer(peer_id)
        for topic in self.topic_ids:  # its subscriptions may have come before our stream: do not wait for a heartbeat
            if peer_id in self.peer_topics.get(topic, ()):
                await self.router.on_peer_subscribed(peer_id, topic)

    async def handle_sending_messages(self, peer_id: ID, stream: NetStream, queue: OutboundQueue) -> None:
        """Write a peer's queue to its stream until either ends."""
        try:
            while (frame := await queue.pop()) is not None:
                await self._write_frame(stream, frame)
        except Exception as error:
            _log.debug("gossip to %s broke: %r", peer_id, error)
            if self.peers.get(peer_id) is stream:
                self._handle_dead_peer(peer_id)
        finally:
            with trio.CancelScope(shield=True):
                await stream.reset()

    async def _write_frame(self, stream: NetStream, frame: Frame) -> None:
        """Write one frame of a peer's queue; the only writer of that stream."""
        await stream.write(frame.data)
        self._counters.add("gossip.out", frame.messages)

    def _handle_dead_peer(self, peer_id: ID) -> None:
        """Our stream to a peer ended. While it stays connected its subscriptions still hold: only open another."""
        if not self._peer_is_connected(peer_id):
            super()._handle_dead_peer(peer_id)
            return
        if self.peers.pop(peer_id, None) is not None:
            self.peer_queues.pop(peer_id).close()
            self.router.remove_peer(peer_id)
            self._replayed_recent_topics.pop(peer_id, None)  # what was queued is lost: replay on the next stream
        self._schedule_peer_stream_retry(peer_id)

    def _build_announce_rpc(self, topic_id: str, subscribe: bool) -> tuple[rpc_pb2.RPC, rpc_pb2.RPC.SubOpts]:
        subscription = _subscription(topic_id, subscribe)
        return rpc_pb2.RPC(subscriptions=[subscription]), subscription


class _SeenMessages:
    """Message ids seen, behind the interface of the stock cache."""

    def __init__(self) -> None:
        self._cache = SeenCache()

    def add(self, key: bytes) -> bool:
        self._cache.add(key, trio.current_time())
        return True

    def has(self, key: bytes) -> bool:
        return self._cache.marked_s(key, trio.current_time()) is not None


def parse_rpc(frame: bytes) -> rpc_pb2.RPC:
    """Parse one pubsub frame and hold it to our bounds. Raises MalformedRpc."""
    rpc = rpc_pb2.RPC()
    try:
        rpc.ParseFromString(frame)
    except DecodeError as error:
        raise MalformedRpc("it is not protobuf") from error
    if len(rpc.publish) > limits.RPC_MESSAGES_MAX or len(rpc.subscriptions) > limits.RPC_SUBSCRIPTIONS_MAX:
        raise MalformedRpc("it holds too many messages or subscriptions")
    if not rpc.HasField("control"):
        return rpc
    if (
        rpc.control.ByteSize() > limits.RPC_CONTROL_MAX_BYTES
        or _control_entries(rpc) > limits.RPC_CONTROL_ENTRIES_MAX
        or _named_messages(rpc.control) > limits.RPC_MESSAGE_IDS_MAX
    ):
        raise MalformedRpc("its control parts are too many or too large")
    return rpc


def _control_entries(rpc: rpc_pb2.RPC) -> int:
    control = rpc.control
    subscribing = len(control.graft) + len(control.prune)
    return subscribing + len(control.ihave) + len(control.iwant) + len(control.idontwant)


def _named_messages(control: rpc_pb2.ControlMessage) -> int:
    offered = sum(len(part.messageIDs) for part in control.ihave)
    wanted = sum(len(part.messageIDs) for part in control.iwant)
    return offered + wanted + sum(len(part.messageIDs) for part in control.idontwant)


def _fits(msg: rpc_pb2.Message) -> bool:
    return (
        len(msg.data) <= limits.MESSAGE_MAX_BYTES
        and 0 < len(msg.from_id) <= limits.AUTHOR_MAX_BYTES
        and len(msg.seqno) <= limits.SEQNO_MAX_BYTES
    )


def _is_signed_by_author(msg: rpc_pb2.Message) -> bool:
    """Stock raises whatever the key parser raises on hostile bytes."""
    try:
        return bool(signature_validator(msg))
    except Exception as error:
        _log.debug("a message with an unusable key was refused: %r", error)
        return False


def _subscription(topic: str, subscribe: bool) -> rpc_pb2.RPC.SubOpts:
    return rpc_pb2.RPC.SubOpts(subscribe=subscribe, topicid=topic)
