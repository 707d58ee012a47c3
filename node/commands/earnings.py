"""`neurond earnings`: what this node's hotkey was paid by the chain and by callers, and whose it is."""

from typing import Final

import click

from node.commands.common import Env, command, facts, table
from node.commands.options import NETUID
from node.control.amounts import format_amount
from node.control.client_sync import SyncClient
from node.control.schema import ChannelBoard, Earnings, EpochEarning, View

EPOCHS_SHOWN: Final = 10


class SubnetEarning(View, frozen=True):
    """Sums over the epochs shown of one subnet; `value_rao` at the prices of their time."""

    netuid: int
    epochs: int
    incentive_alpha: int
    dividends_alpha: int
    value_rao: int


class EarningsView(View, frozen=True):
    """Emission by subnet and epoch, oldest first, which is staked for the coldkey; and what callers paid the hotkey.

    `calls_rao` is promised by callers in open channels, `redeemed_rao` of it is on the hotkey's account; `shared_rao`
    of all that callers ever paid belongs to others, such as creators of chutes.
    """

    hotkey: str | None
    coldkey: str | None
    subnets: tuple[SubnetEarning, ...]
    epochs: tuple[EpochEarning, ...]
    total_value_rao: int
    calls_rao: int
    redeemed_rao: int
    shared_rao: int


@click.command()
@click.option("--netuid", type=NETUID, help="Default: all subnets.")
@click.option(
    "--epochs", type=click.IntRange(0, 100), default=EPOCHS_SHOWN, show_default=True,
    help="How many of the last epochs to list, of the 100 that a node remembers.",
)  # fmt: skip
@command
def earnings(env: Env, netuid: int | None, epochs: int) -> None:
    """Show what this node earned: emission by subnet and epoch, and what callers paid.

    \b
    Examples:
      neurond earnings
      neurond earnings --netuid 1 --epochs 100 --json
    """
    from node.control.api import EarningsRequest, StatusRequest
    from node.control.errors import RemoteError
    from node.control.money_api import ChannelsRequest

    with SyncClient(env.home) as client:
        found, coldkey = client.call(EarningsRequest()), client.call(StatusRequest()).coldkey
        try:
            board = client.call(ChannelsRequest())
        except RemoteError:  # a node without a hotkey keeps no channels
            board = None
    shown = summary(found, coldkey, board, netuid, epochs)
    env.emit(shown, lambda: _render(shown))


def summary(
    found: Earnings, coldkey: str | None, board: ChannelBoard | None, netuid: int | None, epochs: int
) -> EarningsView:
    """Sums by subnet, and the newest epochs of them."""
    rows = [each for each in found.epochs if netuid in (None, each.netuid)]
    subnets = []
    for number in sorted({each.netuid for each in rows}):
        here = [each for each in rows if each.netuid == number]
        subnets.append(
            SubnetEarning(
                number, len(here), sum(each.incentive_alpha for each in here),
                sum(each.dividends_alpha for each in here), sum(each.value_rao for each in here),
            )
        )  # fmt: skip
    income = [] if board is None else [each for each in board.channels if each.side == "payee"]
    return EarningsView(
        found.hotkey, coldkey, tuple(subnets), tuple(rows[len(rows) - min(epochs, len(rows)) :]),
        sum(each.value_rao for each in rows), sum(each.promised_rao for each in income),
        sum(each.redeemed_rao for each in income), 0 if board is None else sum(each.owed_rao for each in board.dues),
    )  # fmt: skip


def _render(shown: EarningsView) -> None:
    facts([("hotkey", shown.hotkey or "none"), ("goes to the coldkey", shown.coldkey or "none")])
    click.echo()
    columns = ("subnet", "epochs", "as miner", "as validator", "worth then")
    rows = [
        (each.netuid, each.epochs, format_amount(each.incentive_alpha, "α", 6),
         format_amount(each.dividends_alpha, "α", 6), format_amount(each.value_rao, decimals=6))
        for each in shown.subnets
    ]  # fmt: skip
    table(columns, rows, right=columns, empty="No epoch has paid this node anything yet. `neurond why` says why.")
    if shown.epochs:
        click.echo()
        columns = ("block", "subnet", "as miner", "as validator", "worth then")
        lines = [
            (f"{each.height:,}", each.netuid, format_amount(each.incentive_alpha, "α", 6),
             format_amount(each.dividends_alpha, "α", 6), format_amount(each.value_rao, decimals=6))
            for each in reversed(shown.epochs)
        ]  # fmt: skip
        table(columns, lines, right=columns, empty="")
    click.echo()
    facts(
        [
            ("promised by callers", format_amount(shown.calls_rao)),
            ("of it redeemed", format_amount(shown.redeemed_rao)),
            ("belongs to others", format_amount(shown.shared_rao)),
        ]
    )
