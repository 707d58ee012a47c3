"""`neurond subnets` and `neurond metagraph`: what is mined and who takes part."""

from typing import Final

import click

from node.commands.common import Env, command, facts, short, table
from node.commands.errors import NothingThere
from node.commands.lazy import DefaultGroup
from node.commands.money import MoneyOptions, money_command, run_intent
from node.commands.options import NETUID
from node.commands.prices import price
from node.commands.sudo import burn_cost, create, hyperparameters
from node.commands.wallet_show import address_of
from node.control.amounts import format_amount
from node.control.api import Api, MetagraphRequest, SubnetsRequest
from node.control.client_sync import SyncClient
from node.control.intents import RegisterIntent
from node.control.schema import Neuron, SubnetInfo

METAGRAPH_COLUMNS: Final = (
    "uid", "hotkey", "role", "stake", "incentive", "dividends", "v-trust", "consensus", "emission", "updated",
)  # fmt: skip
_U16_MAX = 65_535


@click.group(cls=DefaultGroup, default="list")
def subnets() -> None:
    """List subnets, show one, register on one.

    \b
    Example:
      neurond subnets show 1
    """


subnets.add_command(price)
for _each in (hyperparameters, burn_cost, create):
    subnets.add_command(_each)


@subnets.command("list")
@command
def list_subnets(env: Env) -> None:
    """List all subnets with price, pool and seats.

    \b
    Example:
      neurond subnets list
    """
    with SyncClient(env.home) as client:
        found = client.call(SubnetsRequest())
    rows = [
        (
            each.netuid,
            each.name,
            format_amount(each.price_rao, decimals=6),
            format_amount(each.pool_rao, decimals=3),
            format_amount(each.emission_rao_per_block, decimals=4),
            f"{each.blocks_to_epoch}/{each.tempo_blocks}",
            f"{each.neurons}/{each.neurons_max}",
            format_amount(each.burn_rao, decimals=4),
        )
        for each in found
    ]
    columns = ("netuid", "name", "price of 1 α", "pool", "emission/block", "to epoch", "neurons", "burn")
    env.emit(found, lambda: table(columns, rows, right=("netuid", *columns[2:]), empty="There are no subnets."))


@subnets.command("show")
@click.argument("netuid", type=NETUID)
@command
def show(env: Env, netuid: int) -> None:
    """Show one subnet and its hyperparameters.

    \b
    Example:
      neurond subnets show 1
    """
    with SyncClient(env.home) as client:
        subnet = next((each for each in client.call(SubnetsRequest()) if each.netuid == netuid), None)
    if subnet is None:
        raise NothingThere(f"There is no subnet {netuid}.", remedy="See `neurond subnets list`.")
    shown = subnet
    env.emit(shown, lambda: facts(subnet_facts(shown)))


@subnets.command("register")
@click.argument("netuid", type=NETUID)
@click.option("--hotkey", metavar="SS58", help="Who gets the seat. Default: the running node's hotkey.")
@money_command
def register(env: Env, money: MoneyOptions, netuid: int, hotkey: str | None) -> None:
    """Buy a seat on a subnet at the burn price.

    \b
    Example:
      neurond subnets register 1 --dry-run
    """

    async def intent(api: Api, _sender: str) -> RegisterIntent:
        return RegisterIntent(netuid, await hotkey_of(env, api, hotkey))

    run_intent(env, money, intent)


async def hotkey_of(env: Env, api: Api, named: str | None) -> str:
    """Return the address that `named` stands for, the running node's hotkey without one. Raises AddressError."""
    return await node_hotkey(api) if named is None else address_of(env, named)


async def node_hotkey(api: Api) -> str:
    """Return the running node's hotkey; NothingThere when it has none."""
    found = (await api.status()).hotkey
    if found is None:
        raise NothingThere("The running node has no hotkey.", remedy="Name one with --hotkey.")
    return found


@click.command()
@click.argument("netuid", type=NETUID, default=1)
@command
def metagraph(env: Env, netuid: int) -> None:
    """Show all neurons of a subnet: stake, incentive, dividends, emission.

    \b
    Example:
      neurond metagraph 1
    """
    with SyncClient(env.home) as client:
        found = client.call(MetagraphRequest(netuid))
    rows = [metagraph_row(each, found.height) for each in found.neurons]
    right, empty = ("uid", *METAGRAPH_COLUMNS[3:]), f"Nobody is registered on subnet {netuid}."
    env.emit(found, lambda: table(METAGRAPH_COLUMNS, rows, right=right, empty=empty))


def metagraph_row(each: Neuron, height: int) -> tuple[object, ...]:
    """Return a neuron's cells under METAGRAPH_COLUMNS, as of block `height`."""
    return (
        each.uid,
        short(each.hotkey),
        f"{'validator' if each.validator_permit else 'miner'}{'' if each.active else ' (idle)'}",
        format_amount(each.stake_rao, "α", decimals=3),
        _share(each.incentive_u16),
        _share(each.dividends_u16),
        _share(each.validator_trust_u16),
        _share(each.consensus_u16),
        format_amount(each.emission_alpha, "α", decimals=4),
        f"{height - each.last_update} blocks ago" if each.last_update else "never",
    )


def _share(value_u16: int) -> str:
    return f"{100 * value_u16 / _U16_MAX:.2f} %"


def subnet_facts(subnet: SubnetInfo) -> list[tuple[str, object]]:
    """Return what is shown of one subnet, label and value."""
    return [
        ("netuid", subnet.netuid),
        ("name", subnet.name),
        ("owner", subnet.owner),
        ("started", "yes" if subnet.started else "no"),
        ("price of 1 α", format_amount(subnet.price_rao)),
        ("pool", f"{format_amount(subnet.pool_rao)} and {format_amount(subnet.pool_alpha, 'α')}"),
        ("outstanding", format_amount(subnet.outstanding_alpha, "α")),
        ("emission per block", format_amount(subnet.emission_rao_per_block)),
        ("epoch", f"{subnet.blocks_to_epoch} blocks left of {subnet.tempo_blocks}"),
        ("neurons", f"{subnet.neurons} of {subnet.neurons_max}"),
        ("registration burns", format_amount(subnet.burn_rao)),
        *((each.name, f"{each.value} {each.unit}".rstrip()) for each in subnet.parameters),
    ]
