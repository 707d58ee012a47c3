"""A node of the network layer as a process of its own, for machines of a lab: commands come as lines of JSON.

`python -m tests.netns.peer <folder> <listen address or none> [<bootstrap address> ...]`. It serves ECHO and answers
each command with one line.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import trio
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage
from multiaddr import Multiaddr

from p2p import HostConfig, P2PError, Stream, limits, open_host
from p2p.network import Libp2pNetwork
from p2p.relay.messages import HOP, id_bytes, read_message, send_message

ECHO: Final = "/test/echo/1"
ECHO_MAX_BYTES: Final = 4 << 20


async def echo(stream: Stream) -> None:
    await stream.send(await stream.receive(ECHO_MAX_BYTES))


async def main(folder: Path, listen: str, bootstrap: tuple[str, ...]) -> None:
    limits.REACH_FIRST_S = 0.3  # the waits of a quiet network, shortened
    limits.RELAY_CHECK_S = 0.2
    limits.RELAY_RETRY_S = 0.5
    config = HostConfig(
        identity_path=folder / "peer.key", listen=() if listen == "none" else (listen,), bootstrap=bootstrap
    )
    async with open_host(config) as network:
        network.serve(ECHO, echo)
        print(json.dumps({"peer_id": network.peer_id}), flush=True)
        lines = trio.wrap_file(sys.stdin)
        while line := await lines.readline():
            try:
                answer = await obey(cast(Libp2pNetwork, network), json.loads(line))
            except P2PError as error:
                answer = {"error": str(error), "code": error.code}
            print(json.dumps(answer), flush=True)


async def obey(network: Libp2pNetwork, command: Mapping[str, Any]) -> dict[str, object]:
    match command["do"]:
        case "show":
            found = network.reachability()
            return {
                "addresses": network.addresses,
                "state": found.state,
                "reason": found.reason,
                "peers": {peer.peer_id: [peer.route, peer.route_reason] for peer in network.peers()},
                "counters": dict(network.counters()),
            }
        case "dial":
            return {"peer_id": await network.dial(command["address"], timeout_s=command.get("timeout_s", 10.0))}
        case "echo":
            payload = bytes(command["size"])
            answer = await network.request(command["peer_id"], ECHO, payload, max_bytes=ECHO_MAX_BYTES, timeout_s=60.0)
            return {"equal": answer == payload}
        case "ask_relay":  # a CONNECT that no honest node would send
            stream, reader, _ = await network.host.open(command["relay"], (HOP,))
            question = HopMessage(type=HopMessage.CONNECT)
            question.peer.id = id_bytes(command["peer_id"])
            question.peer.addrs.extend(Multiaddr(text).to_bytes() for text in command["addresses"])
            await send_message(stream, question)
            return {"status": int((await read_message(reader, HopMessage)).status)}
    raise ValueError(f"unknown command {command['do']!r}")


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2], tuple(sys.argv[3:]))
