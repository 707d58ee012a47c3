"""`neurond why`: why a miner earns what it earns, in the words of the validators that judge it."""

import time
from typing import Final

import click

from node.commands.common import Env, command, duration, facts, narrate, short, table
from node.commands.options import NETUID
from node.commands.wallet_show import address_of
from node.control.amounts import format_amount
from node.control.api import WhyRequest
from node.control.client_sync import SyncClient
from node.control.schema import ValidatorReason, Why

VERDICTS_SHOWN: Final = 10
_U16_MAX: Final = 65_535


@click.command()
@click.option("--netuid", type=NETUID, help="Default: the subnet this node works in.")
@click.option("--hotkey", help="Another miner's address. Default: this node's own.")
@click.option("--all", "show_all", is_flag=True, help="Every verdict that validators remember.")
@command
def why(env: Env, netuid: int | None, hotkey: str | None, show_all: bool) -> None:
    """Ask the validators why a miner is scored as it is: verdicts, failures, and what the next rank needs.

    \b
    Examples:
      neurond why
      neurond why --netuid 1 --hotkey 5F3s… --json
    """
    with SyncClient(env.home) as client:
        found = client.call(WhyRequest(netuid, None if hotkey is None else address_of(env, hotkey)))
    env.emit(found, lambda: _render(found, None if show_all else VERDICTS_SHOWN))


def _render(found: Why, verdicts: int | None) -> None:
    place = f"{found.rank} of {found.ranked}" if found.rank else f"none; {found.ranked} seats have incentive"
    rows = [
        ("miner", f"{found.hotkey}, seat {found.uid} of subnet {found.netuid}"),
        ("incentive", f"{_percent(found.incentive_u16 / _U16_MAX)}, rank {place}"),
    ]
    if found.ahead_incentive_u16 is not None:
        rows.append(("next rank", f"needs {_percent(found.ahead_incentive_u16 / _U16_MAX)}"))
    if found.failures:
        rows.append(("failures", ", ".join(f"{code} ×{count}" for code, count in found.failures.items())))
    facts(rows)
    click.echo()
    columns = ("validator", "stake", "weight on chain", "score", "evidence", "share", "rank", "one ahead has", "")
    table(
        columns, [_validator_row(each) for each in found.validators], right=columns[1:-1],
        empty="No validator with a permit has published where it can be asked.",
    )  # fmt: skip
    _render_verdicts(found, verdicts)
    for line in found.advice:
        narrate(f"\n{line}")


def _validator_row(each: ValidatorReason) -> tuple[object, ...]:
    stake = format_amount(each.stake_rao, "α", decimals=2)
    head = (f"{each.uid} {short(each.hotkey)}", stake, _percent(each.weight_on_chain))
    if each.problem:
        return (*head, "", "", "", "", "", each.problem)
    rank = f"{each.rank}/{each.ranked}" if each.rank else f"-/{each.ranked}"
    ahead = "" if each.ahead is None else f"{each.ahead:.3f}"
    return (*head, f"{each.score:.3f}", f"{each.samples:.1f}", _percent(each.share), rank, ahead, "")


def _render_verdicts(found: Why, most: int | None) -> None:
    verdicts = sorted(
        ((verdict, reason.uid) for reason in found.validators for verdict in reason.verdicts),
        key=lambda each: -each[0].judged_ms,
    )
    if not verdicts:
        return
    now_ms = time.time() * 1000
    rows = [
        (f"{duration(max(0.0, now_ms - v.judged_ms) / 1000)} ago", uid, v.kind,
         "-" if v.score is None else f"{v.score:.3f}", v.code, v.meaning, f"{v.latency_ms} ms", v.evidence)
        for v, uid in verdicts[:most]
    ]  # fmt: skip
    click.echo()
    columns = ("when", "by", "kind", "score", "verdict", "meaning", "took", "evidence")
    table(columns, rows, right=("when", "by", "score", "took"), empty="")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
