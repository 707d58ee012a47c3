"""`neurond devnet`: a whole network of processes on this machine."""

from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, facts, home_command, show_progress, table
from node.control.options import CHEAT_KINDS, DEFAULT_MODEL, CheatKind, DevnetNode, DevnetOptions, DevnetStatus

_DEFAULT: Final = DevnetOptions(Path())
_NODES_MAX: Final = 32  # a process each; more would only fight for the cores


@click.group()
def devnet() -> None:
    """A whole network on this machine: authorities, validators, miners, one process each.

    \b
    Example:
      neurond devnet up --nodes 4 --cheat random
    """


@devnet.command("up")
@click.option(
    "--nodes", type=click.IntRange(1, _NODES_MAX), default=_DEFAULT.nodes, show_default=True, help="Honest nodes."
)
@click.option(
    "--authorities", type=click.IntRange(1, _NODES_MAX), default=_DEFAULT.authorities, show_default=True,
    help="How many of them produce blocks and validate.",
)  # fmt: skip
@click.option(
    "--cheat", "cheaters", type=click.Choice(CHEAT_KINDS), multiple=True,
    help="Add a dishonest miner of this kind. May be repeated.",
)  # fmt: skip
@click.option(
    "--slot-ms", type=click.IntRange(100, 60_000), default=_DEFAULT.slot_ms, show_default=True, help="Length of a slot."
)
@click.option(
    "--tempo", type=click.IntRange(2, 7200), default=_DEFAULT.tempo, show_default=True, help="Blocks in an epoch."
)
@click.option(
    "--epoch-slots", type=click.IntRange(2, 7200), default=_DEFAULT.epoch_slots, show_default=True,
    help="Slots in an authority epoch: how fast the set of authorities can change.",
)  # fmt: skip
@click.option(
    "--subnet", "subnets", multiple=True, default=_DEFAULT.subnets, show_default=True,
    help="Rules of a subnet (see `neurond subnet list`). May be repeated: honest nodes work in all of them.",
)  # fmt: skip
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model that miners serve.")
@click.option("--model-store", type=click.Path(path_type=Path, file_okay=False), help="Folder of models.")
@click.option(
    "--base-port", type=click.IntRange(0, 65_000), default=0, show_default=True, help="First TCP port; 0: free ones."
)
@home_command
def up(
    env: Env,
    nodes: int,
    authorities: int,
    cheaters: tuple[CheatKind, ...],
    slot_ms: int,
    tempo: int,
    epoch_slots: int,
    subnets: tuple[str, ...],
    model: str,
    model_store: Path | None,
    base_port: int,
) -> None:
    """Start a network; one home for each node under --home. A network that is there already goes on.

    \b
    Examples:
      neurond devnet up
      neurond devnet up --nodes 4 --home ./net --cheat random
    """
    if authorities > nodes:
        raise click.UsageError(f"{authorities} authorities do not fit into {nodes} nodes.")
    from node.service.devnet import up as bring_up
    from node.subnets.registry import known_subnets

    strange = [name for name in subnets if name not in known_subnets()]
    if strange:
        raise click.UsageError(f"There are no rules called {strange[0]!r}; known are {', '.join(known_subnets())}.")

    options = DevnetOptions(
        home=env.devnet_home,
        nodes=nodes,
        authorities=authorities,
        slot_ms=slot_ms,
        tempo=tempo,
        epoch_slots=epoch_slots,
        cheaters=cheaters,
        model=model,
        model_store=None if model_store is None else model_store.expanduser().absolute(),
        base_port=base_port,
        subnets=subnets,
    )
    status = bring_up(options, show_progress)
    env.emit(status, lambda: _render(status))


@devnet.command("down")
@home_command
def down(env: Env) -> None:
    """Stop all nodes of the network under --home.

    \b
    Example:
      neurond devnet down
    """
    from node.service.devnet import down as bring_down

    bring_down(env.devnet_home, show_progress)
    env.emit({"stopped": True}, lambda: click.echo("The network has stopped."))


@devnet.command("status")
@home_command
def status(env: Env) -> None:
    """Show the nodes of the network under --home.

    \b
    Example:
      neurond devnet status --json
    """
    from node.service.devnet import status as look

    found = look(env.devnet_home)
    env.emit(found, lambda: _render(found))


def _render(found: DevnetStatus) -> None:
    facts([("network", f"{found.network} ({found.genesis_hash[:16]}…)"), ("home", found.home)])
    rows = [
        (
            node.name,
            _role(node),
            "stopped" if node.pid is None else node.pid,
            "-" if node.height is None else f"{node.height:,}",
            "-" if node.finalized_height is None else f"{node.finalized_height:,}",
            node.gateway_url or "-",
            node.home,
        )
        for node in found.nodes
    ]
    columns = ("node", "role", "process", "height", "finalized", "gateway", "home")
    table(columns, rows, right=("process", "height", "finalized"), empty="No nodes.")


def _role(node: DevnetNode) -> str:
    cheat = f" (cheats: {node.cheat})" if node.cheat else ""
    return f"{node.role}{' and authority' if node.authority else ''}{cheat}"
