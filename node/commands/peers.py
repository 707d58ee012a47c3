"""`neurond peers`: who this node is connected to."""

import click

from node.commands.common import Env, command, duration, table
from node.commands.lazy import DefaultGroup
from node.control.api import PeersRequest
from node.control.client_sync import SyncClient


@click.group(cls=DefaultGroup, default="list")
def peers() -> None:
    """Show connected peers.

    \b
    Example:
      neurond peers list --json
    """


@peers.command("list")
@command
def list_peers(env: Env) -> None:
    """List the connected peers with latency, height and score.

    \b
    Example:
      neurond peers list
    """
    with SyncClient(env.home) as client:
        found = client.call(PeersRequest())
    rows = [
        (
            peer.peer_id,
            peer.direction,
            "-" if peer.latency_ms is None else f"{peer.latency_ms:.0f} ms",
            "-" if peer.height is None else f"{peer.height:,}",
            f"{peer.score:.1f}",
            duration(peer.connected_s),
            peer.agent,
            peer.addresses[0] if peer.addresses else "-",
        )
        for peer in found
    ]
    columns = ("peer", "dir", "latency", "height", "score", "since", "agent", "address")
    env.emit(found, lambda: table(columns, rows, right=("latency", "height", "score"), empty="No peers yet."))
