"""Attacks on the protocols of this network: slow readers, bombs, floods, forgeries, and lies about other peers."""

import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID

from node.consensus.votes import Step, Vote, message_of_vote
from node.ledger.calls import Transfer
from node.ledger.header import UNSIGNED, Block, Header, seal_message
from node.ledger.transaction import sign_transaction
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import Hash, Height, Rao, SetId, Slot
from node.service.gossip import BlockNews, HeaderNews
from node.sync.messages import GetBlocks, GetHeaders, Headers, decode_answer, encode_request, headers_in
from tests.attacks.book import Scene, attack, for_a_while, hold
from tests.attacks.wire import Channel, Cut, Line, connected, framed, rpc

SYNC, TIME, GENESIS = "/neurond/sync/1", "/neurond/time/1", "/neurond/genesis/1"
PEERS, REACH, BLOBS = "/neurond/peers/1", "/neurond/reach/1", "/neurond/blobs/1"
STRANGER = Ed25519Signer(bytes([250]) * 32)


async def starve(scene: Scene, say: Callable[[Channel], Awaitable[object]], peers: int, seconds: float) -> None:
    """Take every place of every protocol with `peers` identities and see which of them an outsider still gets."""
    done = trio.Event()

    async def one(number: int) -> None:
        with suppress(Cut):
            async with connected(scene.target, source=f"127.0.0.{30 + number % 8}") as line:
                for protocol in scene.protocols:
                    for _ in range(16):
                        with suppress(Cut):
                            await say(await line.half_open(protocol))
                await done.wait()

    async with trio.open_nursery() as nursery:
        for number in range(peers):
            nursery.start_soon(one, number)
        await hold(seconds)
        refused = [name for name in scene.protocols if not await is_served(scene, name)]
        done.set()
    scene.note = f"{seconds:g} s later refused to an outsider: {', '.join(refused) or 'none'}"


async def is_served(scene: Scene, protocol: str) -> bool:
    """Whether a stream of `protocol` stays open for a peer that was not there before."""
    with suppress(Cut):
        async with connected(scene.target, source="127.0.0.9") as line:
            channel = await line.open(protocol)
            await hold(0.3)
            return not channel.ended
    return False


@attack("slow-silent", "all places of every protocol taken by 8 peers that say nothing", "slowed",
        "streams.refused.busy", only="ours", in_ci=False)  # fmt: skip
async def silent(scene: Scene) -> None:
    async def say(_channel: Channel) -> None: ...

    await starve(scene, say, 8, 16)


@attack("slow-drip", "the same, with a frame announced and one byte of it a second", "slowed",
        "streams.refused.busy", only="ours", in_ci=False)  # fmt: skip
async def drip(scene: Scene) -> None:
    async def say(channel: Channel) -> None:
        await channel.write(b"\x00\x00\x00\x10")
        channel.line._nursery.start_soon(drop_by_drop, channel)

    async def drop_by_drop(channel: Channel) -> None:
        with suppress(Cut):
            for _ in range(15):
                await trio.sleep(1)
                await channel.write(b"x")

    await starve(scene, say, 8, 16)


@attack("slow-reader", "answers asked for on every protocol and never read", "slowed", only="ours")
async def slow_reader(scene: Scene) -> None:
    questions = questions_of(scene)
    async with scene.line() as line:
        line.listens = False
        for protocol in scene.protocols:
            for _ in range(8):
                channel = await line.half_open(protocol)
                await channel.write(framed(questions.get(protocol, b"x")) * 20)
        line.listens = True
        await hold(3, line)


def questions_of(scene: Scene) -> dict[str, bytes]:
    own = msgspec.json.encode({"addresses": ["/ip4/127.0.0.2/tcp/9"], "wanted": 32})
    return {
        SYNC: encode_request(GetBlocks(Height(1), 128)), TIME: b"time", GENESIS: b"genesis", PEERS: own, REACH: own,
        BLOBS: msgspec.msgpack.encode({"type": "find", "sha256": bytes(32)}),
    }  # fmt: skip


BOMBS = (
    b"\x91" * 2000, b"\x81\xa1a" * 600, b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff" * 9, b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff", b"[" * 8000, b'{"a":' * 1500, b'{"addresses":' + b"[" * 7000, b'"\\ud800"', b"1e99999",
    b'{"addresses":["' + b"/ip4" * 1500 + b'"],"wanted":' + b"9" * 900 + b"}", b"\x00" * 60, os.urandom(60),
)  # fmt: skip


@attack("bombs", "nested and giant MessagePack and JSON to every protocol", "banned", "reports", only="ours")
async def bombs(scene: Scene) -> None:
    for protocol in scene.protocols:
        for bomb in BOMBS:
            with suppress(Cut):
                async with connected(scene.target, keys=scene.keys) as line:
                    for cut in (bomb, bomb[:200], bomb[:40], bomb[:12]):
                        channel = await line.half_open(protocol)
                        await channel.write(framed(cut))
                        scene.sent += 1
                    await hold(0.1, line)
    scene.note = f"{scene.sent} bombs"


@attack("frame-claims", "frames of 4 GiB announced on every protocol", "cut", only="ours")
async def claims(scene: Scene) -> None:
    cut = tried = 0
    async with scene.line() as line:
        for protocol in scene.protocols:
            channel = await line.half_open(protocol)
            await channel.write(b"\xff\xff\xff\xff" + bytes(5000))
            await hold(0.3)
            cut += channel.ended
            tried += 1
    scene.note = f"{cut} of {tried} streams cut"


@attack("sync-junk", "requests to the chain protocol that are none", "banned", "reports", only="ours")
async def sync_junk(scene: Scene) -> None:
    async def ask(line: Line) -> None:
        channel = await line.open(SYNC)
        await channel.write(framed(os.urandom(60)))

    await scene.repeated(ask)


async def flood(scene: Scene, protocol: str, question: bytes, seconds: float, at_once: int = 8) -> None:
    """Ask and take the answer in, as fast as it goes, on streams of a connection."""
    async with scene.line() as line:

        async def ask() -> None:
            channel = await line.half_open(protocol)
            await channel.write(framed(question))
            await channel.finish()
            with suppress(Cut), trio.move_on_after(5):
                await channel.until_end()

        async def go() -> None:
            scene.sent += await for_a_while(seconds, ask)

        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(go)
    scene.note = f"{scene.sent / seconds:.0f} a second answered or refused"


@attack("flood-blocks", "stretches of 128 blocks asked for without a pause", "slowed", only="ours")
async def flood_blocks(scene: Scene) -> None:
    await flood(scene, SYNC, encode_request(GetBlocks(Height(1), 128)), 4)


@attack("flood-time", "the time asked for without a pause", "slowed", only="ours")
async def flood_time(scene: Scene) -> None:
    await flood(scene, TIME, b"time", 3)


@attack("flood-genesis", "the genesis asked for without a pause", "slowed", only="ours")
async def flood_genesis(scene: Scene) -> None:
    await flood(scene, GENESIS, b"genesis", 3)


# --- lies about others ------------------------------------------------------------------------------------------------


@contextmanager
def sink(host: str) -> Iterator[Callable[[], int]]:
    """A third party that counts who knocks; every connection to it is closed at once."""
    import socket
    import threading

    count = 0
    listener = socket.create_server((host, 0))
    listener.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        nonlocal count
        while not over.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                count += 1
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    serve.port = listener.getsockname()[1]  # type: ignore[attr-defined]

    def knocks() -> int:
        return count

    knocks.port = serve.port  # type: ignore[attr-defined]
    try:
        yield knocks
    finally:
        over.set()
        thread.join()
        listener.close()


@attack("poison-peers", "500 peers told that are all at a third party's door", "harmless", only="ours")
async def poison(scene: Scene) -> None:
    with sink("127.0.0.77") as knocks:
        port = knocks.port  # type: ignore[attr-defined]

        async def told(channel: Channel) -> None:
            await channel.answer()
            ids = [ID.from_pubkey(create_new_key_pair().public_key) for _ in range(250)]
            addresses = [f"/ip4/127.0.0.77/tcp/{port}/p2p/{each}" for each in ids]
            await channel.write(framed(msgspec.json.encode({"addresses": addresses})))
            await channel.finish()

        began_s = time.monotonic()
        for _ in range(2):
            async with connected(scene.target, serve={PEERS: told}) as line:
                await hold(4, line)
        scene.sent = knocks()
        scene.note = f"{scene.sent} connections to the third party in {time.monotonic() - began_s:.0f} s"


@attack("poison-self", "50 addresses of a third party told as its own, under many ids", "harmless", only="ours")
async def poison_self(scene: Scene) -> None:
    with sink("127.0.0.78") as knocks:
        port = knocks.port  # type: ignore[attr-defined]
        for _ in range(12):
            keys = create_new_key_pair()
            own = [f"/ip4/127.0.0.78/tcp/{port}/p2p/{ID.from_pubkey(keys.public_key)}"] * 8
            with suppress(Cut):
                async with connected(scene.target, keys=keys) as line:
                    for protocol in (PEERS, REACH):
                        channel = await line.open(protocol)
                        await channel.write(framed(msgspec.json.encode({"addresses": own, "wanted": 1})))
                    await hold(0.4, line)
        await hold(2)
        scene.sent = knocks()
    scene.note = f"{scene.sent} connections to the third party"


# --- the chain --------------------------------------------------------------------------------------------------------


async def newest_header(scene: Scene) -> Header:
    """The victim's newest header, asked for as anybody may."""
    async with connected(scene.target, source="127.0.0.8") as line:
        newest: Header | None = None
        at = 0
        while True:
            channel = await line.open(SYNC)
            await channel.write(framed(encode_request(GetHeaders(Height(at), 512))))
            got = decode_answer(await channel.answer())
            headers = headers_in(got) if isinstance(got, Headers) else ()
            if not headers or (newest is not None and headers[-1].height == newest.height):
                break
            newest = headers[-1]
            at = newest.height + 1
        if newest is None:
            raise Cut("the victim told no header")
        return newest


def forged(scene: Scene, parent: Header, key: Ed25519Signer, number: int) -> Header:
    header = msgspec.structs.replace(
        parent, height=Height(parent.height + 500), slot=Slot(parent.slot + 1), parent=Hash(os.urandom(32)),
        proposer=key.public, state_root=Hash(os.urandom(32)), signature=UNSIGNED,
    )  # fmt: skip
    return msgspec.structs.replace(header, signature=key.sign(seal_message(Hash(scene.genesis_hash), header)))


@attack("chain-blocks", "blocks and headers sealed by somebody who is no authority", "banned",
        "gossip.refused.rejected", only="ours")  # fmt: skip
async def stranger_blocks(scene: Scene) -> None:
    parent = await newest_header(scene)

    def news(number: int) -> bytes:
        header = forged(scene, parent, STRANGER, number)
        return encode(BlockNews(Block(header, ())) if number % 2 else HeaderNews(header))

    await scene.repeated(
        lambda line: line.gossip(rpc(line.signed(scene.topics[0], news(scene.sent)))), most=20, pause_s=0
    )


@attack("chain-votes", "votes of somebody who is no authority", "banned", "gossip.refused.rejected", only="ours")
async def stranger_votes(scene: Scene) -> None:
    parent = await newest_header(scene)

    def vote() -> bytes:
        made = Vote(
            SetId(parent.set_id), parent.height + 40, 0, Step.PREVOTE, Height(parent.height + 1),
            Hash(os.urandom(32)), STRANGER.public, UNSIGNED,
        )  # fmt: skip
        signature = STRANGER.sign(message_of_vote(made, Hash(scene.genesis_hash)))
        return encode(msgspec.structs.replace(made, signature=signature))

    await scene.repeated(lambda line: line.gossip(rpc(line.signed(scene.topics[1], vote()))), most=20, pause_s=0)


@attack("chain-transactions", "transactions of accounts that are not there, badly signed, 64 a batch", "harmless",
        "gossip.refused.ignored", only="ours")  # fmt: skip
async def bad_transactions(scene: Scene) -> None:
    genesis = Hash(scene.genesis_hash)

    def batch() -> bytes:
        raws = []
        for _ in range(64):
            raw = sign_transaction(
                Ed25519Signer(os.urandom(32)), Transfer(STRANGER.public, Rao(10**9)), nonce=0,
                birth_height=Height(0), birth_hash=genesis, genesis_hash=genesis,
            )  # fmt: skip
            raws.append(raw[:-1] + bytes([raw[-1] ^ 1]))
        return encode(tuple(raws))

    batches = [batch() for _ in range(20)]

    async def send(line: Line) -> None:
        await line.gossip(*(rpc(line.signed(scene.topics[2], data)) for data in batches))

    await scene.repeated(send, most=5)
