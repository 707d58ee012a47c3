"""Switching roles from the client: the node's plan is read, shown for what it really does, signed here, and applied.

The node proposes transactions; the client decodes each itself and signs only kinds that a role can need, so that a
node in the wrong hands cannot slip in a transfer under the name of a registration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from node.control.actions import Draft, Effect, make_draft, sign
from node.control.amounts import format_amount
from node.control.api import Api
from node.control.errors import ActionRefused, ProtocolError
from node.control.schema import Account, Job, PlannedTransaction, Role, RolePlan, TransactionContext
from node.ledger import calls
from node.primitives.address import to_ss58
from node.primitives.codec import decode_canonical
from node.primitives.crypto import Signer
from node.primitives.errors import DecodeError
from node.primitives.limits import TRANSACTION_BYTES_MAX

RoleCall = calls.BurnedRegister | calls.AddStake | calls.AddStakeLimit
"""What switching a role may need the coldkey for."""
_COLDKEY_NEEDED: Final = "This switch needs a transaction of your coldkey."
_ROLE_CALL: Final = cast("type[RoleCall]", RoleCall)  # a union decodes like a type


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """A role switch ready to be signed: the node's plan and one draft for each transaction of the coldkey's."""

    role: Role
    plan: RolePlan
    drafts: tuple[Draft, ...]

    @property
    def needs_coldkey(self) -> bool:
        return bool(self.drafts)


async def prepare_role(api: Api, role: Role, coldkey: str | None, netuids: Sequence[int] = ()) -> RoleDraft:
    """Return what switching to `role` takes. `coldkey` (ss58) may be None when the plan has nothing to sign.

    `netuids` are the subnets to work in, () for those of the last choice.

    Raises:
        ActionRefused: there is something to sign and no coldkey. ProtocolError: the plan asks for a strange signature.
    """
    plan = await api.role_plan(role, netuids)
    planned = [each for each in plan.transactions if each.signer == "coldkey"]
    if not planned:
        return RoleDraft(role, plan, ())
    if coldkey is None:
        raise ActionRefused(
            "This switch needs a transaction of your coldkey.", remedy="Make a wallet: `neurond wallet create`."
        )
    account, context = await api.account(coldkey), await api.tx_context()
    return RoleDraft(role, plan, _drafts(planned, account, context))


def sign_role(draft: RoleDraft, signer: Signer | None) -> tuple[bytes, ...]:
    """Return the signed transactions in order.

    Raises:
        ActionRefused: a requirement is short, a transaction would fail, or the key is missing or another one.
    """
    if not draft.plan.possible:
        short = next((each for each in draft.plan.requirements if not each.met), None)
        reason = f"{short.name}: {short.have}, needed {short.need}." if short else "The node refuses this switch."
        raise ActionRefused(f"The role {draft.role} cannot be taken. {reason}", remedy=short.remedy if short else "")
    if draft.drafts and signer is None:
        raise ActionRefused(_COLDKEY_NEEDED, remedy="Unlock the wallet.")
    return tuple(sign(each, signer).raw for each in draft.drafts if signer is not None)


async def apply_role(api: Api, draft: RoleDraft, transactions: tuple[bytes, ...]) -> Job:
    """Start the switch; follow the job by its id."""
    return await api.role_apply(draft.role, transactions, draft.plan.netuids)


def _drafts(planned: list[PlannedTransaction], account: Account, context: TransactionContext) -> tuple[Draft, ...]:
    """Draft each transaction with the nonce and the balance that the one before leaves."""
    drafts: list[Draft] = []
    for offset, each in enumerate(planned):
        draft = make_draft(_effect(each), account, context, account.nonce + offset)
        drafts.append(draft)
        account = msgspec.structs.replace(account, balance_rao=max(draft.balance_after_rao, 0))
    return tuple(drafts)


def _effect(planned: PlannedTransaction) -> Effect:
    call = _decode(planned)
    match call:
        case calls.BurnedRegister(netuid=netuid, hotkey=hotkey):
            lines = (("hotkey", to_ss58(hotkey)), ("burned about", format_amount(planned.cost_rao)))
            return Effect(f"Register on subnet {netuid}", call, lines, pays_rao=planned.cost_rao)
        case (
            calls.AddStake(hotkey=hotkey, netuid=netuid, amount_rao=amount)
            | calls.AddStakeLimit(hotkey=hotkey, netuid=netuid, amount_rao=amount)
        ):
            lines = (("validator", to_ss58(hotkey)), ("pay", format_amount(amount)))
            return Effect(f"Stake {format_amount(amount)} on subnet {netuid}", call, lines, pays_rao=amount)


def _decode(planned: PlannedTransaction) -> RoleCall:
    try:
        return decode_canonical(_ROLE_CALL, planned.call, max_bytes=TRANSACTION_BYTES_MAX)
    except DecodeError as error:
        raise ProtocolError(
            f"The node asks to sign something that no role needs, under the name {planned.label[:60]!r}.",
            remedy="Sign nothing. Stop this node and check where its program came from.",
        ) from error
