"""`neurond subnets price`: what a subnet's α cost, period by period, as this node followed it."""

import time

import click

from node.commands.common import Env, command, table
from node.commands.options import netuid_option
from node.control.amounts import format_amount
from node.control.client_sync import SyncClient
from node.control.price_api import CANDLES_PER_PAGE_MAX, PricesRequest
from node.control.views.prices import INTERVALS, Candle, Interval, PriceHistory

_SPARKS = "▁▂▃▄▅▆▇█"
_SHOWN_DEFAULT = 24


@click.command("price")
@netuid_option
@click.option("--interval", type=click.Choice(INTERVALS), default="1h", show_default=True, help="Length of a candle.")
@click.option(
    "--limit", type=click.IntRange(1, CANDLES_PER_PAGE_MAX), default=_SHOWN_DEFAULT, show_default=True,
    help="How many of the last candles.",
)  # fmt: skip
@command
def price(env: Env, netuid: int, interval: Interval, limit: int) -> None:
    """Show the price of a subnet's α as candles: open, high, low, close and the τ that was traded.

    The candles are this node's own record of final blocks; a node that joined by a snapshot begins there.

    \b
    Example:
      neurond subnets price --netuid 1 --interval 4h
    """
    with SyncClient(env.home) as client:
        found = client.call(PricesRequest(netuid, interval, limit))
    env.emit(found, lambda: _render(found))


def _render(found: PriceHistory) -> None:
    rows = [
        (
            time.strftime("%Y-%m-%d %H:%M", time.localtime(each.start_ms / 1000)),
            *(format_amount(rao, "", 6) for rao in (each.open_rao, each.high_rao, each.low_rao, each.close_rao)),
            change(each.open_rao, each.close_rao),
            format_amount(each.volume_rao, decimals=3),
        )
        for each in found.candles
    ]
    columns = ("from", "open", "high", "low", "close", "change", "volume")
    empty = "This node has seen no final block of this subnet yet."
    table(columns, rows, right=columns[1:], empty=empty)
    if len(found.candles) > 1:
        click.echo(f"{spark(found.candles)}  close of {found.interval} candles, τ for 1 α")


def change(before_rao: int, now_rao: int) -> str:
    """Return how far a price has gone, signed and in per cent; "–" where it came from nothing."""
    return "–" if before_rao <= 0 else f"{100 * (now_rao - before_rao) / before_rao:+.2f} %"


def spark(candles: tuple[Candle, ...]) -> str:
    """Return the closing prices as one row of bars, from the lowest to the highest."""
    closes = [each.close_rao for each in candles]
    low, span = min(closes), max(closes) - min(closes)
    return "".join(_SPARKS[(close - low) * 7 // span if span else 3] for close in closes)
