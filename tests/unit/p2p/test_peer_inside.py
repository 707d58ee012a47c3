"""What a person can look up of a connected peer: its open streams, and what its score is made of."""

import pytest
import trio

from p2p import Stream, limits
from p2p.reputation import Reputation
from tests.unit.p2p.worlds import Libp2pWorld, connected

PROTOCOL = "/test/inside/1"


def test_marks_are_kept_newest_first_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MARKS_KEPT", 2)
    monkeypatch.setattr(limits, "MARKED_PEERS_MAX", 2)
    reputation = Reputation()
    for number in range(3):
        reputation.penalise("a", 1.0 + number, 10.0 * number, "r" * 500)
    assert [(mark.points, mark.at_s) for mark in reputation.marks("a")] == [(3.0, 20.0), (2.0, 10.0)]
    assert len(reputation.marks("a")[0].reason) == limits.BAN_REASON_MAX_CHARS
    for peer_id in ("b", "c"):
        reputation.penalise(peer_id, 1.0, 30.0)
    assert reputation.marks("a") == ()


async def test_a_connected_peer_shows_its_streams_and_why_it_lost_score(libp2p_world: Libp2pWorld) -> None:
    first, second = await libp2p_world.open("first"), await libp2p_world.open("second")
    await second.dial(first.addresses[0])
    await connected(first, second)

    async def hold(stream: Stream) -> None:
        await trio.sleep_forever()

    first.serve(PROTOCOL, hold)
    await second.open(first.peer_id, PROTOCOL)
    second.report(first.peer_id, 7.0, "sent junk")
    (seen,) = [peer for peer in second.peers() if peer.peer_id == first.peer_id]
    assert seen.streams[PROTOCOL] == 1
    assert seen.remote.startswith("/ip4/127.0.0.1/")
    assert [(mark.points, mark.reason) for mark in seen.marks] == [(7.0, "sent junk")]
