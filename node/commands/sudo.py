"""`neurond sudo` and what else an owner does to a subnet: read and set its hyperparameters, create one, start it."""

import click

from node.commands.common import Env, command, facts
from node.commands.errors import NothingThere
from node.commands.money import MoneyOptions, money_command, wallet_of
from node.commands.options import NETUID
from node.control.api import SubnetsRequest
from node.control.client_sync import SyncClient
from node.control.options import DEFAULT_HOTKEY
from node.control.schema import SubnetInfo


@click.group()
def sudo() -> None:
    """Read a subnet's hyperparameters, and set those of your own.

    \b
    Examples:
      neurond sudo get 1
      neurond sudo set 1 immunity_period 5000 --dry-run
    """


@sudo.command("get")
@click.argument("netuid", type=NETUID)
@click.argument("parameter", required=False)
@command
def get(env: Env, netuid: int, parameter: str | None) -> None:
    """Show the hyperparameters of a subnet, or one of them.

    \b
    Example:
      neurond sudo get 1 tempo_blocks
    """
    show_hyperparameters(env, netuid, parameter)


@sudo.command("set")
@click.argument("netuid", type=NETUID)
@click.argument("parameter")
@click.argument("value", type=click.IntRange(0, 2**63 - 1))
@money_command
def set_parameter(env: Env, money: MoneyOptions, netuid: int, parameter: str, value: int) -> None:
    """Set a hyperparameter of a subnet of yours, in its own unit; flags are 0 or 1.

    \b
    Example:
      neurond sudo set 1 immunity_period 5000 --dry-run
    """
    _send(env, money, "set_hyperparameter", {"netuid": netuid, "parameter": parameter, "value": value})


@click.command("hyperparameters")
@click.argument("netuid", type=NETUID)
@command
def hyperparameters(env: Env, netuid: int) -> None:
    """Show the hyperparameters of a subnet.

    \b
    Example:
      neurond subnets hyperparameters 1
    """
    show_hyperparameters(env, netuid, None)


@click.command("burn-cost")
@click.argument("netuid", type=NETUID)
@command
def burn_cost(env: Env, netuid: int) -> None:
    """Show what a seat on a subnet costs now.

    \b
    Example:
      neurond subnets burn-cost 1
    """
    from node.control.amounts import format_amount

    found = _subnet(env, netuid)
    env.emit(
        {"netuid": netuid, "burn_rao": found.burn_rao}, lambda: click.echo(format_amount(found.burn_rao))
    )  # fmt: skip


@click.command("create")
@click.option("--hotkey", default=DEFAULT_HOTKEY, show_default=True, help="Hotkey of the wallet, gets the first seat.")
@money_command
def create(env: Env, money: MoneyOptions, hotkey: str) -> None:
    """Create a subnet for the lock cost, which the preview shows; it goes into the subnet's pool.

    \b
    Example:
      neurond subnets create --dry-run
    """
    address = next((each.address for each in wallet_of(env, money).hotkeys() if each.name == hotkey), hotkey)
    _send(env, money, "register_network", {"hotkey": address})


def show_hyperparameters(env: Env, netuid: int, name: str | None) -> None:
    """Print the hyperparameters of a subnet, or the one called `name`."""
    found = _subnet(env, netuid).parameters
    if name is not None:
        found = tuple(each for each in found if each.name == name)
        if not found:
            raise NothingThere(f"Subnet {netuid} has no hyperparameter {name[:60]!r}.", remedy="Leave it out for all.")
    env.emit(found, lambda: facts([(each.name, f"{each.value} {each.unit}".rstrip()) for each in found]))


def _subnet(env: Env, netuid: int) -> SubnetInfo:
    with SyncClient(env.home) as client:
        found = next((each for each in client.call(SubnetsRequest()) if each.netuid == netuid), None)
    if found is None:
        raise NothingThere(f"There is no subnet {netuid}.", remedy="See `neurond subnets list`.")
    return found


def _send(env: Env, money: MoneyOptions, name: str, arguments: dict[str, object]) -> None:
    import asyncio

    from node.commands.tx import send_call
    from node.control.call_form import build_call

    asyncio.run(send_call(env, money, build_call(name, arguments), None))
