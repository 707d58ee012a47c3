"""Topics: checks, verdicts, and every content delivered once.

Gossip identifies a message by author and number, so anybody can wrap known bytes as a new message. Here the content
decides: known bytes are not delivered again, and are passed on again only at intervals, so that a repeated publication
still reaches nodes that came late. Shared by both implementations of the network.
"""

import enum
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import trio

from p2p import limits
from p2p.api import Again, Check, Message, Priority, Verdict
from p2p.counters import Counters
from p2p.errors import MessageTooLargeError, P2PError

_log = logging.getLogger(__name__)


class SeenCache:
    """Keys seen in the last `limits.SEEN_TTL_S` seconds, at most `limits.SEEN_MAX` of them, each with one time mark."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def add(self, key: bytes, now_s: float) -> None:
        """Remember `key`, first seen and marked now; a known key only gets the new mark."""
        self._forget_old(now_s)
        first_s, _ = self._entries.get(key, (now_s, now_s))
        self._entries[key] = (first_s, now_s)
        if len(self._entries) > limits.SEEN_MAX:
            self._entries.popitem(last=False)

    def marked_s(self, key: bytes, now_s: float) -> float | None:
        """When `key` was last marked, or None when it is not known."""
        self._forget_old(now_s)
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def __len__(self) -> int:
        return len(self._entries)

    def _forget_old(self, now_s: float) -> None:
        """Entries stay in the order of their first sight, so the old ones are in front."""
        while self._entries:
            first_s, _ = next(iter(self._entries.values()))
            if first_s > now_s - limits.SEEN_TTL_S:
                return
            self._entries.popitem(last=False)


@dataclass(slots=True)
class _Subscription:
    check: Check
    channel: trio.MemorySendChannel[Message]
    priority: Priority
    again: Again | None

    @property
    def is_abandoned(self) -> bool:
        return self.channel.statistics().open_receive_channels == 0


class Outcome(enum.Enum):
    """What to do with one inbound message."""

    FORWARD = "forward"
    DROP = "drop"
    PUNISH = "punish"


class Topics:
    """The topics this node is on."""

    def __init__(self, counters: Counters, clock: Callable[[], float]) -> None:
        self._subscriptions: dict[str, _Subscription] = {}
        self._contents = SeenCache()
        self._counters = counters
        self._clock = clock

    def __contains__(self, topic: str) -> bool:
        return topic in self._subscriptions

    def subscribe(
        self,
        topic: str,
        check: Check,
        capacity: int,
        priority: Priority = Priority.LOW,
        again: Again | None = None,
    ) -> trio.MemoryReceiveChannel[Message]:
        """Register a check and return the channel of accepted messages. Raises P2PError."""
        check_topic_name(topic)
        existing = self._subscriptions.get(topic)
        if existing is not None and not existing.is_abandoned:
            raise P2PError(f"the topic {topic} is subscribed already")
        if existing is None and len(self._subscriptions) >= limits.TOPICS_MAX:
            raise P2PError(f"at most {limits.TOPICS_MAX} topics can be subscribed")
        send, receive = trio.open_memory_channel[Message](capacity)
        self._subscriptions[topic] = _Subscription(check, send, priority, again)
        return receive

    def priority(self, topic: str) -> Priority:
        """How important a topic's messages are; those of a topic we are not on are not."""
        subscription = self._subscriptions.get(topic)
        return Priority.LOW if subscription is None else subscription.priority

    def note_own(self, topic: str, data: bytes) -> None:
        """Remember our own publication, so that its echo is not delivered to us. Raises MessageTooLargeError."""
        self.check_own(topic, data)
        self._contents.add(_content_key(topic, data), self._clock())

    def check_own(self, topic: str, data: bytes) -> None:
        """Refuse what we must not send. Raises P2PError for a bad topic name, MessageTooLargeError."""
        check_topic_name(topic)
        if len(data) > limits.MESSAGE_MAX_BYTES:
            raise MessageTooLargeError(
                f"a message of {len(data)} bytes exceeds {limits.MESSAGE_MAX_BYTES}; gossip its hash instead"
            )

    def receive(self, topic: str, peer_id: str, data: bytes) -> Outcome:
        """Judge one inbound message and deliver it when it is new and accepted."""
        subscription = self._subscriptions.get(topic)
        if subscription is None:
            return Outcome.DROP
        now_s = self._clock()
        key = _content_key(topic, data)
        passed_on_s = self._contents.marked_s(key, now_s)
        if passed_on_s is not None:
            self._tell_again(subscription, topic, peer_id, data)
            return self._known_again(key, passed_on_s, now_s)
        match self._verdict(subscription, topic, peer_id, data):
            case Verdict.ACCEPT:
                if self._deliver(subscription, Message(topic, peer_id, data)):
                    self._contents.add(key, now_s)  # what found no room is not known: its repetition is another chance
                return Outcome.FORWARD
            case Verdict.IGNORE:
                self._counters.add("gossip.refused.ignored")
                return Outcome.DROP
            case Verdict.REJECT:
                self._counters.add("gossip.refused.rejected")
                return Outcome.PUNISH

    def abandoned(self) -> tuple[str, ...]:
        """Forget and return the topics whose reader closed its channel."""
        gone = tuple(topic for topic, subscription in self._subscriptions.items() if subscription.is_abandoned)
        for topic in gone:
            self._subscriptions.pop(topic).channel.close()
        return gone

    def close(self) -> None:
        """End every channel; readers see the end."""
        for subscription in self._subscriptions.values():
            subscription.channel.close()
        self._subscriptions.clear()

    def _known_again(self, key: bytes, passed_on_s: float, now_s: float) -> Outcome:
        self._counters.add("gossip.duplicates")
        if now_s - passed_on_s < limits.REPUBLISH_INTERVAL_S:
            return Outcome.DROP
        self._contents.add(key, now_s)
        return Outcome.FORWARD

    def _tell_again(self, subscription: _Subscription, topic: str, peer_id: str, data: bytes) -> None:
        if subscription.again is None:
            return
        try:
            subscription.again(peer_id, data)
        except Exception:
            self._counters.add("gossip.check_failed")
            _log.exception("hearing again of %d bytes on topic %s failed", len(data), topic)

    def _verdict(self, subscription: _Subscription, topic: str, peer_id: str, data: bytes) -> Verdict:
        try:
            return subscription.check(peer_id, data)
        except Exception:
            self._counters.add("gossip.check_failed")
            _log.exception("the check of topic %s failed on %d bytes of %s", topic, len(data), peer_id)
            return Verdict.IGNORE

    def _deliver(self, subscription: _Subscription, message: Message) -> bool:
        try:
            subscription.channel.send_nowait(message)
        except trio.WouldBlock:
            self._counters.add("gossip.dropped.slow_reader")
            return False
        except trio.BrokenResourceError:
            self._counters.add("gossip.dropped.no_reader")
            return False
        self._counters.add("gossip.delivered")
        return True


def check_topic_name(topic: str) -> None:
    """Raises P2PError for an empty or overlong topic name."""
    if not topic or len(topic.encode()) > limits.TOPIC_NAME_MAX_BYTES:
        raise P2PError(f"a topic name has 1 to {limits.TOPIC_NAME_MAX_BYTES} bytes")


def _content_key(topic: str, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16, key=hashlib.blake2b(topic.encode(), digest_size=16).digest()).digest()
