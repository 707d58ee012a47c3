"""`neurond join` and `neurond invite`: how networks grow."""

import time
from dataclasses import replace
from datetime import datetime

import click

from node.commands.common import Env, command, narrate
from node.commands.lifecycle import start_and_show
from node.commands.options import daemon_command, is_peer_address
from node.control import launcher
from node.control.api import InviteRequest, JoinRequest
from node.control.client_sync import SyncClient
from node.control.options import DaemonConfig


@click.command()
@click.argument("target", metavar="INVITE|MULTIADDR")
@daemon_command
def join(env: Env, config: DaemonConfig, target: str) -> None:
    """Join a network: start this home's node on it, or connect the running one.

    TARGET is an invite (nd1…) or the address of any node (/ip4/…/tcp/…/p2p/…). A multiaddress names no network: the
    first answer is believed and kept.

    \b
    Examples:
      neurond join nd1…
      neurond join /ip4/192.0.2.7/tcp/4001/p2p/12D3… --role miner
    """
    target = target.strip()
    if launcher.find(env.home) is not None:
        with SyncClient(env.home) as client:
            joined = client.call(JoinRequest(target))
        env.emit(joined, lambda: click.echo(f"Connected to {joined.peer_id} of {joined.network}."))
        return
    start_and_show(env, _with_target(config, target))


def _with_target(config: DaemonConfig, target: str) -> DaemonConfig:
    if is_peer_address(target):
        return replace(config, bootstrap=(target,))
    if not target.startswith("nd1"):
        raise click.BadParameter(
            "write an invite (nd1…) or a node's address (/ip4/…/tcp/…/p2p/…)", param_hint="INVITE|MULTIADDR"
        )
    from node.service.invite import read_invite

    invite = read_invite(target, time.time_ns() // 1_000_000)
    narrate(f"joining {invite.network} (genesis {invite.genesis_hash.hex()[:16]}…)")
    return replace(config, bootstrap=tuple(invite.addresses), genesis_hash=invite.genesis_hash.hex())


@click.command()
@command
def invite(env: Env) -> None:
    """Print an invite: one line with which another machine joins this node's network, good for a week.

    \b
    Example:
      neurond invite
    """
    with SyncClient(env.home) as client:
        made = client.call(InviteRequest())

    def render() -> None:
        click.echo(made.text)
        until = datetime.fromtimestamp(made.expires_ms / 1000).strftime("%Y-%m-%d %H:%M")
        narrate(f"for {made.network}, good until {until}; on the other machine: neurond join nd1…")

    env.emit(made, render)
