"""`neurond join` and `neurond invite`: how networks grow."""

import os
import re
import shutil
import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import Final

import click

from node.commands.common import Env, command, duration, facts, home_command, narrate, plain
from node.commands.lazy import DefaultGroup
from node.commands.lifecycle import start_and_show
from node.commands.options import Duration, daemon_command, is_peer_address
from node.control import launcher
from node.control.api import InviteRequest, JoinRequest
from node.control.client_sync import SyncClient
from node.control.limits import INVITE_ADDRESSES_MAX, INVITE_DEFAULT_S, INVITE_MAX_S, INVITE_MIN_S
from node.control.options import DaemonConfig
from node.control.schema import Invite, JoinPreview

_HOST_AND_PORT: Final = re.compile(r"(?:[a-z]{1,10}://)?\[?(?P<host>[\w.:-]+?)\]?:(?P<port>\d{1,5})/?")
_INK: Final = "\x1b[30;107m"  # black on white, whatever the terminal's own colours are
_PLAIN: Final = "\x1b[0m"
_LINES_BESIDE: Final = 6  # of a terminal's rows: the invite itself, its sentence and the prompt


@click.command()
@click.argument("target", metavar="INVITE|MULTIADDR", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Show what the invite says and stop there.")
@daemon_command
def join(env: Env, config: DaemonConfig, target: tuple[str, ...], dry_run: bool) -> int:
    """Join a network: start this home's node on it, or connect the running one.

    TARGET is an invite (nd1…) or the address of any node (/ip4/…/tcp/…/p2p/…). A multiaddress names no network: the
    first answer is believed and kept.

    \b
    Examples:
      neurond join nd1…
      neurond join nd1… --dry-run
      neurond join /ip4/192.0.2.7/tcp/4001/p2p/12D3… --role miner
    """
    where = _checked(_whole(target))
    if dry_run:
        return _show_preview(env, where)
    if launcher.find(env.home) is not None:
        with SyncClient(env.home) as client:
            joined = client.call(JoinRequest(where))
        env.emit(joined, lambda: click.echo(f"Connected to {joined.peer_id} of {joined.network}."))
        return 0
    start_and_show(env, _with_target(config, where))
    return 0


def _whole(parts: tuple[str, ...]) -> str:
    """An invite that a mail or a chat broke into several words is one again; of anything else there is one."""
    words = " ".join(parts).split()
    if len(words) > 1 and not (words[0].startswith("nd1") and all(word.isalnum() for word in words)):
        raise click.UsageError(f"Name one invite or address; {words[1][:40]!r} is one too many.")
    return "".join(words)


def _checked(target: str) -> str:
    if target.startswith("nd1") or is_peer_address(target):
        return target
    raise click.BadParameter(_instead_of(target), param_hint="INVITE|MULTIADDR")


def _instead_of(target: str) -> str:
    """What to write instead of something that is neither an invite nor the address of a peer."""
    add = "add /p2p/ and the peer id that `neurond status` shows there"
    if target.startswith(("/ip4/", "/ip6/", "/dns")):
        return f"the address does not say who listens there: {add}"
    plain = _HOST_AND_PORT.fullmatch(target)
    if plain is not None:
        kind = "ip4" if plain["host"].replace(".", "").isdigit() else "ip6" if ":" in plain["host"] else "dns"
        return f"write it as /{kind}/{plain['host']}/tcp/{plain['port']}, and {add}"
    if target.startswith("12D3Koo"):
        return "that is a peer id: put its address in front, /ip4/…/tcp/…/p2p/12D3Koo…, or ask for an invite"
    return "write an invite (nd1…) or a node's address (/ip4/…/tcp/…/p2p/…)"


def _with_target(config: DaemonConfig, target: str) -> DaemonConfig:
    from node.service.errors import BadInvite
    from node.service.invite import read_invite
    from node.service.invite_preview import sort_addresses

    if is_peer_address(target):
        from p2p.addresses import parse_address

        parsed = parse_address(target)  # an AddressError says what is wrong with it before anything is started
        if not parsed.is_dialable:
            raise click.BadParameter(
                f"nobody can dial {parsed.host} port {parsed.port}: "
                "name the address and port at which others reach that machine",
                param_hint="INVITE|MULTIADDR",
            )
        return replace(config, bootstrap=(target,))
    invite = read_invite(target, _now_ms())
    usable, unusable = sort_addresses(invite.addresses)
    if not usable:
        raise BadInvite(f"This invite names no address that this version can dial ({', '.join(unusable)}).")
    narrate(f"joining {invite.network} (genesis {invite.genesis_hash.hex()[:16]}…)")
    return replace(config, bootstrap=usable, genesis_hash=invite.genesis_hash.hex())


@click.group(cls=DefaultGroup, default="new")
def invite() -> None:
    """Print an invite to this node's network, or show what one says.

    \b
    Examples:
      neurond invite
      neurond invite --for 30d --address /dns4/node.example.org/tcp/4001
      neurond invite show nd1…
    """


@invite.command("new")
@click.option(
    "--for", "valid_s", type=Duration(INVITE_MIN_S, INVITE_MAX_S), default=float(INVITE_DEFAULT_S), show_default="7d",
    metavar="DURATION", help="How long it is good: 1h, 30d, at most 365d.",
)  # fmt: skip
@click.option(
    "--address", "addresses", multiple=True, metavar="MULTIADDR",
    help="Where others reach this node, in front of the addresses that it knows itself. May be repeated.",
)  # fmt: skip
@click.option("--only", is_flag=True, help="Leave out the addresses that the node knows itself.")
@click.option("--qr/--no-qr", default=None, help="Draw a QR code too. Default: on a terminal, when it fits.")
@command
def new_invite(env: Env, valid_s: float, addresses: tuple[str, ...], only: bool, qr: bool | None) -> None:
    """Print an invite: one line with which another machine joins this node's network.

    \b
    Examples:
      neurond invite
      neurond invite --for 30d
      neurond invite --address /ip4/203.0.113.7/tcp/4001 --only
    """
    if only and not addresses:
        raise click.UsageError("--only leaves nothing to put in: name an address with --address.")
    if len(addresses) > INVITE_ADDRESSES_MAX:
        raise click.UsageError(f"An invite has room for {INVITE_ADDRESSES_MAX} addresses.")
    with SyncClient(env.home) as client:
        made = client.call(InviteRequest(int(valid_s), addresses, only))

    def render() -> None:
        click.echo(made.text)
        _show_qr(made.text, qr)
        _narrate_invite(made)

    env.emit(made, render)


@invite.command("show")
@click.argument("text", metavar="INVITE")
@home_command
def show_invite(env: Env, text: str) -> int:
    """Show what an invite says: network, genesis, inviter, addresses, expiry. Asks no node and joins nothing.

    \b
    Example:
      neurond invite show nd1…
    """
    if not text.strip().startswith("nd1"):
        raise click.BadParameter("an invite begins with nd1; for an address there is nothing to show")
    return _show_preview(env, text)


def _show_preview(env: Env, target: str) -> int:
    """Print what joining would do; 1 when it would not work."""
    from node.service.home import Home
    from node.service.invite_preview import preview

    found = preview(target, Home(env.home), _now_ms())
    env.emit(found, lambda: _render_preview(found))
    return 1 if found.problem else 0


def _render_preview(found: JoinPreview) -> None:
    rows: list[tuple[str, object]] = []
    if found.genesis_hash:
        rows = [("network", found.network), ("genesis", found.genesis_hash), ("inviter", found.inviter)]
    else:
        rows = [("network", "unknown: an address names none, the first answer is believed and kept")]
    if found.expires_ms is not None:
        left_s = found.expires_ms / 1000 - time.time()
        rows.append(("good until", f"{_day(found.expires_ms)} ({duration(left_s)} left)" if left_s > 0 else "expired"))
    rows += [("address", address) for address in found.addresses]
    rows += [("no use here", address) for address in found.unusable]
    rows.append(("joining", found.problem or "nothing speaks against it; no node was asked yet"))
    facts(rows)


def _narrate_invite(made: Invite) -> None:
    for address in made.addresses:
        narrate(f"leads to {plain(address)}")
    if all("/ip4/127." in address or "/ip6/::1/" in address for address in made.addresses):
        narrate("it works on this machine alone; name another address with --address, or start with --listen")
    narrate(f"for {made.network}, good until {_day(made.expires_ms)}; on the other machine: neurond join nd1…")


def _show_qr(text: str, wanted: bool | None) -> None:
    if wanted is False or (wanted is None and not sys.stdout.isatty()):
        return
    from node.control.qr import inverted, qr_lines

    size = shutil.get_terminal_size()
    is_terminal = sys.stdout.isatty()
    lines = qr_lines(text, size.columns if is_terminal else 1000, size.lines - _LINES_BESIDE if is_terminal else 1000)
    if not lines:
        narrate("no QR code: this terminal is too small for it; make it larger, or name one address with --only")
        return
    if not is_terminal or "NO_COLOR" in os.environ:
        click.echo("\n".join(inverted(lines)))
        return
    for line in lines:
        click.echo(f"{_INK}{line}{_PLAIN}", color=True)


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000).strftime("%Y-%m-%d %H:%M")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
