"""`neurond stake gains`: what staking has brought an account so far, subnet by subnet."""

import click

from node.commands.common import Env, command, narrate, table
from node.commands.prices import change
from node.commands.wallet import address_of
from node.commands.wallet_history import history_pages
from node.control.amounts import format_amount
from node.control.api import AccountRequest, SubnetsRequest
from node.control.client_sync import SyncClient
from node.control.gains import Gain, Gains, gains_of
from node.control.options import DEFAULT_WALLET


@click.command("gains")
@click.argument("who", default=DEFAULT_WALLET, metavar="[NAME|SS58]")
@command
def gains(env: Env, who: str) -> None:
    """Show what stake has brought: put in, taken out, worth now. Rewards count as gained; other fees are not in it.

    \b
    Examples:
      neurond stake gains
      neurond stake gains savings --json
    """
    with SyncClient(env.home) as client:
        account = client.call(AccountRequest(address_of(env, who)))
        names = {0: "root"} | {each.netuid: each.name for each in client.call(SubnetsRequest())}
        pages = list(history_pages(client, account.address))
    found = gains_of(account, (item for page in pages for item in page.items), pages[-1].kept_from)
    env.emit(found, lambda: _show(found, names))
    if pages[-1].more:
        narrate("The past is longer than what was searched; older flows are missing here.")
    elif found.since_height > 1:
        narrate(f"This node keeps events from block {found.since_height:,} on; stake of before counts as gained.")


def _show(found: Gains, names: dict[int, str]) -> None:
    rows = [
        (each.netuid, names.get(each.netuid, ""), *_amounts(each), change(each.put_rao, each.put_rao + each.gain_rao))
        for each in found.subnets
    ]
    columns = ("netuid", "subnet", "put in", "taken out", "worth now", "gain", "of put in")
    table(columns, rows, right=("netuid", *columns[2:]), empty="Nothing was staked, as far as this node knows.")
    if rows:
        put, taken, worth, gain = _amounts(found)
        click.echo(f"put in {put}, taken out {taken}, worth {worth}: gain {gain} at block {found.height:,}")


def _amounts(each: Gain | Gains) -> tuple[str, ...]:
    flows = (each.put_rao, each.taken_rao, each.worth_rao, each.gain_rao)
    return tuple(format_amount(rao, decimals=4) for rao in flows)
