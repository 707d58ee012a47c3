"""The one way in which commands move money: draft, preview, question, password, signature, sending, outcome."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from node.commands.common import Env, command, confirm, facts, narrate
from node.commands.errors import PasswordNeeded
from node.control.api import Api
from node.control.asking import asking
from node.control.errors import ActionRefused, RemoteError
from node.control.options import DEFAULT_WALLET
from node.control.schema import ErrorView, TransactionContext, TransactionStatus, View

if TYPE_CHECKING:
    from node.control.actions import Draft, Intent, Signed
    from node.control.wallets import Wallet
    from node.primitives.crypto import Signer

PASSWORD_VARIABLE = "NEUROND_PASSWORD"
WALLETS_VARIABLE = "NEUROND_WALLET_PATH"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class MoneyOptions:
    """Whose money, and how carefully."""

    wallet: str
    yes: bool
    dry_run: bool
    wallet_path: Path | None = None


class DraftView(View, frozen=True):
    """What --dry-run prints: amounts in rao, or α in units of 10^-9."""

    title: str
    call: str
    sender: str
    nonce: int
    fee_rao: int
    pays_rao: int
    gets_rao: int
    gets_alpha: int
    impact_ppm: int | None
    balance_after_rao: int
    warnings: tuple[str, ...]
    refusal: ErrorView | None
    worth_rao: int = 0


def money_command(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command --home, --json, --wallet, --wallet-path, --yes and --dry-run, as `Env` and `MoneyOptions`."""

    @click.option(
        "-p", "--wallet-path", type=click.Path(path_type=Path, file_okay=False), envvar=WALLETS_VARIABLE,
        show_envvar=True, help="Folder of wallets, such as Bittensor's. Default: the home's.",
    )  # fmt: skip
    @click.option("-w", "--wallet", default=DEFAULT_WALLET, show_default=True, help="Wallet that pays and signs.")
    @click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Only show what would happen.")
    @command
    @functools.wraps(function)
    def wrapped(env: Env, *, wallet: str, wallet_path: Path | None, yes: bool, dry_run: bool, **others: Any) -> R:
        return function(env, MoneyOptions(wallet, yes, dry_run, wallet_path), **others)

    return wrapped


def wallet_of(env: Env, money: MoneyOptions) -> Wallet:
    """Return the wallet that pays and signs, unopened. Raises WalletError."""
    from node.control.wallets import wallet_store

    return wallet_store(env.home, money.wallet_path).open(money.wallet)


def run_intent(env: Env, money: MoneyOptions, intent: Callable[[Api, str], Awaitable[Intent]]) -> None:
    """Carry out what `intent` (given the node and the sender's address) asks for, as far as `money` allows."""
    import asyncio

    asyncio.run(_run(env, money, intent))


async def _run(env: Env, money: MoneyOptions, intent: Callable[[Api, str], Awaitable[Intent]]) -> None:
    from node.control.actions import prepare
    from node.control.client_async import AsyncClient

    wallet = wallet_of(env, money)
    async with AsyncClient(env.home) as client:
        draft = await prepare(client, await intent(client, wallet.address), wallet.address)
        await carry_out(env, money, client, draft, lambda: unlock(wallet))


async def carry_out(env: Env, money: MoneyOptions, client: Api, draft: Draft, signer: Callable[[], Signer]) -> None:
    """Show a draft, ask, sign with what `signer` opens, send, and tell what became of it."""
    from node.control.actions import sign

    if money.dry_run:
        env.emit(draft_view(draft), lambda: show_draft(draft, err=False))
        return
    show_draft(draft, err=True)
    refuse(draft)
    confirm("Sign and send?", yes=money.yes)
    status = await send(client, draft, sign(draft, signer()))
    env.emit(status, lambda: click.echo(f"{draft.title}: done in block {status.height:,}."))


async def send(client: Api, draft: Draft, signed: Signed) -> TransactionStatus:
    """Send a signed draft and follow it until it is final; RemoteError with the chain's reason when it fails."""
    return await send_signed(client, draft.context, signed)


async def send_signed(client: Api, context: TransactionContext, signed: Signed) -> TransactionStatus:
    """Send what is signed, wherever that was, and follow it. Raises as `send`."""
    import asyncio

    from node.control.actions import follow, submit

    await submit(client, signed)
    narrate(f"sent {signed.transaction_hash}")
    latest = TransactionStatus(signed.transaction_hash, "pending")
    async for latest in follow(client, signed, context, asyncio.sleep):
        where = f" in block {latest.height:,}" if latest.height is not None else ""
        narrate(f"{latest.state.replace('_', ' ')}{where if latest.state != 'in_block' else f' {latest.height:,}'}")
    if latest.state == "failed":
        raise RemoteError(latest.error or ErrorView("transaction_failed", "The transaction failed."))
    return latest


def unlock(wallet: Wallet) -> Signer:
    """Return the coldkey's signer, asking for its password when it is sealed.

    Raises:
        PasswordNeeded: sealed, and neither a terminal nor $NEUROND_PASSWORD. WalletError: as `Wallet.unlock`.
    """
    return wallet.unlock(password_of(wallet.name) if wallet.sealed else None)


def password_of(wallet_name: str) -> str:
    """Return the password from the environment or the person at the terminal."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise PasswordNeeded(f"The wallet {wallet_name} is locked and nobody is there to ask for its password.")
    with asking():
        asked: str = click.prompt(f"Password of wallet {wallet_name}", hide_input=True, err=True)
    return asked


def show_draft(draft: Draft, *, err: bool) -> None:
    """Show all that can be said before signing."""
    click.echo(draft.title, err=err)
    facts([(f"  {label}", value) for label, value in draft.lines], err=err)
    for warning in draft.warnings:
        click.echo(f"  ! {warning}", err=err)
    if draft.refusal is not None:
        click.echo(f"  ✗ {draft.refusal.message}", err=err)


def refuse(draft: Draft) -> None:
    """Raise ActionRefused when the draft would fail."""
    if draft.refusal is not None:
        raise ActionRefused(draft.refusal.message, remedy=draft.refusal.hint)


def draft_view(draft: Draft) -> DraftView:
    """Return the draft with the stable keys of --json."""
    from node.ledger.calls import spec_of

    return DraftView(
        draft.title, spec_of(draft.call).name, draft.sender, draft.nonce, draft.fee_rao, draft.pays_rao,
        draft.gets_rao, draft.gets_alpha, draft.impact_ppm, draft.balance_after_rao, draft.warnings, draft.refusal,
        draft.worth_rao,
    )  # fmt: skip
