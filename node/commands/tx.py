"""`neurond tx`: any call of the chain, straight from the call table: list, try, sign, send, follow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.commands.common import Env, command, table
from node.commands.lazy import DefaultGroup
from node.commands.money import MoneyOptions, carry_out, money_command, unlock, wallet_of
from node.commands.offline import addressed, build, sign, submit, submit_file
from node.primitives.address import to_ss58

if TYPE_CHECKING:
    from node.ledger.calls import Call
    from node.primitives.crypto import Signer


@click.group(cls=DefaultGroup, default="list")
def tx() -> None:
    """Send any call of the chain; `neurond explain CALL` tells what it takes.

    \b
    Examples:
      neurond tx list
      neurond tx send set_identity name=Ada url= github_repo= image= discord= description= additional= --dry-run
    """


for each in (build, sign, submit):
    tx.add_command(each)


@tx.command("list")
@command
def list_calls(env: Env) -> None:
    """List every call: who signs it, what it costs, what it takes.

    \b
    Example:
      neurond tx list --json
    """
    from node.ledger.calls import CALLS

    rows = [(spec.name, spec.signer.name.lower(), spec.fee.name.lower(), spec.arguments) for spec in CALLS]
    value = [{"name": name, "signer": signer, "fee": fee, "arguments": dict(args)} for name, signer, fee, args in rows]

    def render() -> None:
        shown = [(name, signer, fee, ", ".join(arg for arg, _ in args)) for name, signer, fee, args in rows]
        table(("call", "signer", "fee", "arguments"), shown, empty="")

    env.emit(value, render)


@tx.command("send")
@click.argument("name", metavar="CALL")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--hotkey", default=None, help="Sign with this hotkey of the wallet instead of its coldkey.")
@money_command
def send(env: Env, money: MoneyOptions, name: str, words: tuple[str, ...], hotkey: str | None) -> None:
    """Try CALL on the next block, show what it would do, sign it and send it; or send the file CALL, signed elsewhere.

    Accounts are ss58, amounts whole τ or α (12.5), lists a,b,c or JSON; a call inside a call is
    call='{"call": "transfer", …}'.

    \b
    Examples:
      neurond tx send swap_stake hotkey=5… origin_netuid=1 destination_netuid=2 amount_alpha=10
      neurond tx send propose call='{"call": "abort_pos"}' duration_blocks=60
    """
    import asyncio

    from node.control.call_form import build_call, parse_arguments

    if not words and Path(name).is_file():  # a transaction that was signed elsewhere
        submit_file(env, Path(name), yes=money.yes, dry_run=money.dry_run)
        return
    call = build_call(name, addressed(env, name, parse_arguments(words)))
    asyncio.run(send_call(env, money, call, hotkey or _default_hotkey(name)))


def _default_hotkey(name: str) -> str | None:
    from node.control.call_form import spec_named
    from node.ledger.calls import SignerKind

    return "default" if spec_named(name).signer is SignerKind.HOTKEY else None


async def send_call(env: Env, money: MoneyOptions, call: Call, hotkey: str | None) -> None:
    """Preview, sign and send a call; with the coldkey, or the named hotkey of the wallet."""
    from node.control.call_draft import draft_call
    from node.control.client_async import AsyncClient
    from node.control.offline import call_lines

    wallet = wallet_of(env, money)
    signer: Signer | None = None if hotkey is None else wallet.hotkey(hotkey)
    sender = wallet.address if signer is None else to_ss58(signer.public)
    async with AsyncClient(env.home) as client:
        draft = await draft_call(client, call, sender, lines=(("signer", sender), *call_lines(call, "")))
        await carry_out(env, money, client, draft, lambda: signer or unlock(wallet))
