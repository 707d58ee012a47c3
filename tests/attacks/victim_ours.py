"""A live daemon with two bugs built in, as A4 and A5 need them: a handler and a check that raise, and a deaf handler.

Run as `python -m tests.attacks.victim_ours <arguments of neurond>`.
"""

import sys

import trio

from node.cli import main
from node.service import app
from p2p import Network, Stream, Verdict

TOPIC = "attacks/raises/1"
served = app.serve_time


def serve_time_and_bugs(network: Network) -> None:
    served(network)

    async def raises(_stream: Stream) -> None:
        raise ValueError("a bug")

    async def deaf(_stream: Stream) -> None:
        await trio.sleep_forever()

    def check(_peer_id: str, _data: bytes) -> Verdict:
        raise ValueError("a bug")

    network.serve("/attacks/raises/1", raises, per_peer=100)
    network.serve("/attacks/deaf/1", deaf, per_peer=100)
    kept.append(network.subscribe(TOPIC, check))


kept: list[object] = []

if __name__ == "__main__":
    app.serve_time = serve_time_and_bugs
    sys.exit(main())
