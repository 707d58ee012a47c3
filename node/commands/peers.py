"""`neurond peers`: who this node is connected to, and who it keeps out."""

import time
from typing import Final

import click

from node.commands.common import Env, command, duration, facts, plain, table
from node.commands.lazy import DefaultGroup
from node.commands.options import Duration
from node.control.api import (
    PeerAddRequest,
    PeerBanRequest,
    PeerBansRequest,
    PeerPingRequest,
    PeersRequest,
    PeerUnbanRequest,
)
from node.control.client_sync import SyncClient
from node.control.inspect_api import PeerDetailRequest, PeerDropRequest
from node.control.limits import BAN_DEFAULT_S, BAN_MAX_S, NAME_CHARS_MAX, REASON_CHARS_MAX, TARGET_CHARS_MAX
from node.control.schema import BanInfo, PeerInfo

_PING_PAUSE_S: Final = 0.5
_CLOCK_ERROR_S: Final = 0.2


class _Text(click.ParamType[str]):
    """A text of bounded length."""

    name = "text"

    def __init__(self, chars_max: int) -> None:
        self._chars_max = chars_max

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if len(text) > self._chars_max:
            self.fail(f"{text[:20]!r}… is longer than {self._chars_max} characters", param, ctx)
        return text


_PEER_ID = click.argument("peer_id", metavar="PEER", type=_Text(NAME_CHARS_MAX))


@click.group(cls=DefaultGroup, default="list")
def peers() -> None:
    """Show connected peers, add one, keep one out.

    \b
    Examples:
      neurond peers list --json
      neurond peers ban 12D3… --for 30d --reason "sends junk"
    """


@peers.command("list")
@command
def list_peers(env: Env) -> None:
    """List the connected peers with latency, height and score, and below them the bans in force.

    \b
    Example:
      neurond peers list
    """
    with SyncClient(env.home) as client:
        found = client.call(PeersRequest())
        bans = () if env.json else client.call(PeerBansRequest())

    def render() -> None:
        _show_peers(found)
        if bans:
            click.echo()
            _show_bans(bans)

    env.emit(found, render)


@peers.command("bans")
@command
def list_bans(env: Env) -> None:
    """List the peers that are kept out, for how long and why.

    \b
    Example:
      neurond peers bans
    """
    with SyncClient(env.home) as client:
        bans = client.call(PeerBansRequest())
    env.emit(bans, lambda: _show_bans(bans))


@peers.command("add")
@click.argument("address", metavar="MULTIADDR|PEER", type=_Text(TARGET_CHARS_MAX))
@command
def add_peer(env: Env, address: str) -> None:
    """Connect to a peer now; the node remembers it. Of a peer id alone the address is looked up.

    \b
    Examples:
      neurond peers add /ip4/192.0.2.7/tcp/4001/p2p/12D3…
      neurond peers add 12D3…
    """
    began_s = time.monotonic()
    with SyncClient(env.home) as client:
        added = client.call(PeerAddRequest(address))
    was_there = added.connected_s > time.monotonic() - began_s + _CLOCK_ERROR_S
    verb = "Was connected already" if was_there else "Connected"
    make = plain(added.agent) or "of unknown make"
    way = "" if added.route == "direct" else f", through a relay: {plain(added.route_reason)}"
    env.emit(added, lambda: click.echo(f"{verb} to {added.peer_id} ({make}{way})."))


@peers.command("show")
@_PEER_ID
@command
def show_peer(env: Env, peer_id: str) -> None:
    """Show the open streams of a connected peer, and what its score is made of.

    \b
    Example:
      neurond peers show 12D3…
    """
    with SyncClient(env.home) as client:
        found = client.call(PeerDetailRequest(peer_id))

    def render() -> None:
        facts([("peer", found.peer_id), ("comes from", found.remote or "a relay")])
        facts([(f"{each.count} streams", each.protocol) for each in found.streams])
        facts(
            [(f"-{mark.points:g} points", f"{mark.reason}, {duration(mark.seconds_ago)} ago") for mark in found.marks]
        )

    env.emit(found, render)


@peers.command("drop")
@_PEER_ID
@command
def drop_peer(env: Env, peer_id: str) -> None:
    """Close the connections to a peer; it may come back. `neurond peers ban` keeps it out.

    \b
    Example:
      neurond peers drop 12D3…
    """
    with SyncClient(env.home) as client:
        dropped = client.call(PeerDropRequest(peer_id))
    env.emit(dropped, lambda: click.echo(f"{dropped.peer_id} is disconnected."))


@peers.command("ban")
@_PEER_ID
@click.option(
    "--for", "duration_s", type=Duration(1, BAN_MAX_S, forever=True), default=BAN_DEFAULT_S, show_default="1h",
    metavar="DURATION", help="How long: 90s, 15m, 12h, 30d, forever.",
)  # fmt: skip
@click.option("--reason", type=_Text(REASON_CHARS_MAX), default="", help="Kept with the ban and shown.")
@command
def ban_peer(env: Env, peer_id: str, duration_s: float, reason: str) -> None:
    """Drop a peer and keep it out, also after a restart of the node.

    \b
    Example:
      neurond peers ban 12D3… --for 12h
    """
    with SyncClient(env.home) as client:
        ban = client.call(PeerBanRequest(peer_id, duration_s, reason))
    env.emit(ban, lambda: click.echo(f"{ban.peer_id} is kept out for {duration(ban.remaining_s)}: {ban.reason}"))


@peers.command("unban")
@_PEER_ID
@command
def unban_peer(env: Env, peer_id: str) -> None:
    """Lift a ban.

    \b
    Example:
      neurond peers unban 12D3…
    """
    with SyncClient(env.home) as client:
        ban = client.call(PeerUnbanRequest(peer_id))
    env.emit(ban, lambda: click.echo(f"{ban.peer_id} may come again ({duration(ban.remaining_s)} were left)."))


@peers.command("ping")
@_PEER_ID
@click.option("--count", type=click.IntRange(1, 100), default=3, show_default=True, help="How many round trips.")
@command
def ping_peer(env: Env, peer_id: str, count: int) -> None:
    """Measure the round trip to a connected peer.

    \b
    Example:
      neurond peers ping 12D3… --count 5
    """
    pings = []
    with SyncClient(env.home) as client:
        for number in range(count):
            if number:
                time.sleep(_PING_PAUSE_S)
            pings.append(client.call(PeerPingRequest(peer_id)))
            if not env.json:
                click.echo(f"{pings[-1].latency_ms:.1f} ms")
    times_ms = sorted(ping.latency_ms for ping in pings)
    env.emit(
        pings,
        lambda: click.echo(f"best {times_ms[0]:.1f}, median {times_ms[count // 2]:.1f}, worst {times_ms[-1]:.1f}"),
    )


def _show_peers(found: tuple[PeerInfo, ...]) -> None:
    rows = [
        (
            peer.peer_id,
            peer.direction,
            peer.route,
            "-" if peer.latency_ms is None else f"{peer.latency_ms:.0f} ms",
            "-" if peer.height is None else f"{peer.height:,}",
            f"{peer.score:.1f}",
            duration(peer.connected_s),
            peer.agent,
            peer.addresses[0].removesuffix(f"/p2p/{peer.peer_id}") if peer.addresses else "-",
        )
        for peer in found
    ]
    columns = ("peer", "dir", "way", "latency", "height", "score", "since", "agent", "address")
    table(columns, rows, right=("latency", "height", "score"), empty="No peers yet. Join with an invite, or add one.")
    for peer in found:
        if peer.route == "relayed":
            click.echo(f"{peer.peer_id} comes through a relay: {plain(peer.route_reason) or 'no reason is known'}")


def _show_bans(bans: tuple[BanInfo, ...]) -> None:
    rows = [(ban.peer_id, duration(ban.remaining_s), ban.reason or "-") for ban in bans]
    table(("banned", "left", "reason"), rows, right=("left",), empty="Nobody is banned.")
