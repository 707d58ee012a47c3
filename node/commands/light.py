"""`neurond light`: balances, positions and neurons with proofs, from nodes that need not be trusted."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from node.commands.common import Env, duration, facts, home_command, narrate, table
from node.commands.lazy import DefaultGroup
from node.commands.options import GENESIS_HASH, NETUID, is_peer_address
from node.commands.subnets import METAGRAPH_COLUMNS, metagraph_row, subnet_facts
from node.commands.wallet_show import address_of
from node.control.amounts import format_amount
from node.control.light import LightAt, LightStatus

if TYPE_CHECKING:
    from node.service.light_client import LightClient

R = TypeVar("R")
Open = Callable[[], AbstractContextManager["LightClient"]]


def _check_peers(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for each in given:
        if not each.startswith("nd1") and not is_peer_address(each):
            raise click.BadParameter(f"{each[:40]!r} is neither an invite (nd1…) nor a node's address (/ip4/…/p2p/…)")
    return given


def _light_command(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command --home, --json and what a light client starts with, handed over as `Env` and what opens one."""

    @click.option(
        "--peer",
        "peers",
        multiple=True,
        callback=_check_peers,
        metavar="INVITE|MULTIADDR",
        help="A full node to ask, may be repeated; remembered.",
    )
    @click.option("--checkpoint", metavar="H:BLOCK:SET", help="Begin at this block, from somebody you trust.")
    @click.option("--genesis-hash", type=GENESIS_HASH, metavar="HEX", help="Genesis that the network must have.")
    @home_command
    @functools.wraps(function)
    def wrapped(
        env: Env, *, peers: tuple[str, ...], checkpoint: str | None, genesis_hash: str | None, **others: Any
    ) -> R:
        return function(env, lambda: _client(env, peers, checkpoint, genesis_hash), **others)

    return wrapped


@contextmanager
def _client(
    env: Env, peers: tuple[str, ...], checkpoint: str | None, genesis_hash: str | None
) -> "Iterator[LightClient]":
    from node.service.light_client import LightClient
    from node.service.light_home import FOLDER

    with LightClient(env.home / FOLDER, peers, genesis_hash=genesis_hash, checkpoint=checkpoint) as client:
        for warning in client.warnings():
            narrate(f"warning: {warning}")
        yield client


@click.group(cls=DefaultGroup, default="status")
def light() -> None:
    """Ask any nodes of a network and believe none of them: every answer is proven.

    A light client follows the chain by one certified header an epoch and keeps a few kilobytes. It needs no node of
    its own.

    \b
    Example:
      neurond light --peer nd1…
      neurond light balance 5F3s…
    """


@light.command()
@_light_command
def status(env: Env, opened: Open) -> None:
    """Follow to the newest certified block and show it.

    \b
    Example:
      neurond light status --peer /ip4/192.0.2.7/tcp/4001/p2p/12D3…
    """
    with opened() as client:
        shown = client.status()
    env.emit(shown, lambda: facts(_status_facts(shown)))


@light.command()
@_light_command
def checkpoint(env: Env, opened: Open) -> None:
    """Print what this client trusts now as a checkpoint for somebody else.

    \b
    Example:
      neurond light checkpoint
    """
    with opened() as client:
        shown = client.status()
    env.emit({"checkpoint": shown.checkpoint}, lambda: click.echo(shown.checkpoint))


@light.command()
@click.argument("address")
@_light_command
def balance(env: Env, opened: Open, address: str) -> None:
    """Show the free τ of an address.

    \b
    Example:
      neurond light balance 5F3s…
    """
    with opened() as client:
        shown = client.balance(address_of(env, address))
    rows = [("balance", format_amount(shown.balance_rao)), ("next nonce", shown.nonce)]
    env.emit(shown, lambda: facts([*rows, *_proof_facts(shown.at)]))


@light.command()
@click.argument("address")
@_light_command
def stakes(env: Env, opened: Open, address: str) -> None:
    """Show the positions of a coldkey.

    \b
    Example:
      neurond light stakes 5F3s…
    """
    with opened() as client:
        shown = client.stakes(address_of(env, address))
    rows = [
        (each.netuid, each.hotkey, format_amount(each.amount_alpha, "α"), format_amount(each.value_rao))
        for each in shown.stakes
    ]

    def render() -> None:
        table(("netuid", "hotkey", "stake", "worth"), rows, right=("stake", "worth"), empty="There are no positions.")
        facts([("worth", format_amount(shown.worth_rao)), *_proof_facts(shown.at)])

    env.emit(shown, render)


@light.command()
@click.argument("netuid", type=NETUID)
@_light_command
def subnet(env: Env, opened: Open, netuid: int) -> None:
    """Show one subnet and its hyperparameters.

    \b
    Example:
      neurond light subnet 1
    """
    with opened() as client:
        shown = client.subnet(netuid)
    env.emit(shown, lambda: facts([*subnet_facts(shown.subnet), *_proof_facts(shown.at)]))


@light.command()
@click.argument("netuid", type=NETUID)
@click.argument("uid", type=click.IntRange(0, 255))
@_light_command
def neuron(env: Env, opened: Open, netuid: int, uid: int) -> None:
    """Show one row of a metagraph.

    \b
    Example:
      neurond light neuron 1 0
    """
    with opened() as client:
        shown = client.neuron(netuid, uid)
    row = shown.neuron

    def render() -> None:
        if row is None:
            click.echo(f"Nobody sits on seat {uid} of subnet {netuid}.")
        else:
            facts(list(zip(METAGRAPH_COLUMNS, metagraph_row(row, shown.at.height), strict=True)))
            facts([("hotkey", row.hotkey), ("coldkey", row.coldkey)])
        facts(_proof_facts(shown.at))

    env.emit(shown, render)


@light.command()
@click.argument("netuid", type=NETUID, default=1)
@_light_command
def metagraph(env: Env, opened: Open, netuid: int) -> None:
    """Show all neurons of a subnet.

    \b
    Example:
      neurond light metagraph 1
    """
    with opened() as client:
        shown = client.metagraph(netuid)
    rows = [metagraph_row(each, shown.at.height) for each in shown.metagraph.neurons]

    def render() -> None:
        right, empty = ("uid", *METAGRAPH_COLUMNS[3:]), f"Nobody is registered on subnet {netuid}."
        table(METAGRAPH_COLUMNS, rows, right=right, empty=empty)
        facts(_proof_facts(shown.at))

    env.emit(shown, render)


def _status_facts(shown: LightStatus) -> list[tuple[str, object]]:
    return [
        ("network", f"{shown.network} ({shown.genesis_hash[:16]}…)"),
        ("authorities", f"{shown.authorities}, set {shown.set_id}"),
        ("full nodes", shown.full_nodes),
        ("trusted", f"block {shown.trusted_height:,} {shown.trusted_hash[:16]}…"),
        ("checkpoint", shown.checkpoint),
        *_proof_facts(shown.newest),
    ]


def _proof_facts(at: LightAt) -> list[tuple[str, object]]:
    return [
        ("proven at", f"block {at.height:,} {at.block_hash[:16]}…, {duration(at.age_s)} old"),
        ("state root", f"{at.state_root[:16]}…"),
        ("by way of", at.full_node),
    ]
