"""What both clients share: connecting, planning and carrying out, one transaction of a sender after the other.

The order of things is what keeps money safe: plan, policy, key, signature, sending. Once a transaction is sent its hash
is never lost: whatever happens after that, the result carries it.
"""

import asyncio
from pathlib import Path
from typing import Final, Literal

from node.control import actions
from node.control.client_async import AsyncClient
from node.control.errors import ConnectionLost, NotRunning, ProtocolError, RemoteError, RequestTimeout, error_view
from node.control.paths import default_home, devnet_path, home_to_ask, wallets_path
from node.control.schema import ErrorView, TransactionStatus
from node.primitives.errors import NodeError
from node.sdk.balance import Balance
from node.sdk.errors import SdkError, UnknownNetwork
from node.sdk.intents import Intent, Key
from node.sdk.plans import Plan, Result, fresh_plan, plan_of, problem_of, result_of
from node.sdk.policy import Policy
from node.sdk.wallet import Wallet

WaitFor = Literal["final", "in_block", "sent"]
_LOST: Final = (ConnectionLost, NotRunning, ProtocolError, RequestTimeout)
_ELSEWHERE: Final = ("finney", "test", "archive")


def home_of(network: str | Path | None) -> Path:
    """Return the home that `network` means: None the default one, "local" the local network, else a home's path.

    Raises:
        UnknownNetwork: a network of Bittensor, an address, or a folder that does not exist.
    """
    if network is None:
        return home_to_ask(default_home())
    if isinstance(network, str) and network in _ELSEWHERE:
        raise UnknownNetwork(f"{network!r} is a network of Bittensor; neurond asks its own node.")
    if isinstance(network, str) and "://" in network:
        raise UnknownNetwork("neurond asks a node of this machine over its control socket, not an address.")
    if network == "local":
        found = home_to_ask(default_home())
        if devnet_path(default_home()) not in found.parents:
            raise UnknownNetwork("No local network runs.", remedy="Start one with `neurond devnet up`.")
        return found
    path = Path(network).expanduser().absolute()
    if not path.is_dir():
        raise UnknownNetwork(f"There is no folder {path}.")
    return home_to_ask(path)


class Core:
    """One connection, one policy, and what was spent under it. Belongs to one event loop."""

    def __init__(self, home: Path, policy: Policy | None) -> None:
        self.home = home
        self.policy = policy
        self.spent = Balance(0)
        self.api = AsyncClient(home, "neurond-sdk")
        self._sending = asyncio.Lock()

    def wallet(self, name: str, hotkey: str) -> Wallet:
        """Return a wallet of this node's home."""
        return Wallet(name, hotkey, wallets_path(self.home))

    async def plan(self, intent: Intent, wallet: Wallet | str) -> Plan:
        """Return what `intent` would do now for the key of `wallet` that must sign, or for an ss58 address.

        Raises:
            NodeError: it cannot be meant: no such address, subnet or position, or a unit that does not fit.
        """
        sender = wallet if isinstance(wallet, str) else wallet.address_of(intent.signed_by)
        return plan_of(intent.name, await intent.draft(self.api, sender))

    async def execute(self, what: Intent | Plan, wallet: Wallet, wait_for: WaitFor) -> Result:
        """Plan (unless planned), check the policy, sign here, send and wait. Raises as `plan`, and WalletError.

        A refusal, by the policy, the node or the chain, is a Result with `error`.
        """
        async with self._sending:
            plan = await self._fresh(what) if isinstance(what, Plan) else await self.plan(what, wallet)
            refused = self._refusal(plan)
            if refused is not None:
                return Result(False, "planned", plan, error=problem_of(refused))
            key: Key = "hotkey" if plan.sender != wallet.address else "coldkey"
            if wallet.address_of(key) != plan.sender:
                raise SdkError(f"The plan is of {plan.sender}, which is no key of wallet {wallet.name}.")
            signer = await asyncio.to_thread(wallet.signer, key)
            signed = actions.sign(plan.draft, signer)
            self.spent = self.spent + plan.cost  # before sending: what may have been sent counts
            try:
                await actions.submit(self.api, signed)
            except RemoteError as error:
                self.spent = self.spent - plan.cost
                return Result(False, "failed", plan, signed.transaction_hash, error=problem_of(error.view))
            except _LOST as error:
                return _lost(plan, signed.transaction_hash, error)
        return await self._followed(plan, signed, wait_for)

    async def _fresh(self, plan: Plan) -> Plan:
        """Return the plan with the nonce and era of now, exactly as it was otherwise."""
        return fresh_plan(plan, await self.api.account(plan.sender), await self.api.tx_context())

    def _refusal(self, plan: Plan) -> ErrorView | None:
        if plan.error is not None:
            return ErrorView(plan.error.code, plan.error.message, plan.error.remediation)
        if self.policy is None:
            return None
        try:
            self.policy.check(plan, self.spent)
        except NodeError as error:
            return error_view(error)
        return None

    async def _followed(self, plan: Plan, signed: actions.Signed, wait_for: WaitFor) -> Result:
        status = TransactionStatus(signed.transaction_hash, "pending")
        if wait_for == "sent":
            return result_of(plan, status, success=True)
        try:
            async for status in actions.follow(self.api, signed, plan.draft.context, asyncio.sleep):
                if status.state == "in_block" and wait_for == "in_block":
                    return result_of(plan, status, success=True)
        except (*_LOST, RemoteError) as error:
            return _lost(plan, signed.transaction_hash, error)
        return result_of(plan, status, success=status.state == "final")


def _lost(plan: Plan, transaction_hash: str, error: NodeError) -> Result:
    """The node could not be asked to the end: the transaction may have gone through."""
    view = error_view(error) or ErrorView(error.code, error.message)
    hint = f"It may still go through: ask transactions.status({transaction_hash!r}) before sending it again."
    return Result(
        False, "unknown", plan, transaction_hash, error=problem_of(ErrorView(view.code, view.message, hint))
    )  # fmt: skip
