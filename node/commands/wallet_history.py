"""`neurond wallet history`: what final blocks have done to an account, as a table, JSON or CSV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from node.commands.common import Env, narrate, short, table
from node.commands.wallet_common import wallet_command
from node.control.amounts import format_amount
from node.control.client_sync import SyncClient
from node.control.history_api import HISTORY_ITEMS_MAX, HISTORY_PAGES_MAX, HistoryRequest
from node.control.history_csv import history_csv, utc_text
from node.control.options import DEFAULT_WALLET
from node.control.views.history import HistoryItem, HistoryPage

if TYPE_CHECKING:
    from node.control.wallets import WalletStore

_COUNT_MAX: Final = 100_000  # rows of one export
_DIRECTION: Final = {"in": "+", "out": "-", "self": "↔", "about": "·"}


@click.command("history")
@click.argument("who", default=DEFAULT_WALLET, metavar="[WHO]")
@click.option("--limit", type=click.IntRange(1, _COUNT_MAX), default=50, show_default=True, help="Newest events.")
@click.option("--event", "only", multiple=True, help="Only events of this name, such as Transferred; may be repeated.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with exact amounts, for a spreadsheet.")
@wallet_command
def history(env: Env, store: WalletStore, who: str, limit: int, only: tuple[str, ...], as_csv: bool) -> None:
    """What moved on WHO: a wallet, WALLET/HOTKEY, a label or an address. As far back as this node keeps events.

    \b
    Examples:
      neurond wallet history
      neurond wallet history savings --limit 10000 --csv > history.csv
    """
    from node.control.addresses import find_address

    address = find_address(env.home, who, store)
    with SyncClient(env.home) as client:
        found, last = _gather(client, address, limit, only)
    if as_csv and not env.json:
        click.echo(history_csv(found), nl=False)
    else:
        env.emit(tuple(found), lambda: _show(found))
    if last is not None and not last.more and last.kept_from > 1:
        narrate(f"This node keeps events from block {last.kept_from:,} on; older ones it cannot tell.")


def _gather(
    client: SyncClient, address: str, limit: int, only: tuple[str, ...]
) -> tuple[list[HistoryItem], HistoryPage | None]:
    found: list[HistoryItem] = []
    page: HistoryPage | None = None
    for page in history_pages(client, address):
        found += [each for each in page.items if not only or each.event in only]
        if sys.stderr.isatty() and page.more and len(found) < limit:
            narrate(f"searched back to block {page.searched_from:,}")
        if len(found) >= limit:
            break
    return found[:limit], page


def history_pages(client: SyncClient, address: str) -> Iterator[HistoryPage]:
    """Return an account's past, the newest page first, as far back as the node keeps it."""
    before: tuple[int | None, int] = (None, 0)
    for _ in range(HISTORY_PAGES_MAX):
        page = client.call(HistoryRequest(address, HISTORY_ITEMS_MAX, *before))
        yield page
        if not page.more:
            return
        before = (page.searched_from, page.searched_position)


def _show(items: list[HistoryItem]) -> None:
    rows = [
        (
            utc_text(each.time_ms), f"{each.height:,}", _DIRECTION[each.direction], each.event,
            "" if each.netuid is None else each.netuid, format_amount(each.free_rao) if each.free_rao else "",
            format_amount(each.alpha, "α") if each.alpha else "", short(each.other),
        )
        for each in items
    ]  # fmt: skip
    columns = ("time (UTC)", "block", "", "event", "netuid", "free τ", "α", "other side")
    table(columns, rows, right=("block", "netuid", "free τ", "α"), empty="No events of this account are kept here.")
