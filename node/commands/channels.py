"""`neurond channels`: what this node pays and earns through. Its hotkey pays; it is opened and signs here."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from node.commands.budget import LIMIT
from node.commands.common import Env, command, confirm, duration, facts, short, table
from node.commands.errors import NothingThere
from node.commands.lazy import DefaultGroup
from node.commands.money import MoneyOptions, carry_out, money_command, password_of, wallet_of
from node.commands.options import AMOUNT, Number
from node.commands.wallet_show import address_of
from node.control.amounts import format_amount
from node.control.api import Api
from node.control.client_sync import SyncClient
from node.control.intents import TransferIntent
from node.control.money_api import ChannelsRedeemRequest, ChannelsRequest
from node.control.options import DEFAULT_HOTKEY
from node.control.schema import Account, ChannelBoard, ChannelView, TransactionContext
from node.primitives.address import from_ss58
from node.primitives.types import Hash, Rao

if TYPE_CHECKING:
    from node.control.actions import Effect
    from node.control.wallets import Wallet
    from node.primitives.crypto import Signer

_PREFIX_DIGITS_MIN: Final = 4
DAYS_MAX: Final = 36_500  # a hundred years
_DAY_MS: Final = 86_400_000
_HOTKEY = click.option(
    "--hotkey", default=DEFAULT_HOTKEY, show_default=True, help="The node's hotkey: it pays and signs."
)
_CHANNEL = click.argument("channel")


@click.group(cls=DefaultGroup, default="list")
def channels() -> None:
    """Payment channels: what this node pays and earns through.

    \b
    Example:
      neurond channels open 5Dfm…nVgz 1 --days 30
    """


@channels.command("list")
@command
def list_channels(env: Env) -> None:
    """List the channels of this node's hotkey, both those it pays and those it earns through.

    \b
    Example:
      neurond channels
    """
    with SyncClient(env.home) as client:
        board = client.call(ChannelsRequest())
    env.emit(board, lambda: _render(board))


@channels.command("open")
@click.argument("miner")
@click.argument("amount", type=AMOUNT)
@click.option("--days", type=Number(0, DAYS_MAX, min_open=True), help="How long it lives. [default: 30]")
@_HOTKEY
@money_command
def open_channel(env: Env, money: MoneyOptions, miner: str, amount: int, days: float | None, hotkey: str) -> None:
    """Lock AMOUNT of τ for the calls of one MINER (its hotkey). What it does not earn comes back.

    \b
    Example:
      neurond channels open 5Dfm…nVgz 0.5 --dry-run
    """

    async def effect(api: Api, board: ChannelBoard) -> Effect:
        context = await api.tx_context()
        return open_effect(board, context, address_of(env, miner), amount, days)

    _run(env, money, hotkey, effect)


@channels.command("topup")
@_CHANNEL
@click.argument("amount", type=AMOUNT)
@_HOTKEY
@money_command
def topup(env: Env, money: MoneyOptions, channel: str, amount: int, hotkey: str) -> None:
    """Lock AMOUNT more in a CHANNEL that this node pays through (the first digits of its id are enough).

    \b
    Example:
      neurond channels topup 3f9a 0.5
    """

    async def effect(api: Api, board: ChannelBoard) -> Effect:
        return topup_effect(find_channel(board.channels, channel), amount)

    _run(env, money, hotkey, effect)


@channels.command("close")
@_CHANNEL
@_HOTKEY
@money_command
def close(env: Env, money: MoneyOptions, channel: str, hotkey: str) -> None:
    """Close a CHANNEL. A payer waits for the dispute window and runs the command again; a payee closes at once.

    \b
    Example:
      neurond channels close 3f9a
    """

    async def effect(api: Api, board: ChannelBoard) -> Effect:
        return close_effect(board, find_channel(board.channels, channel))

    _run(env, money, hotkey, effect)


@channels.command("redeem")
@click.argument("channel", required=False)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would happen.")
@command
def redeem(env: Env, channel: str | None, yes: bool, dry_run: bool) -> None:
    """Bring vouchers to the chain: those of one CHANNEL, or all that are worth their fee. The node does so by itself
    when a channel ends or much is owed.

    \b
    Example:
      neurond channels redeem --dry-run
    """
    with SyncClient(env.home) as client:
        board = client.call(ChannelsRequest())
        named = None if channel is None else find_channel(board.channels, channel)
        rows = to_redeem(board, named)
        if dry_run:
            env.emit(rows, lambda: _show_redemption(board, rows, err=False))
            return
        if not rows:
            raise NothingThere("There is nothing to redeem.", remedy="See `neurond channels list`.")
        _show_redemption(board, rows, err=True)
        confirm("Redeem?", yes=yes)
        done = client.call(ChannelsRedeemRequest(None if named is None else named.channel))
    count = len(done.transactions)
    env.emit(done, lambda: click.echo(f"{format_amount(done.amount_rao)} in {count} transactions are on their way."))


@channels.command("collect")
@click.argument("amount", type=AMOUNT, required=False)
@click.option("--keep", type=LIMIT, default="0.1", show_default=True, help="τ that the hotkey keeps for its fees.")
@_HOTKEY
@money_command
def collect(env: Env, money: MoneyOptions, amount: int | None, keep: int, hotkey: str) -> None:
    """Send what the node's hotkey earned to its coldkey: AMOUNT of τ, or all but what it keeps for fees.

    \b
    Example:
      neurond channels collect --dry-run
    """
    coldkey = wallet_of(env, money).address

    async def effect(api: Api, board: ChannelBoard) -> Effect:
        account, context = await api.account(board.account), await api.tx_context()
        return collect_effect(account, context, coldkey, amount, keep)

    _run(env, money, hotkey, effect)


# --- what each command would do -------------------------------------------------------------------------------------


def open_effect(
    board: ChannelBoard, context: TransactionContext, miner: str, amount_rao: int, days: float | None
) -> Effect:
    """What opening a channel means. Raises AddressError."""
    from node.control.actions import Effect
    from node.ledger import calls

    payee = from_ss58(miner)
    blocks = board.life_blocks if days is None else int(days * _DAY_MS / context.slot_ms)
    refusal = ""
    if miner == board.account:
        refusal = "A channel pays somebody else: this is the node's own hotkey."
    elif amount_rao < board.smallest_rao:
        refusal = f"A channel holds at least {format_amount(board.smallest_rao)}."
    elif blocks < board.dispute_blocks:
        refusal = f"A channel lives at least {board.dispute_blocks:,} blocks ({_time(board.dispute_blocks, context)})."
    return Effect(
        f"Open a channel with {format_amount(amount_rao)}",
        calls.OpenChannel(payee, Rao(amount_rao), blocks),
        (
            ("to", miner),
            ("locked", format_amount(amount_rao)),
            ("ends", f"block {board.height + blocks:,}, in {_time(blocks, context)}; then what is left is yours again"),
            ("closing before", f"takes {board.dispute_blocks:,} blocks ({_time(board.dispute_blocks, context)})"),
        ),
        pays_rao=amount_rao,
        refusal=refusal,
    )


def collect_effect(
    account: Account, context: TransactionContext, coldkey: str, amount_rao: int | None, keep_rao: int
) -> Effect:
    """What sending a hotkey's earnings to the coldkey means. Raises NothingThere when it has no more than it keeps."""
    from node.control.actions import fee_of
    from node.control.effects import transfer

    most = transfer(TransferIntent(coldkey, max(account.balance_rao, 1)), account.address)
    left_rao = account.balance_rao - keep_rao - fee_of(most.call, account.address, account.nonce, context)
    wanted_rao = left_rao if amount_rao is None else amount_rao
    if wanted_rao <= 0:
        raise NothingThere(
            f"The hotkey has {format_amount(account.balance_rao)}, no more than it keeps.",
            remedy="`neurond channels redeem` brings in what is owed; --keep says what stays.",
        )
    effect = transfer(TransferIntent(coldkey, wanted_rao), account.address)
    if wanted_rao <= left_rao or effect.refusal:
        return effect
    why = f"{format_amount(max(left_rao, 0))} can be sent: the rest is kept for fees (--keep)."
    return dataclasses.replace(effect, refusal=why)


def topup_effect(row: ChannelView, amount_rao: int) -> Effect:
    """What putting more into a channel means."""
    from node.control.actions import Effect
    from node.ledger import calls

    refusal = "" if row.side == "payer" else "Only its payer puts more into a channel."
    if row.state in ("closing", "gone"):
        refusal = "This channel is closing; open a new one."
    return Effect(
        f"Put {format_amount(amount_rao)} into a channel",
        calls.TopUpChannel(Hash(bytes.fromhex(row.channel)), Rao(amount_rao)),
        (
            ("to", row.other),
            ("locked", f"{format_amount(row.deposit_rao)} → {format_amount(row.deposit_rao + amount_rao)}"),
            ("for calls", f"{format_amount(row.left_rao)} → {format_amount(row.left_rao + amount_rao)}"),
            ("ends", f"block {row.expires:,}"),
        ),
        pays_rao=amount_rao,
        refusal=refusal,
    )


def close_effect(board: ChannelBoard, row: ChannelView) -> Effect:
    """What closing a channel means now."""
    from node.control.actions import Effect
    from node.ledger import calls

    call = calls.CloseChannel(Hash(bytes.fromhex(row.channel)))
    rest = row.deposit_rao - row.redeemed_rao
    if row.side == "payee":
        owed = row.promised_rao - row.redeemed_rao
        refusal = (
            f"{format_amount(owed)} are not redeemed yet and would be lost: redeem them first." if owed > 0 else ""
        )
        lines = (("with", row.other), ("goes back to the payer", format_amount(rest)))
        return Effect("Close a channel", call, lines, refusal=refusal)
    due = row.closes if row.closes is not None else row.expires
    lines = (("with", row.other), ("promised and not redeemed", format_amount(row.promised_rao - row.redeemed_rao)))
    if board.height >= due:
        return Effect("Close a channel", call, (*lines, ("comes back", format_amount(rest))), gets_rao=rest)
    ends = min(row.expires, board.height + board.dispute_blocks)
    refusal = f"The channel is closing; close it again from block {due:,} on." if row.closes is not None else ""
    later = ("comes back", f"what is left, when you close it again from block {ends:,} on")
    return Effect("Begin to close a channel", call, (*lines, later), refusal=refusal)


def to_redeem(board: ChannelBoard, named: ChannelView | None) -> tuple[ChannelView, ...]:
    """The channels whose vouchers are worth their fee, or the one that is named."""
    least = board.redeem_fee_rao if named is None else 0
    rows = board.channels if named is None else (named,)
    return tuple(
        row
        for row in rows
        if row.side == "payee" and row.state != "gone" and row.promised_rao - row.redeemed_rao > least
    )


def find_channel(rows: Iterable[ChannelView], text: str) -> ChannelView:
    """The channel whose id begins with `text`. Raises NothingThere."""
    wanted = text.lower().removesuffix("…")
    found = [row for row in rows if row.channel.startswith(wanted)]
    if len(wanted) < _PREFIX_DIGITS_MIN or len(found) != 1:
        problem = "No channel" if not found else "More than one channel"
        raise NothingThere(
            f"{problem} begins with {text!r}.",
            remedy=f"Give at least {_PREFIX_DIGITS_MIN} digits of an id that `neurond channels list` shows.",
        )
    return found[0]


def _run(env: Env, money: MoneyOptions, hotkey: str, effect: Callable[[Api, ChannelBoard], Awaitable[Effect]]) -> None:
    import asyncio

    asyncio.run(_run_async(env, money, hotkey, effect))


async def _run_async(
    env: Env, money: MoneyOptions, hotkey: str, effect: Callable[[Api, ChannelBoard], Awaitable[Effect]]
) -> None:
    from node.control.actions import make_draft
    from node.control.client_async import AsyncClient

    wallet = wallet_of(env, money)
    async with AsyncClient(env.home) as client:
        board = await client.channels()
        account, context = await client.account(board.account), await client.tx_context()
        draft = make_draft(await effect(client, board), account, context)
        await carry_out(env, money, client, draft, functools.partial(_hotkey, wallet, hotkey))


def _hotkey(wallet: Wallet, name: str) -> Signer:
    sealed = any(each.name == name and each.sealed for each in wallet.hotkeys())
    return wallet.hotkey(name, password_of(wallet.name) if sealed else None)


def _time(blocks: int, context: TransactionContext) -> str:
    return duration(blocks * context.slot_ms / 1000)


# --- screens --------------------------------------------------------------------------------------------------------


def _render(board: ChannelBoard) -> None:
    rows: list[tuple[Any, ...]] = [
        (
            short(row.channel), "pays" if row.side == "payer" else "earns", short(row.other), _state(row, board),
            format_amount(row.deposit_rao), format_amount(row.redeemed_rao),
            format_amount(max(0, row.promised_rao - row.redeemed_rao)), format_amount(row.left_rao),
        )
        for row in board.channels
    ]  # fmt: skip
    columns = ("channel", "side", "with", "state", "locked in all", "redeemed", "to redeem", "left")
    table(
        columns, rows, right=columns[4:], empty="There are no channels. `neurond channels open MINER AMOUNT` opens one."
    )
    facts([("account", board.account), ("balance", format_amount(board.balance_rao)), ("block", f"{board.height:,}")])
    if board.dues:
        click.echo("\nOf what was earned belongs to others:")
        shares = [
            (short(each.account), *map(format_amount, (each.owed_rao, each.paid_rao, each.sent_rao)))
            for each in board.dues
        ]
        table(("whom", "in all", "paid", "on its way"), shares, right=("in all", "paid", "on its way"), empty="")
    if board.problem:
        click.echo(f"! {board.problem}")


def _state(row: ChannelView, board: ChannelBoard) -> str:
    if row.state == "closing":
        due = row.closes or 0
        return "can be closed" if due <= board.height else f"closing, until block {due:,}"
    return "gone" if row.state == "gone" else f"{row.state}, until block {row.expires:,}"


def _show_redemption(board: ChannelBoard, rows: tuple[ChannelView, ...], *, err: bool) -> None:
    amount = sum(row.promised_rao - row.redeemed_rao for row in rows)
    facts(
        [
            ("vouchers", len(rows)),
            ("amount", format_amount(amount)),
            ("fees", format_amount(len(rows) * board.redeem_fee_rao)),
            ("to", board.account),
        ],
        err=err,
    )
