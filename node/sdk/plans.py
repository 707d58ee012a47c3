"""A plan shows everything before anything is signed; a result tells what became of it, with what to do about it."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from node.control import actions
from node.control.actions import Draft
from node.control.schema import Account, ErrorView, TransactionContext, TransactionStatus
from node.ledger.calls import spec_of
from node.sdk.balance import Balance
from node.sdk.errors import TransactionFailed

ResultState = Literal["planned", "pending", "in_block", "final", "failed", "unknown"]
"""Not sent; on its way; in a block; final; refused or failed; sent, and the node could no longer be asked."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something did not or would not work: `code` is for programs, `remediation` says what to do."""

    code: str
    message: str
    remediation: str

    def __str__(self) -> str:
        return f"{self.message} {self.remediation}".rstrip()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an intent would do now. `pays` leaves the balance besides `fee`; `gets_*` are what the quote promises.

    `impact` is the share by which the pool moves against one (0.01: one hundredth), None without a pool. `error` says
    why it would fail; such a plan is never signed. `lines` are (label, text) for people.
    """

    intent: str
    title: str
    call: str
    sender: str
    pays: Balance
    gets_tao: Balance
    gets_alpha: Balance | None
    fee: Balance
    impact: Decimal | None
    balance_after: Balance
    lines: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    error: Problem | None
    draft: Draft

    @property
    def ok(self) -> bool:
        """Whether it would succeed, as far as the node can tell."""
        return self.error is None

    @property
    def cost(self) -> Balance:
        """What leaves the balance at most: payment and fee."""
        return self.pays + self.fee

    def __str__(self) -> str:
        told = [self.title, *(f"  {label}: {text}" for label, text in self.lines)]
        told += [f"  ! {each}" for each in self.warnings]
        return "\n".join(told if self.error is None else [*told, f"  ✗ {self.error}"])


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a plan. `success` is True only for what it was to wait for; `error` explains everything else."""

    success: bool
    state: ResultState
    plan: Plan
    transaction_hash: str | None = None
    block_height: int | None = None
    block_hash: str | None = None
    fee: Balance | None = None
    error: Problem | None = None

    def check(self) -> "Result":
        """Return this result if it is a success. Raises TransactionFailed with the reason otherwise."""
        if not self.success:
            view = self.error or Problem("transaction_failed", "The transaction did not succeed.", "")
            raise TransactionFailed(ErrorView(view.code, view.message, view.remediation))
        return self


def plan_of(intent: str, draft: Draft) -> Plan:
    """Return a draft as a plan of `intent`."""
    netuid = getattr(draft.call, "destination_netuid", getattr(draft.call, "netuid", 0))
    return Plan(
        intent=intent, title=draft.title, call=spec_of(draft.call).name, sender=draft.sender,
        pays=Balance(draft.pays_rao), gets_tao=Balance(draft.gets_rao),
        gets_alpha=Balance(draft.gets_alpha, netuid) if draft.gets_alpha else None, fee=Balance(draft.fee_rao),
        impact=None if draft.impact_ppm is None else Decimal(draft.impact_ppm).scaleb(-6),
        balance_after=Balance(draft.balance_after_rao), lines=draft.lines, warnings=draft.warnings,
        error=None if draft.refusal is None else problem_of(draft.refusal), draft=draft,
    )  # fmt: skip


def fresh_plan(plan: Plan, account: Account, context: TransactionContext) -> Plan:
    """Return the same plan for a later moment: nonce, era and fee anew, the call with its price limits as it was."""
    old = plan.draft
    fee_rao = actions.fee_of(old.call, old.sender, account.nonce, context)
    after_rao = account.balance_rao - old.pays_rao - fee_rao + old.gets_rao
    draft = replace(old, nonce=account.nonce, context=context, fee_rao=fee_rao, balance_after_rao=after_rao)
    return replace(plan, fee=Balance(fee_rao), balance_after=Balance(after_rao), draft=draft)


def problem_of(view: ErrorView) -> Problem:
    """Return an error of the API as the SDK shows it."""
    return Problem(view.code, view.message, view.hint)


def result_of(plan: Plan, status: TransactionStatus, success: bool) -> Result:
    """Return what the chain says of a transaction."""
    error = None if status.error is None else problem_of(status.error)
    if status.state == "failed" and error is None:
        error = Problem("transaction_failed", "The transaction failed.", "")
    return Result(
        success, status.state, plan, status.transaction_hash, status.height, status.block_hash,
        None if status.fee_rao is None else Balance(status.fee_rao), error,
    )  # fmt: skip
