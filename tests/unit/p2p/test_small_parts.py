"""The parts without a network: keys, addresses, framing, topics, reputation, remembered peers, rates, version."""

import os
import random
import re
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from p2p import AddressError, EndOfStream, IdentityError, StreamFailed, UnsupportedLibp2pError, Verdict, limits
from p2p import base58 as base58_text
from p2p.addresses import TcpAddress, check_peer_id, concrete_addresses, parse_address
from p2p.api import Ban
from p2p.counters import Counters
from p2p.framing import BufferedReader, FramedStream
from p2p.hardened.negotiation import answer, ask
from p2p.hardened.rates import GossipRate
from p2p.hardened.version import LIBP2P_VERSION, check_libp2p_version
from p2p.identity import Identity, load_or_create_identity, peer_id_of
from p2p.peerbook import PeerBook, read_peers_file
from p2p.pipe import PipeEnd, open_pipe
from p2p.reputation import Reputation
from p2p.topics import Outcome, SeenCache, Topics

PEER = Identity.from_seed(bytes(32)).peer_id
OTHER = Identity.from_seed(b"\x01" * 32).peer_id


# Identity


def test_a_peer_id_is_the_one_libp2p_derives_from_the_same_key() -> None:
    from libp2p import generate_peer_id_from
    from libp2p.crypto.ed25519 import create_new_key_pair

    for seed in (b"\x01" * 32, b"\xff" * 32, bytes(range(32))):
        assert Identity.from_seed(seed).peer_id == str(generate_peer_id_from(create_new_key_pair(seed)))


def test_a_new_identity_is_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "home" / "peer.key"
    created = load_or_create_identity(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_identity(path) == created
    assert peer_id_of(created.public_key) == created.peer_id
    assert created.seed.hex() not in repr(created)
    assert repr(created.seed) not in repr(created)
    assert os.listdir(path.parent) == ["peer.key"]


@pytest.mark.parametrize(
    "cut", [lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw + b"x", lambda raw: b"X" + raw[1:]]
)
def test_a_damaged_identity_is_refused_and_left_alone(tmp_path: Path, cut: object) -> None:
    path = tmp_path / "peer.key"
    load_or_create_identity(path)
    damaged = cut(path.read_bytes())  # type: ignore[operator]
    path.write_bytes(damaged)
    with pytest.raises(IdentityError, match="restore it from a backup"):
        load_or_create_identity(path)
    assert path.read_bytes() == damaged


def test_an_identity_whose_bits_flipped_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "peer.key"
    load_or_create_identity(path)
    raw = bytearray(path.read_bytes())
    raw[30] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(IdentityError, match="halves"):
        load_or_create_identity(path)


def test_an_identity_readable_by_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "peer.key"
    load_or_create_identity(path)
    path.chmod(0o644)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_or_create_identity(path)


# Addresses


@given(st.binary(max_size=48))
def test_base58_returns_what_it_was_given(raw: bytes) -> None:
    assert base58_text.decode(base58_text.encode(raw)) == raw


@pytest.mark.parametrize(
    "text",
    [
        "/ip4/1.2.3.4/tcp/4001",
        f"/ip4/1.2.3.4/tcp/4001/p2p/{PEER}",
        f"/ip6/::1/tcp/1/p2p/{PEER}",
        "/dns4/boot.example.org/tcp/65535",
    ],
)
def test_a_tcp_address_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3.4:80",
        "/ip4/1.2.3.4/udp/1/quic-v1",
        "/ip4/1.2.3/tcp/1",
        "/ip4/1.2.3.4/tcp/65536",
        "/ip4/1.2.3.4/tcp/-1",
        "/ip4/1.2.3.4/tcp/²",
        "/ip6/1.2.3.4/tcp/1",
        "/dns4/-bad-/tcp/1",
        "/dns4/" + "a" * 64 + ".org/tcp/1",
        "/ip4/1.2.3.4/tcp/1/ws",
        "/ip4/1.2.3.4/tcp/1/p2p/nonsense",
        "/ip4/1.2.3.4/tcp/1/p2p/" + "1" * 46,
        "/ip4/1.2.3.4/tcp/1/p2p/" + "1" * 4096,
    ],
)
def test_anything_else_is_refused_with_one_sentence(text: str) -> None:
    with pytest.raises(AddressError) as refusal:
        parse_address(text)
    assert 10 < len(str(refusal.value)) < 400


@given(st.text(max_size=80))
def test_no_text_breaks_the_address_parser(text: str) -> None:
    for candidate in (text, f"/ip4/{text}/tcp/1", f"/dns/{text}/tcp/{text}", f"/ip4/1.1.1.1/tcp/1/p2p/{text}"):
        try:
            parse_address(candidate)
        except AddressError:
            continue


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/ip6/[::1]/tcp/1", "leave out the brackets"),
        ("/ip6/fe80::1%eth0/tcp/1", "without %"),
        ("/ip4/1.2.3.4/tcp/99999", "65535"),
        (f"/ip4/1.2.3.4/tcp/1/p2p/{PEER[:40]}", "missing or mistyped"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text: str, said: str) -> None:
    with pytest.raises(AddressError, match=re.escape(said)):
        parse_address(text)


def test_both_kinds_of_peer_id_are_known() -> None:
    assert check_peer_id(PEER) == PEER
    rsa = base58_text.encode(b"\x12\x20" + bytes(range(32)))
    assert check_peer_id(rsa) == rsa
    assert rsa.startswith("Qm")


def test_scopes_and_dialability() -> None:
    scopes = {"127.0.0.1": 0, "10.0.0.1": 1, "192.168.1.1": 1, "8.8.8.8": 2}
    assert {host: TcpAddress("ip4", host, 1).scope for host in scopes} == scopes
    for host, port in (("0.0.0.0", 1), ("224.0.0.1", 1), ("8.8.8.8", 0)):
        assert not TcpAddress("ip4", host, port).is_dialable
    for host in ("::", "ff02::1", "fe80::1", "::ffff:127.0.0.1"):
        assert not TcpAddress("ip6", host, 1).is_dialable, host
    for host, scope in (("::1", 0), ("fd00::1", 1), ("2a00:1450::1", 2)):
        address = TcpAddress("ip6", host, 1)
        assert (address.is_dialable, address.scope) == (True, scope), host
    assert concrete_addresses(TcpAddress("ip4", "8.8.8.8", 1)) == (TcpAddress("ip4", "8.8.8.8", 1),)


# Framing


def framed_pair() -> tuple[FramedStream, FramedStream, PipeEnd]:
    ours, theirs = open_pipe(PEER, OTHER)
    return FramedStream(ours), FramedStream(theirs), ours


async def test_frames_arrive_in_order_and_whole_then_the_end() -> None:
    ours, theirs, _ = framed_pair()
    frames = [b"", b"a", bytes(200_000)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_send_all, ours, frames)
        assert [await theirs.receive(1 << 20) for _ in frames] == frames
        with pytest.raises(EndOfStream):
            await theirs.receive(1)


async def _send_all(stream: FramedStream, frames: list[bytes]) -> None:
    for frame in frames:
        await stream.send(frame)
    await stream.close_write()


class Trickle(PipeEnd):
    """Gives its content in pieces of any size."""

    __slots__ = ("_content", "_rng")

    def __init__(self, content: bytes, rng: random.Random) -> None:
        self._content = content
        self._rng = rng

    async def read(self, max_bytes: int) -> bytes:
        size = min(max_bytes, self._rng.randint(1, 400))
        piece, self._content = self._content[:size], self._content[size:]
        return piece


async def test_whatever_the_pieces_a_reader_gives_the_very_bytes_in_order() -> None:
    rng = random.Random(3)
    content = rng.randbytes(3000)
    for _ in range(50):
        reader, taken = BufferedReader(Trickle(content, rng)), b""
        while len(taken) < len(content):
            match rng.randrange(3):
                case 0:
                    taken += await reader.some(rng.randint(1, 300))
                case 1:
                    taken += await reader.exactly(rng.randint(0, min(700, len(content) - len(taken))))
                case _:
                    again = await reader.exactly(rng.randint(0, min(300, len(content) - len(taken))))
                    reader.unread(again)
        assert taken == content
        assert await reader.exactly(1) == b""


async def test_a_receive_cancelled_inside_a_frame_can_be_repeated() -> None:
    _, theirs, pipe = framed_pair()
    await pipe.write(b"\0\0\0\x04he")
    with trio.move_on_after(0) as scope:
        await theirs.receive(4)
    assert scope.cancelled_caught
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(theirs.receive, 4)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    await pipe.write(b"re")
    assert await theirs.receive(4) == b"here"


@pytest.mark.parametrize("raw", [b"\0", b"\0\0\0", b"\0\0\0\x05abc", b"\xff\xff\xff\xff"])
async def test_a_cut_or_monstrous_frame_fails_the_stream(raw: bytes) -> None:
    _, theirs, pipe = framed_pair()
    await pipe.write(raw)
    await pipe.close_write()
    with pytest.raises(StreamFailed):
        await theirs.receive(1 << 20)


@pytest.mark.parametrize("raw", [b"\xff" * 10, b"\x80", b"\x05abc", b"\x80\x80\x80\x80\x01"])
async def test_a_cut_or_monstrous_varint_frame_fails(raw: bytes) -> None:
    ours, theirs = open_pipe(PEER, OTHER)
    await ours.write(raw)
    await ours.close_write()
    with pytest.raises(StreamFailed):
        await BufferedReader(theirs).varint_frame(1000)


async def test_two_sides_agree_on_the_first_protocol_both_speak() -> None:
    ours, theirs = open_pipe(PEER, OTHER)
    agreed: list[str] = []

    async def serve() -> None:
        agreed.append(await answer(theirs, BufferedReader(theirs), {"/b/1", "/c/1"}.__contains__))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        assert await ask(ours, BufferedReader(ours), ("/a/1", "/b/1", "/c/1")) == "/b/1"
    assert agreed == ["/b/1"]


async def test_endless_asking_for_unknown_protocols_is_ended() -> None:
    ours, theirs = open_pipe(PEER, OTHER)
    names = [f"/x/{number}" for number in range(limits.NEGOTIATION_LINES_MAX + 1)]
    await ours.write(
        b"".join(bytes([len(line) + 1]) + line.encode() + b"\n" for line in ("/multistream/1.0.0", *names))
    )
    with pytest.raises(StreamFailed, match="too many"):
        await answer(theirs, BufferedReader(theirs), lambda _name: False)


# Topics


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def test_known_content_is_passed_on_again_only_at_intervals_and_never_delivered_again() -> None:
    clock = Clock()
    topics = Topics(Counters(), clock)
    inbox = topics.subscribe("t", lambda _peer, _data: Verdict.ACCEPT, 8)
    outcomes = []
    for pause_s in (0.0, 1.0, limits.REPUBLISH_INTERVAL_S, 1.0):
        clock.now_s += pause_s
        outcomes.append(topics.receive("t", PEER, b"same"))
    assert outcomes == [Outcome.FORWARD, Outcome.DROP, Outcome.FORWARD, Outcome.DROP]
    assert inbox.statistics().current_buffer_used == 1


async def test_content_is_judged_anew_when_it_was_long_ago_or_only_ignored() -> None:
    clock = Clock()
    topics = Topics(Counters(), clock)
    verdicts = [Verdict.IGNORE, Verdict.ACCEPT, Verdict.ACCEPT]
    inbox = topics.subscribe("t", lambda _peer, _data: verdicts.pop(0), 8)
    for pause_s in (0.0, 1.0, limits.SEEN_TTL_S + 1):
        clock.now_s += pause_s
        topics.receive("t", PEER, b"same")
    assert inbox.statistics().current_buffer_used == 2
    assert not verdicts


async def test_the_same_bytes_on_two_topics_are_two_contents() -> None:
    topics = Topics(Counters(), Clock())
    inboxes = [topics.subscribe(topic, lambda _peer, _data: Verdict.ACCEPT, 8) for topic in ("t", "u")]
    for topic in ("t", "u"):
        topics.receive(topic, PEER, b"same")
    assert [inbox.statistics().current_buffer_used for inbox in inboxes] == [1, 1]


def test_the_cache_of_seen_things_is_bounded_by_time_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEEN_MAX", 3)
    cache = SeenCache()
    for number in range(5):
        cache.add(bytes([number]), 1.0 + number)
    assert len(cache) == 3
    assert cache.marked_s(b"\0", 6.0) is None
    assert cache.marked_s(b"\4", 6.0) == 5.0
    assert cache.marked_s(b"\4", 5.1 + limits.SEEN_TTL_S) is None
    assert len(cache) == 0


# Reputation, rates


def test_penalties_add_up_fade_and_end_in_a_ban_that_ends() -> None:
    reputation = Reputation()
    assert not reputation.penalise(PEER, 60.0, 0.0)
    assert reputation.score(PEER, limits.SCORE_HALF_LIFE_S) == pytest.approx(-30.0)
    assert not reputation.penalise(PEER, 60.0, limits.SCORE_HALF_LIFE_S)
    assert reputation.penalise(PEER, 60.0, limits.SCORE_HALF_LIFE_S)
    assert reputation.is_banned(PEER, limits.SCORE_HALF_LIFE_S + limits.BAN_S - 1)
    assert not reputation.is_banned(PEER, limits.SCORE_HALF_LIFE_S + limits.BAN_S)
    assert not reputation.is_banned(OTHER, 0.0)


def test_negative_points_buy_nothing() -> None:
    reputation = Reputation()
    reputation.penalise(PEER, -1000.0, 0.0)
    assert reputation.score(PEER, 0.0) == 0.0


def test_scores_and_bans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SCORES_MAX", 3)
    monkeypatch.setattr(limits, "BANS_MAX", 3)
    reputation = Reputation()
    for number in range(10):
        reputation.penalise(f"bad{number}", 1.0, 0.0)
        reputation.ban(f"banned{number}", 100.0 + number)
    assert [reputation.score(f"bad{number}", 0.0) for number in (6, 9)] == [0.0, -1.0]
    assert [ban.peer_id for ban in reputation.bans(0.0)] == ["banned7", "banned8", "banned9"]


def test_a_ban_has_its_own_length_and_reason_and_is_replaced_by_a_later_one() -> None:
    reputation = Reputation()
    reputation.ban(PEER, 100.0, "first")
    reputation.ban(PEER, 50.0, "x" * 1000)
    assert reputation.ban_of(PEER, 10.0) == Ban(PEER, 40.0, "x" * limits.BAN_REASON_MAX_CHARS)
    assert reputation.unban(PEER, 10.0)
    assert not reputation.unban(PEER, 10.0)
    assert reputation.bans(10.0) == ()


def test_a_peer_that_comes_back_after_a_ban_starts_with_a_clean_score() -> None:
    reputation = Reputation()
    reputation.penalise(PEER, 90.0, 0.0)
    reputation.ban(PEER, 1.0)
    assert not reputation.penalise(PEER, 90.0, 2.0)


def test_a_neighbour_may_burst_and_then_waits_in_proportion() -> None:
    rate = GossipRate(0.0)
    assert rate.take(int(limits.PEER_MESSAGES_BURST), 0, 0.0) == 0.0
    assert rate.take(int(limits.PEER_MESSAGES_PER_S), 0, 0.0) == pytest.approx(1.0)
    assert rate.take(0, 0, 1.0) == 0.0
    by_size = GossipRate(0.0)
    assert by_size.take(1, int(limits.PEER_GOSSIP_BURST_BYTES + limits.PEER_GOSSIP_BYTES_PER_S), 0.0) == pytest.approx(
        1.0
    )


# Remembered peers


def book() -> PeerBook:
    return PeerBook(PEER, random.Random(1))


def address(number: int, peer_id: str = OTHER) -> TcpAddress:
    return TcpAddress("ip4", "8.8.8.8", number, peer_id)


def test_only_dialable_addresses_of_others_are_remembered_and_only_some() -> None:
    peers = book()
    assert not peers.add(address(1, PEER))
    assert not peers.add(TcpAddress("ip4", "8.8.8.8", 1))
    assert not peers.add(address(0))
    assert not peers.add(TcpAddress("ip4", "0.0.0.0", 1, OTHER))
    assert [peers.add(address(number)) for number in (1, 1, 2)] == [True, False, True]
    for number in range(1, 30):
        peers.add(address(number))
    assert len(peers.addresses(OTHER)) == limits.ADDRESSES_PER_PEER


def test_a_failing_peer_is_tried_ever_less_often_and_then_forgotten_unless_it_is_a_bootstrap_peer() -> None:
    peers = book()
    boot = Identity.from_seed(b"\x02" * 32).peer_id
    peers.add(address(1))
    peers.add(address(2, boot), is_bootstrap=True)
    pauses = []
    for _ in range(limits.REDIAL_FAILURES_MAX):
        for peer_id in (OTHER, boot):
            peers.failed(peer_id, 100.0)
        pauses.append((peers.next_due_s([OTHER]) or 0.0) - 100.0)
    assert pauses[0] < 1.0 < pauses[3] < pauses[-1] <= limits.REDIAL_MAX_S * 1.25
    assert peers.addresses(OTHER) == ()
    assert peers.addresses(boot)
    assert peers.due([], 100.0) == ()
    assert peers.due([], 1000.0) == (boot,)


def test_the_address_that_answered_last_is_tried_first() -> None:
    peers = book()
    for number in (1, 2, 3):
        peers.add(address(number))
    peers.succeeded(address(1))
    assert peers.addresses(OTHER)[0] == address(1)


def test_a_flood_of_invented_peers_does_not_drive_out_proven_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KNOWN_PEERS_MAX", 4)
    peers = book()
    peers.add(address(1), has_answered=True)
    for number in range(20):
        peers.add(address(2, Identity.from_seed(bytes([number + 5]) * 32).peer_id))
    assert len(peers) == 4
    assert peers.addresses(OTHER) == (address(1),)


def test_the_file_holds_proven_peers_and_bans_and_nothing_else(tmp_path: Path) -> None:
    peers = book()
    peers.add(address(1), has_answered=True)
    peers.add(address(2, Identity.from_seed(b"\x07" * 32).peer_id))
    path = tmp_path / "peers.json"
    path.write_bytes(peers.to_file([Ban("bad", 60.0, "junk")], 1_000_000.0))
    stored = read_peers_file(path)
    assert stored.peers == (str(address(1)),)
    assert [(ban.peer_id, ban.until_s, ban.reason) for ban in stored.bans] == [("bad", 1_000_060.0, "junk")]


# Version


@pytest.mark.parametrize("installed", [None, "0.8.0", "0.9.0", ""])
def test_any_other_release_of_libp2p_is_refused_with_the_command_to_run(installed: str | None) -> None:
    with pytest.raises(UnsupportedLibp2pError, match=rf"pip install libp2p=={LIBP2P_VERSION}"):
        check_libp2p_version(installed)
    check_libp2p_version(LIBP2P_VERSION)
