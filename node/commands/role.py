"""`neurond role`: what this node does for the network, and switching it with the plan shown first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from node.commands.common import Env, command, confirm, duration, show_progress
from node.commands.lazy import DefaultGroup
from node.commands.money import MoneyOptions, money_command, show_draft, unlock, wallet_of
from node.control.api import Api, RolePlanRequest, StatusRequest
from node.control.client_sync import SyncClient
from node.control.errors import RemoteError
from node.control.limits import FOLLOW_PAUSE_MIN_S
from node.control.options import Progress
from node.control.schema import ROLES, ErrorView, Job, Role, RolePlan

if TYPE_CHECKING:
    from node.control.role_actions import RoleDraft
    from node.control.wallets import Wallet

ROLE = click.Choice(ROLES)


@click.group(cls=DefaultGroup, default="show")
def role() -> None:
    """Show or switch the role of the node.

    \b
    Example:
      neurond role set miner
    """


@role.command("show")
@command
def show(env: Env) -> None:
    """Show the present role.

    \b
    Example:
      neurond role show
    """
    with SyncClient(env.home) as client:
        status = client.call(StatusRequest())
    shown = {
        "role": status.role, "authority": status.authority, "netuid": status.netuid, "uid": status.uid,
        "netuids": status.netuids,
    }  # fmt: skip
    where = f" in subnet{'s' * (len(status.netuids) > 1)} {', '.join(map(str, status.netuids))}" * bool(status.netuids)
    env.emit(shown, lambda: click.echo(f"{status.role}{' and authority' if status.authority else ''}{where}"))


_NETUIDS = click.option(
    "--netuid", "netuids", type=click.IntRange(1, 65_535), multiple=True,
    help="Subnet to work in. May be repeated. Default: as last time, at first the first known one.",
)  # fmt: skip


@role.command("plan")
@click.argument("target", type=ROLE, metavar="ROLE")
@_NETUIDS
@command
def plan(env: Env, target: Role, netuids: tuple[int, ...]) -> None:
    """Show what switching to ROLE would mean, and change nothing.

    \b
    Example:
      neurond role plan validator
    """
    with SyncClient(env.home) as client:
        found = client.call(RolePlanRequest(target, netuids))
    env.emit(found, lambda: _render(found, err=False))


@role.command("set")
@click.argument("target", type=ROLE, metavar="ROLE")
@_NETUIDS
@money_command
def set_role(env: Env, money: MoneyOptions, target: Role, netuids: tuple[int, ...]) -> None:
    """Switch to ROLE: show the plan, ask, sign what it takes, drain and restart the services.

    \b
    Example:
      neurond role set miner --netuid 1
    """
    import asyncio

    asyncio.run(_set(env, money, target, netuids))


async def _set(env: Env, money: MoneyOptions, target: Role, netuids: tuple[int, ...]) -> None:
    from node.control.client_async import AsyncClient
    from node.control.role_actions import apply_role, prepare_role, sign_role

    wallet = _wallet(env, money)
    async with AsyncClient(env.home) as client:
        draft = await prepare_role(client, target, None if wallet is None else wallet.address, netuids)
        if money.dry_run:
            env.emit(draft.plan, lambda: _show(draft, err=False))
            return
        _show(draft, err=True)
        if draft.plan.possible:
            confirm(f"Switch to {target}?", yes=money.yes)
        signer = unlock(wallet) if draft.plan.possible and draft.needs_coldkey and wallet is not None else None
        job = await _finished(client, await apply_role(client, draft, sign_role(draft, signer)))
    env.emit(job, lambda: click.echo(job.message or f"The node is a {target} now."))


def _wallet(env: Env, money: MoneyOptions) -> Wallet | None:
    from node.wallet import WalletNotFound

    try:
        return wallet_of(env, money)
    except WalletNotFound:
        return None  # a plan without transactions needs none


async def _finished(client: Api, job: Job) -> Job:
    import asyncio

    while job.state == "running":
        show_progress(Progress(job.kind, job.message or job.title, job.done, job.total, job.unit, job.eta_s))
        await asyncio.sleep(FOLLOW_PAUSE_MIN_S)
        job = await client.job(job.id)
    if job.state == "failed":
        raise RemoteError(job.error or ErrorView("job_failed", f"{job.title} failed."))
    return job


def _show(draft: RoleDraft, *, err: bool) -> None:
    _render(draft.plan, err=err)
    for each in draft.drafts:
        show_draft(each, err=err)


def _render(found: RolePlan, *, err: bool) -> None:
    where = f" in subnet {', '.join(map(str, found.netuids))}" * bool(found.netuids)
    click.echo(f"{found.current} → {found.target}{where}", err=err)
    for each in found.requirements:
        need = "" if each.met else f", needed: {each.need}. {each.remedy}"
        click.echo(f"  {'✓' if each.met else '✗'} {each.name}: {each.have}{need}".rstrip(), err=err)
    for transaction in found.transactions:
        click.echo(f"  · transaction ({transaction.signer}): {transaction.label}", err=err)
    for verb, services in (("stop", found.stop), ("start", found.start)):
        if services:
            click.echo(f"  · {verb}: {', '.join(services)}", err=err)
    click.echo(f"  · drain: at most {duration(found.drain_s)}", err=err)
