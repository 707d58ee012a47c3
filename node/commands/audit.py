"""`neurond audit`: recount a validator's epoch from its published record and compare with the chain."""

from typing import Final

import click

from node.commands.common import Env, command, facts, narrate, short, table
from node.commands.options import NETUID
from node.commands.wallet_show import address_of
from node.control.client_sync import SyncClient
from node.control.record_api import AUDIT_JUDGED_MAX, AUDIT_TIMEOUT_S, AuditRequest
from node.control.views.records import AuditFinding, AuditReport

_EXITS: Final = {"agrees": 0, "disagrees": 1, "undecided": 3}
_SENTENCES: Final = {
    "agrees": "The weights on chain follow from the record, number by number.",
    "disagrees": "The record, its evidence or the weights on chain disagree.",
    "undecided": "Nothing disagrees, but there are no weights on chain to compare with.",
}


@click.command()
@click.option("--netuid", type=NETUID, help="Default: the subnet this node works in.")
@click.option("--epoch", type=click.IntRange(min=0), help="Default: the newest one on record.")
@click.option("--validator", metavar="HOTKEY", help="Default: the validator with most stake.")
@click.option(
    "--judge",
    type=click.IntRange(0, AUDIT_JUDGED_MAX),
    default=0,
    show_default=True,
    help="Judge so many kept answers again, chosen at random.",
)
@command
def audit(env: Env, netuid: int | None, epoch: int | None, validator: str | None, judge: int) -> int:
    """Recount a validator's epoch: seeds, tasks, signatures, verdicts, score book and weights.

    Exit status 0: everything agrees; 1: something disagrees; 3: nothing disagrees, but there was nothing to compare.

    \b
    Examples:
      neurond audit
      neurond audit --netuid 1 --epoch 120 --validator 5F3s… --judge 5 --json
    """
    narrate("Fetching the record and recounting it …")
    with SyncClient(env.home, timeout_s=AUDIT_TIMEOUT_S) as client:
        found = client.call(
            AuditRequest(netuid, epoch, None if validator is None else address_of(env, validator), judge)
        )
    env.emit(found, lambda: _render(found))
    return _EXITS[found.outcome]


def _render(found: AuditReport) -> None:
    counted = ", ".join(f"{number} {name}" for name, number in found.counts.items()) or "nothing"
    rows = [
        ("validator", f"{found.validator}, subnet {found.netuid}"),
        ("epoch", f"{found.epoch}, blocks {found.first_height} to {found.last_height}"),
        ("record", f"{found.record}, {found.lines} lines"),
        ("checked", counted),
        ("weights", "not on chain" if found.set_at is None else f"taken by block {found.set_at}"),
        ("outcome", found.outcome),
    ]
    facts(rows)
    click.echo()
    columns = ("seat", "hotkey", "score", "recounted", "on chain", "")
    table(
        columns,
        [
            (each.uid, short(each.hotkey), f"{each.score:.6f}", _weight(each.computed), _weight(each.on_chain),
             "" if each.computed == each.on_chain else "differs")
            for each in found.weights
        ],
        right=("seat", "score", "recounted", "on chain"), empty="No weights.",
    )  # fmt: skip
    for title, chosen in (("Disagreements", False), ("Not checked", True)):
        _render_findings(title, [each for each in found.findings if each.note is chosen])
    narrate(f"\n{_SENTENCES[found.outcome]}")


def _render_findings(title: str, findings: list[AuditFinding]) -> None:
    if not findings:
        return
    click.echo(f"\n{title}:")
    rows = [
        (each.kind, "" if each.line < 0 else each.line, "" if each.miner is None else short(each.miner), each.text)
        for each in findings
    ]
    table(("about", "line", "miner", "what"), rows, right=("line",), empty="")


def _weight(value: int | None) -> str:
    return "-" if value is None else str(value)
