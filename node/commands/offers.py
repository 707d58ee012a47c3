"""`neurond offers`: what miners take for their work, and what this node takes."""

from typing import Final

import click

from node.commands.common import Env, command, facts, narrate, table
from node.commands.lazy import DefaultGroup
from node.commands.options import NETUID
from node.control.amounts import format_amount, parse_price
from node.control.client_sync import SyncClient
from node.control.errors import BadAmount
from node.control.journal_api import OffersRequest, OffersSetRequest, PriceWish
from node.control.views.journals import OfferBoard, PriceView

_FREE: Final = "nothing"
_NETUID = click.option("--netuid", type=NETUID, help="Default: the subnet this node works in.")


class _Price(click.ParamType[PriceWish]):
    """UNIT=AMOUNT, an amount of τ for a million units; 0 takes the price away."""

    name = "price"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> PriceWish:
        """Return the wish that the text makes."""
        unit, separator, amount = str(value).partition("=")
        if not separator or not unit.strip():
            self.fail("write UNIT=AMOUNT, such as completion_tokens=0.02", param, ctx)
        try:
            rao = parse_price(amount)
        except BadAmount as error:
            self.fail(str(error), param, ctx)
        return PriceWish(unit.strip(), rao)


@click.group(cls=DefaultGroup, default="list")
def offers() -> None:
    """Prices of miners, in τ for a million units, as they say them in their journals.

    \b
    Example:
      neurond offers set --price completion_tokens=0.02 --price prompt_tokens=0.005
    """


@offers.command("list")
@_NETUID
@command
def list_offers(env: Env, netuid: int | None) -> None:
    """List what all miners of a subnet take now, and this node's own terms.

    \b
    Example:
      neurond offers list --netuid 1 --json
    """
    with SyncClient(env.home) as client:
        board = client.call(OffersRequest(netuid))
    env.emit(board, lambda: _render(board))


@offers.command("set")
@_NETUID
@click.option(
    "--price", "prices", type=_Price(), multiple=True, metavar="UNIT=AMOUNT",
    help="τ for a million units; 0 takes the price away; MODEL/UNIT is for one model alone. May be repeated.",
)  # fmt: skip
@click.option("--concurrency", type=click.IntRange(1, 65_535), help="Calls this node takes at once.")
@click.option("--free", is_flag=True, help="Take all prices away first.")
@command
def set_offers(
    env: Env, netuid: int | None, prices: tuple[PriceWish, ...], concurrency: int | None, free: bool
) -> None:
    """Set what this node takes for its work. A miner tells it at once, all others when they become one.

    \b
    Examples:
      neurond offers set --price completion_tokens=0.02 --concurrency 4
      neurond offers set --free
    """
    if not prices and concurrency is None and not free:
        raise click.UsageError("Name what to change: --price, --concurrency or --free.")
    with SyncClient(env.home) as client:
        board = client.call(OffersSetRequest(netuid, prices, concurrency, free))
    env.emit(board, lambda: _render_own(board))


def _render(board: OfferBoard) -> None:
    rows = [
        (each.uid, each.hotkey, _prices(each.prices), each.concurrency, max(0, each.valid_until - board.height))
        for each in board.offers
    ]
    columns = ("uid", "hotkey", "τ for a million", "at once", "blocks left")
    table(columns, rows, right=("uid", "at once", "blocks left"), empty=f"No miner of subnet {board.netuid} offers.")
    click.echo()
    _render_own(board)


def _render_own(board: OfferBoard) -> None:
    facts(
        [
            ("subnet", board.netuid),
            ("own prices", _prices(board.own_prices)),
            ("at once", board.own_concurrency),
            ("units", ", ".join(board.units)),
        ]
    )
    if board.problem:
        narrate(f"Others do not know these terms yet: {board.problem}")


def _prices(prices: tuple[PriceView, ...]) -> str:
    return ", ".join(f"{each.unit} {format_amount(each.rao)}" for each in prices) or _FREE
