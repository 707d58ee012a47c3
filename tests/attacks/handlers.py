"""Attacks on handlers: bugs of the node's own, streams that end under a handler."""

from contextlib import suppress

import trio

from tests.attacks.book import Scene, attack, hold
from tests.attacks.wire import Cut, framed


@attack("A5", "stream to a handler that raises", "harmless", "streams.handler_failed")
async def raising_handler(scene: Scene) -> None:
    for _ in range(5):
        async with scene.line() as line:
            for _ in range(4):
                with suppress(Cut):
                    await line.open("/attacks/raises/1")
            await hold(0.2, line)


@attack("A6", "streams reset in the middle of a frame, under their handlers", "harmless", "streams.handler_failed")
async def reset_under_handler(scene: Scene) -> None:
    """A connection that has become deaf accepts no stream any more, yet looks alive."""
    async with scene.line() as line:
        for protocol in scene.protocols or (scene.target.protocol,):
            for opening in (b"", b"\x00\x00", b"\x00\x00\x00\x30half of it"):
                with suppress(Cut), trio.move_on_after(1):
                    channel = await line.open(protocol)
                    await channel.write(opening)
                    await channel.reset()
        await hold(0.5, line)
        served = False
        for _ in range(5):
            with suppress(Cut), trio.move_on_after(1):
                await line.open("/ipfs/ping/1.0.0")
                served = True
                break
            await hold(0.2, line)
    scene.note = "the same connection opens another stream" if served else "the connection is deaf"


@attack("half-closed", "streams closed on one side and left, 300 of them", "harmless")
async def half_closed(scene: Scene) -> None:
    async with scene.line() as line:
        for _ in range(300):
            with suppress(Cut):
                channel = await line.half_open(scene.target.protocol)
                await channel.write(framed(b"x"))
                await channel.finish()
                scene.sent += 1
            if line.dead.is_set():
                break
        await hold(1, line)
