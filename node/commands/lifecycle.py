"""`neurond up`, `down` and `status`: the life of one node."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, command, duration, facts, home_command, show_progress
from node.commands.options import GENESIS_HASH, check_bootstrap, daemon_command
from node.control import launcher
from node.control.amounts import format_amount
from node.control.api import StatusRequest
from node.control.client_sync import SyncClient
from node.control.options import DaemonConfig
from node.control.schema import NodeStatus, Reachability, StoreStatus


@click.command()
@click.option("--foreground", is_flag=True, help="Stay in this terminal; Ctrl-C stops the node.")
@click.option(
    "--bootstrap", multiple=True, callback=check_bootstrap, metavar="MULTIADDR",
    help="A node of the network. May be repeated.",
)  # fmt: skip
@click.option(
    "--genesis", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Genesis file of the network."
)
@click.option("--genesis-hash", type=GENESIS_HASH, metavar="HEX", help="Genesis that the network must have.")
@daemon_command
def up(
    env: Env,
    config: DaemonConfig,
    foreground: bool,
    bootstrap: tuple[str, ...],
    genesis: Path | None,
    genesis_hash: str | None,
) -> int:
    """Start the node of a home, in the background unless --foreground.

    \b
    Examples:
      neurond up
      neurond up --listen /ip4/0.0.0.0/tcp/4001 --role miner
    """
    whole = replace(
        config,
        bootstrap=bootstrap or config.bootstrap,
        genesis_path=None if genesis is None else genesis.absolute(),
        genesis_hash=genesis_hash,
    )
    if foreground:
        from node.service.daemon import run

        return run(whole)
    start_and_show(env, whole)
    return 0


def start_and_show(env: Env, config: DaemonConfig) -> None:
    """Start a daemon (or find it running) and print its status."""
    launcher.start(config, show_progress)
    show_status(env)


@click.command()
@click.option("--drain/--no-drain", default=True, show_default=True, help="Finish tasks under way (at most 90 s).")
@home_command
def down(env: Env, drain: bool) -> None:
    """Stop the node of a home and wait until it is gone.

    \b
    Example:
      neurond down
    """
    stopped = launcher.stop(env.home, show_progress, drain=drain)
    text = "The node has stopped." if stopped else "No node was running."
    env.emit({"stopped": stopped}, lambda: click.echo(text))


@click.command()
@command
def status(env: Env) -> None:
    """Show how the node is: network, chain, peers, role.

    \b
    Examples:
      neurond status
      neurond status --json
    """
    show_status(env)


def show_status(env: Env) -> None:
    """Print the status of the home's running node."""
    with SyncClient(env.home) as client:
        shown = client.call(StatusRequest())
    env.emit(shown, lambda: _render(shown))


_REACH: Final = {
    "unknown": "not known yet: no peer has tried",
    "direct": "yes, peers can dial this node",
    "relayed": "through a relay",
    "unreachable": "no",
    "not_listening": "no, it listens nowhere and dials others",
}


def _reach_text(reach: Reachability) -> str:
    return f"{_REACH[reach.state]}{': ' if reach.reason else ''}{reach.reason}"


def _store_text(store: StoreStatus) -> str:
    budget = "" if store.budget_bytes is None else f" of {store.budget_bytes >> 20:,} MB"
    blocks = f", blocks from {store.bodies_from:,}" if store.bodies_from else ""
    snapshot = "" if store.snapshot_height is None else f", snapshot of {store.snapshot_height:,}"
    warning = f" ({store.warning})" if store.warning else ""
    return f"{store.mode}, {store.used_bytes >> 20:,} MB{budget} used{blocks}{snapshot}{warning}"


def _render(status: NodeStatus) -> None:
    sync = "in step"
    if status.sync.syncing:
        eta = f", {duration(status.sync.eta_s)} left" if status.sync.eta_s is not None else ""
        pace = f"{status.sync.blocks_per_s:,.0f} blocks/s"
        if status.sync.rows_total:
            there = 100 * status.sync.rows // status.sync.rows_total
            pace = f"{status.sync.rows_per_s:,.0f} rows/s, {there} % of the state"
        sync = f"syncing to {status.sync.target_height:,} at {pace}{eta}"
    seat = f"uid {status.uid} on subnet {status.netuid}" if status.uid is not None else "not registered"
    others = [str(netuid) for netuid in status.netuids if netuid != status.netuid]
    seat += f", also in subnet {', '.join(others)}" * bool(others)
    epoch = status.epoch
    facts(
        [
            ("state", f"{status.state} {status.phase}".rstrip()),
            ("network", f"{status.network} ({status.genesis_hash[:16]}…)"),
            ("role", f"{status.role}{' and authority' if status.authority else ''}, {seat}"),
            ("height", f"{status.height:,} ({sync})"),
            ("finalized", f"{status.finalized_height:,} {status.finalized_hash[:16]}…"),
            ("state root", f"{status.state_root[:16]}…"),
            ("epoch", f"{epoch.blocks_left} blocks left of {epoch.tempo_blocks}" if epoch else "-"),
            *((("trust", status.trust_warning),) if status.trust_warning else ()),
            ("peers", status.peers),
            ("peer id", status.peer_id),
            *(("address", address) for address in status.addresses),
            ("reachable", _reach_text(status.reachability)),
            ("coldkey", status.coldkey or "none"),
            ("hotkey", status.hotkey or "none"),
            ("balance", format_amount(status.balance_rao)),
            ("stake", format_amount(status.stake_rao)),
            ("keeps", _store_text(status.store)),
            ("gateway", status.gateway_url or "none"),
            ("version", status.version),
            ("process", f"{status.pid}, up {duration(status.uptime_s)}, loop lag {status.loop_lag_ms:.1f} ms"),
            ("home", status.home),
        ]
    )
