"""A role switch as a job: the transactions first, then the services, and back again when anything fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from node.control.schema import RolePlan
from node.primitives.types import Hash, NetUid
from node.service.errors import RoleRefused
from node.service.jobs import Report

if TYPE_CHECKING:
    from node.service.app import Node, Running

FINAL_TIMEOUT_S: Final = 120.0  # an era of 64 blocks on a devnet; on slow networks the job says that it waits
_POLL_S: Final = 0.2


async def switch_role(
    node: Node, running: Running, plan: RolePlan, transactions: tuple[bytes, ...], report: Report
) -> str:
    """Send the transactions, wait until each is in a block, then switch; returns the closing sentence.

    Raises:
        RoleRefused: a transaction failed; the role stays as it was.
        NodeError: a service could not start; the old one runs again.
    """
    for number, raw in enumerate(transactions, 1):
        report(f"transaction {number} of {len(transactions)}", done=number - 1, total=len(transactions))
        key = await running.chain.transactions.submit(raw)
        await _wait(running, key, number, report)
    places = tuple(map(NetUid, plan.netuids))
    await running.services.switch(plan.target, report, netuids=places)
    node.home.remember_role(plan.target, places)
    return f"this node is a {plan.target} now"


async def _wait(running: Running, key: Hash, number: int, report: Report) -> None:
    with trio.move_on_after(FINAL_TIMEOUT_S):
        while True:
            status = running.chain.transactions.status(key)
            if status.state in ("in_block", "final"):
                return
            if status.state == "failed":
                reason = "" if status.error is None else status.error.message
                raise RoleRefused(f"Transaction {number} failed. {reason}")
            report(f"transaction {number} waits for a block")
            await trio.sleep(_POLL_S)
    raise RoleRefused(
        f"Transaction {number} was not in a block within {FINAL_TIMEOUT_S:.0f} s.",
        remedy="See whether the chain grows with `neurond status`, then plan the switch again.",
    )
