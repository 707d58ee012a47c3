"""`neurond authorities`: who produces and finalises blocks, which set follows, and the way to proof of stake."""

import click

from node.commands.common import Env, command, facts, table
from node.control.amounts import format_amount, format_ppm
from node.control.api import AuthoritiesRequest
from node.control.client_sync import SyncClient
from node.control.schema import AuthorityBoard, AuthorityView, GuardView

_WHO = {"authorities": "authorities alone", "joint": "authorities and stake jointly", "stake": "stake alone"}


@click.command()
@command
def authorities(env: Env) -> None:
    """Show who produces and finalises blocks, which set follows, and the way to proof of stake.

    \b
    Examples:
      neurond authorities
      neurond authorities --json
    """
    with SyncClient(env.home) as client:
        board = client.call(AuthoritiesRequest())
    env.emit(board, lambda: _render(board))


def _render(board: AuthorityBoard) -> None:
    facts(
        [
            ("block", f"{board.height:,}"),
            ("authority set", str(board.set_id)),
            ("decided by", _WHO[board.phase]),
            ("epoch", f"{board.epoch:,}, {board.slots_left:,} slots left"),
        ]
    )
    _show_members(board.members)
    if board.next is not None:
        said = "not announced yet" if board.next.announced_height is None else f"block {board.next.announced_height:,}"
        click.echo()
        rows = [("following set", str(board.next.set_id)), ("announced", said)]
        facts([*rows, ("in force", f"epoch {board.next.enacted_epoch:,} at the earliest")])
        _show_members(board.next.members)
    if board.pos is not None:
        click.echo()
        facts(
            [
                ("joint phase", f"from epoch {board.pos.activation_epoch:,}, if all guards hold"),
                ("stake alone", f"from epoch {board.pos.stake_epoch:,}, if all guards hold"),
            ]
        )
        table(("guard", "needed", "is", "holds"), [_guard(guard) for guard in board.pos.guards], empty="No guards.")


def _show_members(members: tuple[AuthorityView, ...]) -> None:
    rows = [
        (each.hotkey, str(each.weight), format_amount(each.stake_rao), _state(each)) for each in members
    ]  # fmt: skip
    table(("hotkey", "weight", "stake", "state"), rows, right=("weight", "stake"), empty="No authorities.")


def _state(member: AuthorityView) -> str:
    if member.convicted:
        return "convicted"
    return "leads slots" if member.leads else "missed too many slots"


def _guard(guard: GuardView) -> tuple[str, str, str, str]:
    sign = "at most" if guard.at_most else "at least"
    return guard.name, f"{sign} {_number(guard, guard.needed)}", _number(guard, guard.present), _yes(guard.holds)


def _number(guard: GuardView, value: int) -> str:
    return f"{value:,}" if guard.name == "validators" else format_ppm(value)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
