"""`neurond proposals`: what lies before the Senate, how a senator votes, and how an outcome is carried out.

Making a proposal is `neurond tx send propose`, because any call may be proposed.
"""

import click

from node.commands.common import Env, command, table
from node.commands.errors import NothingThere
from node.commands.lazy import DefaultGroup
from node.commands.money import MoneyOptions, money_command, wallet_of
from node.commands.tx import send_call
from node.control.api import ProposalsRequest
from node.control.client_sync import SyncClient
from node.control.schema import ProposalView
from node.primitives.types import Hash

_ARGUMENTS_SHOWN = 60


@click.group(cls=DefaultGroup, default="list")
def proposals() -> None:
    """Governance: list, vote on and close proposals. The Triumvirate proposes with `neurond tx send propose`.

    \b
    Examples:
      neurond proposals
      neurond proposals vote 3 yes
    """


@proposals.command("list")
@command
def list_proposals(env: Env) -> None:
    """List the open proposals with the call each would make and its votes.

    \b
    Example:
      neurond proposals list --json
    """
    with SyncClient(env.home) as client:
        found = client.call(ProposalsRequest())
    env.emit(found, lambda: _show(found))


@proposals.command("vote")
@click.argument("index", type=click.IntRange(min=0))
@click.argument("choice", type=click.Choice(["yes", "no"]))
@click.option("--hotkey", default="default", show_default=True, help="The hotkey with a seat in the Senate.")
@money_command
def vote(env: Env, money: MoneyOptions, index: int, choice: str, hotkey: str) -> None:
    """Vote on proposal INDEX for the Senate's seat of one of the wallet's hotkeys; a first vote costs no fee.

    \b
    Example:
      neurond proposals vote 3 yes
    """
    import asyncio

    from node.ledger.calls import Vote

    proposal = _find(env, index)
    seat = wallet_of(env, money).hotkey(hotkey).public
    ballot = Vote(seat, Hash(bytes.fromhex(proposal.hash)), index, choice == "yes")
    asyncio.run(send_call(env, money, ballot, None))


@proposals.command("close")
@click.argument("index", type=click.IntRange(min=0))
@money_command
def close(env: Env, money: MoneyOptions, index: int) -> None:
    """Count proposal INDEX and carry out its call if it is approved. Anybody may.

    \b
    Example:
      neurond proposals close 3
    """
    import asyncio

    from node.ledger.calls import CloseProposal

    proposal = _find(env, index)
    asyncio.run(send_call(env, money, CloseProposal(Hash(bytes.fromhex(proposal.hash)), index), None))


def _find(env: Env, index: int) -> ProposalView:
    with SyncClient(env.home) as client:
        found = {each.index: each for each in client.call(ProposalsRequest())}
    if index not in found:
        raise NothingThere(f"No proposal {index} is open.", remedy="See `neurond proposals` for those that are.")
    return found[index]


def _show(found: tuple[ProposalView, ...]) -> None:
    rows = [
        (
            str(each.index),
            each.call,
            _shortened(", ".join(f"{name}={value}" for name, value in each.arguments.items())),
            f"{len(each.ayes)} of {each.threshold}",
            str(len(each.nays)),
            f"{each.end_height:,}",
            "yes" if each.closable else "no",
        )
        for each in found
    ]
    columns = ("index", "call", "arguments", "yes", "no", "until block", "closable")
    table(columns, rows, right=("index", "until block"), empty="No proposal is open.")


def _shortened(text: str) -> str:
    return text if len(text) <= _ARGUMENTS_SHOWN else f"{text[: _ARGUMENTS_SHOWN - 1]}…"
