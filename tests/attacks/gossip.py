"""Attacks by gossip frames: malformed, forged, greedy, repeated."""

import os

from libp2p.pubsub.pb import rpc_pb2

from tests.attacks.book import Scene, attack, for_a_while, hold
from tests.attacks.wire import GOSSIP, Cut, Line, prefixed, rpc, varint

SHA_AUTHOR = b"\x12\x20" + bytes(range(32))
GOOD_AUTHOR = b"\x00\x24\x08\x01\x12\x20" + bytes(32)
BAD_POINT = b"\x00\x24\x08\x01\x12\x20" + b"\xff" * 32
MALFORMED = "gossip.refused.malformed"
Control = rpc_pb2.ControlMessage


def message(scene: Scene, **fields: object) -> bytes:
    given = {"data": b"x", "topicIDs": [scene.target.topic], "from_id": GOOD_AUTHOR, "seqno": os.urandom(8)}
    return rpc(rpc_pb2.Message(**{**given, **fields}))


async def frames(scene: Scene, *sent: bytes) -> None:
    """Send the frames over and over, as one who is not told off would."""
    await scene.repeated(lambda line: line.gossip(*sent))


@attack("A1", "gossip frame that is not protobuf", "banned", MALFORMED)
async def not_protobuf(scene: Scene) -> None:
    await frames(scene, prefixed(b"\xff" * 40))


@attack("A2", "gossip message whose author's key is garbage", "banned", MALFORMED)
async def garbage_key(scene: Scene) -> None:
    await frames(scene, message(scene, from_id=SHA_AUTHOR, key=b"\xff" * 20, signature=b"s" * 64))


@attack("A3", "gossip message with an empty, short or impossible author", "banned", MALFORMED)
async def bad_author(scene: Scene) -> None:
    authors = (b"", b"\x00", b"\x00\x06\x08\x01\x12\x02ab", BAD_POINT, SHA_AUTHOR)
    keys = (b"", b"\x08\x01\x12\x02ab", b"\x08\x01\x12\x20" + b"\xff" * 32, b"\x08\x00\x12\x05short")
    pairs = iter([(author, key) for key in keys for author in authors])

    async def send(line: Line) -> None:
        author, key = next(pairs)
        await line.gossip(message(scene, from_id=author, key=key, signature=b"s" * 64))

    await scene.repeated(send, most=20)


@attack("A4", "message at which the node's own check raises", "harmless", "gossip.check_failed")
async def raising_check(scene: Scene) -> None:
    async with scene.line() as line:
        for number in range(20):
            await line.gossip(rpc(line.signed(scene.topics[-1], b"raise %d" % number)))
        await hold(1, line)


@attack("gossip-unsigned", "messages without a signature, and with a wrong one", "banned", MALFORMED)
async def unsigned(scene: Scene) -> None:
    signatures = iter((b"", b"s" * 64, b"s" * 3) * 4)
    await scene.repeated(lambda line: line.gossip(message(scene, signature=next(signatures))))


@attack("gossip-oversize", "frame that announces 256 MiB, and lengths without end", "cut")
async def oversize(scene: Scene) -> None:
    async with scene.line() as line:
        for claim in (varint(1 << 28), b"\x80" * 64, b"\xff" * 9 + b"\x01"):
            channel = await line.gossip(claim)
            await hold(0.3)
            scene.sent += channel.ended
    scene.note = f"{scene.sent} of 3 streams cut"


@attack("gossip-record", "signed peer record that is junk, in every frame", "harmless")
async def bad_record(scene: Scene) -> None:
    async with scene.line() as line:
        channel = await line.open(GOSSIP)
        for _ in range(100):
            await channel.write(rpc(senderRecord=os.urandom(300)))
        await hold(0.5, line)


@attack("gossip-junk-control", "grafts, prunes and haves about invented topics", "harmless")
async def junk_control(scene: Scene) -> None:
    topics = [f"invented/{number}" for number in range(200)]
    control = Control(
        graft=[rpc_pb2.ControlGraft(topicID=topic) for topic in topics],
        prune=[rpc_pb2.ControlPrune(topicID=topic, backoff=1 << 60) for topic in topics],
        ihave=[rpc_pb2.ControlIHave(topicID=topic, messageIDs=[b"id"]) for topic in topics],
    )
    async with scene.line() as line:
        channel = await line.open(GOSSIP)
        for _ in range(20):
            await channel.write(rpc(control=control))
        await hold(1, line)


@attack("gossip-ihave", "offers of 4 000 messages that nobody has, again and again", "slowed", "gossip.slowed")
async def ihave_flood(scene: Scene) -> None:
    async with scene.line() as line:
        channel = await line.gossip(rpc(subscriptions=[subscription(scene.target.topic)]))

        async def offer() -> None:
            ids = [os.urandom(40) for _ in range(500)]
            parts = [rpc_pb2.ControlIHave(topicID=scene.target.topic, messageIDs=ids[at : at + 1]) for at in range(500)]
            await channel.write(rpc(control=Control(ihave=parts)))

        scene.sent = await for_a_while(3, offer)
    scene.note = f"{scene.sent} frames written"


@attack("gossip-iwant", "one message asked for 4 000 times in a frame: amplification", "harmless")
async def iwant_amplified(scene: Scene) -> None:
    """The ids come from what the victim itself offers or sends."""
    heard = Heard()
    async with scene.line(serve={GOSSIP: heard.listen}) as line:
        await line.gossip(rpc(subscriptions=[subscription(topic) for topic in scene.topics]))
        for _ in range(30):
            await hold(0.2, line)
            if heard.ids:
                break
        before = heard.bytes
        control = Control(iwant=[rpc_pb2.ControlIWant(messageIDs=heard.ids[:1] * 4000)])
        asked = rpc(control=control)
        await line.gossip(asked, asked, asked)
        await hold(1.5, line)
        scene.note = f"{len(asked) * 3 // 1024} KB asked, {(heard.bytes - before) // 1024} KB sent back"


class Heard:
    """Takes in what the victim gossips to us."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.bytes = 0

    async def listen(self, channel: object) -> None:
        while True:
            size = shift = 0
            while True:
                byte = (await channel.exactly(1))[0]  # type: ignore[attr-defined]
                size |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            frame = rpc_pb2.RPC.FromString(await channel.exactly(size))  # type: ignore[attr-defined]
            self.bytes += size
            self.ids += [each.seqno + each.from_id for each in frame.publish]
            self.ids += [each for have in frame.control.ihave for each in have.messageIDs]


def subscription(topic: str, subscribe: bool = True) -> rpc_pb2.RPC.SubOpts:
    return rpc_pb2.RPC.SubOpts(subscribe=subscribe, topicid=topic)


@attack("gossip-subscriptions", "80 000 invented subscriptions in one frame", "banned", MALFORMED)
async def many_subscriptions(scene: Scene) -> None:
    await frames(scene, rpc(subscriptions=[subscription(f"t{n}") for n in range(80_000)]))


@attack("gossip-toggle", "subscribing and leaving 250 topics a frame, at full rate", "slowed", "gossip.slowed")
async def toggling(scene: Scene) -> None:
    changes = [rpc(subscriptions=[subscription(f"t{n}", bool(on)) for n in range(250)]) for on in (1, 0)]
    async with scene.line() as line:
        channel = await line.open(GOSSIP)
        scene.sent = await for_a_while(3, lambda: channel.write(changes[0] + changes[1]))
    scene.note = f"{scene.sent * 500} changes written"


@attack("gossip-replay", "one signed message again and again, and its content under new numbers", "harmless")
async def replay(scene: Scene) -> None:
    async with scene.line() as line:
        once = rpc(line.signed(scene.target.topic, bytes(500)))
        channel = await line.gossip(once)

        async def again() -> None:
            await channel.write(once + rpc(line.signed(scene.target.topic, bytes(500))))

        scene.sent = await for_a_while(2, again)
    scene.note = f"{2 * scene.sent} copies written"


@attack("gossip-garbage", "signed messages that are no block, vote or transaction", "banned", "gossip.refused.rejected")
async def garbage(scene: Scene) -> None:
    def one(line: Line) -> bytes:
        topic = scene.topics[scene.sent % 3]
        return rpc(line.signed(topic, os.urandom(30)), line.signed(topic, b"\x91" * 5000))

    await scene.repeated(lambda line: line.gossip(one(line)), most=20, pause_s=0)


@attack("gossip-big", "messages of 3 MiB, signed, at full rate", "slowed", "gossip.slowed", "gossip.refused.rejected")
async def big(scene: Scene) -> None:
    async with scene.line() as line:
        channel = await line.open(GOSSIP)
        piece = os.urandom(3 << 20)

        async def one() -> None:
            scene.sent += 1
            await channel.write(rpc(line.signed(scene.target.topic, piece + os.urandom(8))))

        await for_a_while(4, one)
    scene.note = f"{3 * scene.sent} MiB written"


@attack("gossip-streams", "gossip streams without end on one connection", "slowed", "streams.refused.busy")
async def many_streams(scene: Scene) -> None:
    async with scene.line() as line:
        channels = []
        try:
            for _ in range(60):
                channels.append(await line.open(GOSSIP))
        except Cut:
            pass
        await hold(0.5, line)
        scene.sent = sum(not channel.ended for channel in channels)
    scene.note = f"{scene.sent} of 60 left open"
