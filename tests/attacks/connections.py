"""Attacks below the protocols: connections, handshakes, frames of the multiplexer, streams opened and thrown away."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from libp2p.crypto.ed25519 import create_new_key_pair

from tests.attacks.book import Scene, attack, for_a_while, hold
from tests.attacks.wire import (
    ACK,
    DATA,
    FIN,
    GO_AWAY,
    MULTISTREAM,
    PIECE_BYTES,
    PING,
    RST,
    SYN,
    WINDOW,
    Cut,
    Line,
    Target,
    connected,
    line_of,
    tcp,
)

IDENTIFY, IPFS_PING = "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"
HANDSHAKE = ("connections.handshake_failed", "connections.refused.pending")
Socket = trio.SocketStream


async def hold_sockets(scene: Scene, count: int, use: Callable[[Socket], Awaitable[object]], seconds: float) -> None:
    """Open many TCP connections, use each, hold them, and see whether a newcomer gets in meanwhile."""
    held: list[Socket] = []
    try:
        async with trio.open_nursery() as nursery:

            async def one() -> None:
                with suppress(Cut, OSError, trio.BrokenResourceError):
                    held.append(await tcp(scene.target))
                    await use(held[-1])

            for _ in range(count):
                nursery.start_soon(one)
        scene.sent = len(held)
        scene.note = "meanwhile a newcomer " + ("got in" if await gets_in(scene.target) else "was kept out")
        await hold(seconds)
    finally:
        for socket in held:
            await trio.aclose_forcefully(socket)


async def gets_in(target: Target, source: str = "127.0.0.9") -> bool:
    """Whether a peer that was never seen connects and is answered."""
    try:
        with trio.fail_after(8):
            async with connected(target, source=source) as line:
                channel = await line.open(IPFS_PING)
                await channel.write(bytes(32))
                return await channel.exactly(32) == bytes(32)
    except (Cut, trio.TooSlowError):
        return False


async def nothing(_socket: Socket) -> None:
    """Say nothing."""


@attack("A7", "300 connections one after another, each closed at once", "refused", "connections.refused.rate")
async def connect_and_leave(scene: Scene) -> None:
    for _ in range(300):
        with suppress(Cut), trio.move_on_after(2):
            async with connected(scene.target) as line:
                await line.open(IPFS_PING)
                scene.sent += 1
    scene.note = f"{scene.sent} of 300 got in"


@attack("A8", "300 TCP connections that say nothing", "refused", *HANDSHAKE)
async def idle_sockets(scene: Scene) -> None:
    await hold_sockets(scene, 300, nothing, 1)


@attack("A9", "100 handshakes at one byte a second", "refused", *HANDSHAKE)
async def slow_handshakes(scene: Scene) -> None:
    async def drip(socket: Socket) -> None:
        with trio.move_on_after(4):
            for byte in line_of(MULTISTREAM):
                await socket.send_all(bytes([byte]))
                await trio.sleep(1)

    await hold_sockets(scene, 100, drip, 0.5)


@attack("A10", "300 MB into a stream that nobody reads", "cut")
async def unread_bytes(scene: Scene) -> None:
    async with scene.line() as line:
        channel = await line.half_open("/attacks/deaf/1")
        await hold(0.3)
        for _ in range(5000):
            try:
                await line.frame(DATA, 0, channel.number, PIECE_BYTES, bytes(PIECE_BYTES))
            except Cut:
                break
            scene.sent += 1
    scene.note = f"{scene.sent * PIECE_BYTES // 1_000_000} MB taken"


@attack("A11", "120 different peers from one address, all staying", "refused", "connections.refused.per_ip",
        "connections.refused.rate", "connections.refused.pending")  # fmt: skip
async def crowd(scene: Scene) -> None:
    stayed: list[Line] = []
    done = trio.Event()

    async def one() -> None:
        with suppress(Cut):
            async with connected(scene.target) as line:
                await line.open(IPFS_PING)
                stayed.append(line)
                await done.wait()

    async with trio.open_nursery() as nursery:
        for _ in range(120):
            nursery.start_soon(one)
        await hold(6)
        scene.sent = sum(not line.dead.is_set() for line in stayed)
        newcomer = await gets_in(scene.target)
        done.set()
    scene.note = f"{scene.sent} of 120 stay; a newcomer of another address {'got in' if newcomer else 'was kept out'}"


@attack("conn-random", "random bytes in place of every layer's first words", "refused", *HANDSHAKE)
async def random_bytes(scene: Scene) -> None:
    first = line_of(MULTISTREAM) + line_of("/noise")
    openings = (
        os.urandom(5000), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000, line_of(MULTISTREAM) * 50,
        first + os.urandom(200), first + b"\x00\x00", first + b"\xff\xff" + os.urandom(3000), first + b"\x00\x20" * 40,
        line_of(MULTISTREAM) + b"\xff\xff\xff\xff\xff\x7f", line_of(MULTISTREAM) + line_of("ls"),
    )  # fmt: skip
    for data in openings * 3:
        with suppress(Cut, trio.BrokenResourceError):
            socket = await tcp(scene.target)
            await socket.send_all(data)
            with trio.move_on_after(0.05):
                await socket.receive_some(100)
            await trio.aclose_forcefully(socket)


@attack("conn-other-security", "asking for plaintext, secio and TLS instead of noise", "refused")
async def other_security(scene: Scene) -> None:
    taken = []
    for protocol in ("/plaintext/2.0.0", "/secio/1.0.0", "/tls/1.0.0"):
        with suppress(Cut, trio.BrokenResourceError):
            socket = await tcp(scene.target)
            await socket.send_all(line_of(MULTISTREAM) + line_of(protocol))
            got = b""
            with trio.move_on_after(0.7):
                while piece := await socket.receive_some(200):
                    got += piece
            if line_of(protocol) in got:
                taken.append(protocol)
            await trio.aclose_forcefully(socket)
    scene.note = f"accepts {', '.join(taken)}" if taken else "accepts none"


@attack(
    "conn-syns", "1 000 TCP connections opened and reset at once", "refused", *HANDSHAKE, "connections.refused.rate"
)
async def syns(scene: Scene) -> None:
    for _ in range(1000):
        with suppress(Cut):
            await trio.aclose_forcefully(await tcp(scene.target))
            scene.sent += 1


@attack(
    "conn-two-places",
    "one peer id from three addresses, ten connections",
    "refused",
    "connections.refused.not_admitted",
)
async def two_places(scene: Scene) -> None:
    stayed: list[Line] = []
    done = trio.Event()

    async def one(number: int) -> None:
        with suppress(Cut):
            async with scene.line(source=f"127.0.0.{20 + number % 3}") as line:
                await line.open(IPFS_PING)
                stayed.append(line)
                await done.wait()

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(one, number)
        await hold(2)
        scene.sent = sum(not line.dead.is_set() for line in stayed)
        done.set()
    scene.note = f"{scene.sent} of 10 connections stay"


@attack(
    "conn-new-ids", "a new peer id after each ban, from one address, for 8 s", "refused", "connections.refused.rate"
)
async def new_ids(scene: Scene) -> None:
    from tests.attacks.gossip import prefixed

    with trio.move_on_after(8):
        while True:
            keys = create_new_key_pair()
            with suppress(Cut):
                async with connected(scene.target, keys=keys) as line:
                    await line.open(IPFS_PING)
                    scene.sent += 1
                    for _ in range(4):
                        await line.gossip(prefixed(b"\xff" * 40))
                    await hold(1, line)
            await trio.sleep(0.01)
    scene.note = f"{scene.sent} ids got in"


# --- the multiplexer --------------------------------------------------------------------------------------------------


@attack("mux-bad-frames", "frames of unknown kind and version, of streams that are not, goodbyes, huge lengths", "cut")
async def bad_frames(scene: Scene) -> None:
    frames = (
        (9, 0, 1, 0, b"", 0), (DATA, 0, 4001, 5, b"hello", 0), (WINDOW, 0, 4001, 0xFFFFFFFF, b"", 0),
        (WINDOW, SYN, 2, 0, b"", 0), (WINDOW, SYN, 0, 0, b"", 0), (WINDOW, SYN | RST | FIN | ACK, 7, 0, b"", 0),
        (PING, ACK, 0, 77, b"", 0), (GO_AWAY, 0, 0, 99, b"", 0), (GO_AWAY, 0xFFFF, 5, 0xFFFFFFFF, b"", 0),
        (DATA, SYN, 11, 0xFFFFFFFF, b"x" * 100, 0), (DATA, 0, 1, 0x7FFFFFFF, b"x" * 2000, 0), (WINDOW, 0, 0, 1, b"", 7),
    )  # fmt: skip
    for kind, flags, number, length, body, version in frames:
        with suppress(Cut):
            async with connected(scene.target, keys=scene.keys) as line:
                await line.open(IPFS_PING)
                await line.frame(kind, flags, number, length, body, version)
                await hold(0.4, line)
                scene.sent += line.dead.is_set()
    scene.note = f"{scene.sent} of {len(frames)} cost the connection"


@attack("mux-same-stream", "one stream number opened 500 times", "harmless")
async def same_stream(scene: Scene) -> None:
    async with scene.line() as line:
        for _ in range(500):
            await line.frame(WINDOW, SYN, 1, 0)
        await hold(0.5, line)


@attack("mux-rapid-reset", "streams opened and reset at full rate for 4 s", "cut", "streams.wasted")
async def rapid_reset(scene: Scene) -> None:
    async with scene.line() as line:

        async def one() -> None:
            channel = await line.syn()
            await channel.reset()

        scene.sent = await for_a_while(4, one)
    scene.note = f"{scene.sent} streams"


@attack("mux-rapid-protocol", "streams opened with a protocol and reset, at full rate for 4 s", "cut",
        "streams.wasted", "streams.handler_failed", "streams.failed")  # fmt: skip
async def rapid_protocol(scene: Scene) -> None:
    async with scene.line() as line:

        async def one() -> None:
            channel = await line.half_open(scene.target.protocol)
            await channel.reset()

        scene.sent = await for_a_while(4, one)
    scene.note = f"{scene.sent} streams"


@attack("mux-silent-streams", "2 000 streams on which nothing is said", "slowed", "streams.refused.busy")
async def silent_streams(scene: Scene) -> None:
    async with scene.line() as line:
        with suppress(Cut):
            for _ in range(2000):
                await line.syn()
                scene.sent += 1
        await hold(2, line)
    scene.note = f"{scene.sent} opened"


@attack("mux-window", "windows granted far beyond any bound, at full rate", "harmless")
async def windows(scene: Scene) -> None:
    async with scene.line() as line:
        channel = await line.open(IPFS_PING)
        scene.sent = await for_a_while(2, lambda: line.frame(WINDOW, 0, channel.number, 0xFFFFFFFF))
    scene.note = f"{scene.sent} grants"


@attack("mux-deaf", "pings at full rate from a peer that reads no answer", "cut")
async def deaf(scene: Scene) -> None:
    async with scene.line() as line:
        line.listens = False
        batch = b"".join(b"\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00" for _ in range(5000))

        async def one() -> None:
            with trio.move_on_after(5) as late:
                await line.frame(PING, SYN, 0, 0, batch)
            if late.cancelled_caught:
                raise Cut("nothing is read any more")

        scene.sent = await for_a_while(6, one)
    scene.note = f"{scene.sent * 5} thousand pings"


# --- the host's own protocols -----------------------------------------------------------------------------------------


@attack("identify-junk", "description of itself that is junk, cut, endless, or names 10 000 addresses", "harmless")
async def identify_junk(scene: Scene) -> None:
    from libp2p.identity.identify.pb.identify_pb2 import Identify

    from tests.attacks.wire import Channel, prefixed, varint

    crowd = Identify(listen_addrs=[os.urandom(8) for _ in range(10_000)], agent_version="x" * 100_000)
    answers = (
        os.urandom(200), b"\x05abc", varint(1 << 30), prefixed(crowd.SerializeToString()), prefixed(b"\xff" * 100), b"",
        prefixed(Identify(agent_version="\x1b[2J\u202e" * 100, listen_addrs=[b"\xff" * 5000]).SerializeToString()),
    )  # fmt: skip
    for answer in answers:

        async def tell(channel: Channel, answer: bytes = answer) -> None:
            await channel.write(answer)
            await channel.finish()

        with suppress(Cut):
            async with connected(scene.target, serve={IDENTIFY: tell}) as line:
                await hold(0.4, line)


@attack("ping-junk", "pings half sent, and unknown protocols asked for by hundreds", "harmless")
async def ping_junk(scene: Scene) -> None:
    async with scene.line() as line:
        for _ in range(20):
            channel = await line.open(IPFS_PING)
            await channel.write(bytes(7))
        for number in range(20):
            channel = await line.syn()
            await channel.write(line_of(MULTISTREAM) + b"".join(line_of(f"/no/{number}/{n}") for n in range(100)))
        await hold(1, line)


@attack("negotiation-junk", "protocol names without end, not text, of 1 MB", "harmless", "streams.failed")
async def negotiation_junk(scene: Scene) -> None:
    async with scene.line() as line:
        for opening in (b"\xff" * 32, b"\x13/multistream/9.9.9\n", b"\x01\xff", b"\x80\x80\x80\x80\x01", b"\x00" * 50,
                        line_of(MULTISTREAM) + b"\xff\xff\x7f" + b"a" * (1 << 20)):  # fmt: skip
            channel = await line.syn()
            with suppress(Cut):
                await channel.write(opening)
        await hold(0.7, line)
