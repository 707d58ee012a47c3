"""`neurond journal`: what the hotkeys of a subnet have declared, as this node has it, and who contradicted itself."""

from typing import Final

import click

from node.commands.common import Env, command, narrate, plain, short, table
from node.commands.lazy import DefaultGroup
from node.commands.options import NETUID
from node.commands.wallet_show import address_of
from node.control.client_sync import SyncClient
from node.control.journal_api import JournalEntriesRequest, JournalForksRequest, JournalsRequest
from node.control.limits import JOURNAL_ENTRIES_PER_PAGE_MAX
from node.control.views.journals import ForkView, JournalBoard, JournalEntry, JournalPage

_BODY_CHARS: Final = 60
_NETUID = click.option("--netuid", type=NETUID, help="Default: the subnet this node works in.")


@click.group(cls=DefaultGroup, default="list")
def journal() -> None:
    """Signed logs of a subnet's hotkeys: capacity, offers, indexes and whatever else its rules want declared.

    \b
    Examples:
      neurond journal list --netuid 1
      neurond journal show 5F3s… --kind offer
    """


@journal.command("list")
@_NETUID
@command
def list_journals(env: Env, netuid: int | None) -> None:
    """List the journals of a subnet: who writes, how much of it counts, and who forked.

    \b
    Example:
      neurond journal list --netuid 1 --json
    """
    with SyncClient(env.home) as client:
        board = client.call(JournalsRequest(netuid))
    env.emit(board, lambda: _render_board(board))


@journal.command("show")
@click.argument("author")
@_NETUID
@click.option("--kind", help="Only entries of this kind.")
@click.option(
    "--limit", type=click.IntRange(1, JOURNAL_ENTRIES_PER_PAGE_MAX), default=20, show_default=True,
    help="Newest entries to show.",
)  # fmt: skip
@command
def show(env: Env, author: str, netuid: int | None, kind: str | None, limit: int) -> None:
    """Show the newest entries of AUTHOR, an address.

    \b
    Example:
      neurond journal show 5F3s… --kind offer
    """
    with SyncClient(env.home) as client:
        page = client.call(JournalEntriesRequest(address_of(env, author), netuid, kind, limit))
    env.emit(page, lambda: _render_page(page))


@journal.command("forks")
@_NETUID
@command
def forks(env: Env, netuid: int | None) -> None:
    """Show the proofs against hotkeys that signed two entries with one number. Their journals have ended for everybody.

    \b
    Example:
      neurond journal forks --netuid 1
    """
    with SyncClient(env.home) as client:
        found = client.call(JournalForksRequest(netuid))
    env.emit(found, lambda: _render_forks(found))


def _render_board(board: JournalBoard) -> None:
    rows = [
        (each.author, f"{each.newest - each.first + 1}", each.first, each.newest, each.height,
         "" if each.forked_at is None else f"forked at {each.forked_at}")
        for each in board.journals
    ]  # fmt: skip
    columns = ("author", "entries", "from", "to", "height", "")
    table(columns, rows, right=columns[1:5], empty=f"Nobody has written a journal in subnet {board.netuid} yet.")
    if board.problem:
        narrate(f"Journals are not applied: {board.problem}.")


def _render_page(page: JournalPage) -> None:
    rows = [(each.seq, each.height, each.kind, each.size_bytes, _words(each)) for each in page.entries]
    table(
        ("entry", "height", "kind", "bytes", "body"), rows, right=("entry", "height", "bytes"),
        empty=f"{page.author} has no such entries in subnet {page.netuid}.",
    )  # fmt: skip
    if page.entries_kept > len(page.entries):
        narrate(f"The newest {len(page.entries)} of {page.entries_kept} entries; --limit shows more.")


def _words(entry: JournalEntry) -> str:
    words = plain(entry.text) if entry.text else entry.body
    return words if len(words) <= _BODY_CHARS else f"{words[: _BODY_CHARS - 1]}…"


def _render_forks(found: tuple[ForkView, ...]) -> None:
    rows = [
        (each.author, each.void_from, f"{each.first_seq} {short(each.first_hash)}",
         f"{each.second_seq} {short(each.second_hash)}")
        for each in found
    ]  # fmt: skip
    table(("author", "void from", "signed", "and signed"), rows, right=("void from",), empty="Nobody forked a journal.")
