"""Limits that a program gives itself: what it may spend and on whom, checked before anything is signed.

A Policy belongs to one client and counts what that client has sent. It guards against a program's own mistakes; who
can change the program can change it too, so it is no substitute for a small wallet.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from node.ledger import calls
from node.primitives.address import to_ss58
from node.sdk.balance import Balance
from node.sdk.errors import PolicyRefused
from node.sdk.plans import Plan

_FOR_ONESELF: Final = frozenset(
    {
        "add_stake", "add_stake_limit", "remove_stake", "remove_stake_limit", "remove_stake_full_limit", "unstake_all",
        "unstake_all_alpha", "move_stake", "swap_stake", "swap_stake_limit", "burned_register", "register_limit",
        "root_register", "set_weights", "batch_set_weights", "commit_weights", "reveal_weights",
        "batch_commit_weights", "batch_reveal_weights", "vote", "close_proposal", "set_identity", "serve_axon",
        "set_commitment", "set_hyperparameter", "start_call",
    }
)  # fmt: skip
"""Calls by which nobody else gets anything that was the sender's."""


@dataclass(frozen=True, slots=True)
class Policy:
    """None means no limit. Costs count payment and fee, in τ.

    `per_transaction`, `per_session`: how much one transaction, and all of one client, may cost. `fee_max`: for one.
    `keep`: what must be left of the balance. `impact_max`: 0.02 refuses a price impact above 2 %. `intents`: the only
    names that may be executed. `receivers`: the only ss58 addresses that may be given anything.
    """

    per_transaction: Balance | None = None
    per_session: Balance | None = None
    fee_max: Balance | None = None
    keep: Balance | None = None
    impact_max: Decimal | None = None
    intents: Collection[str] | None = None
    receivers: Collection[str] | None = None

    def check(self, plan: Plan, spent: Balance) -> None:
        """Return when `plan` is allowed after `spent` of this session. Raises PolicyRefused, which names the limit."""
        if self.intents is not None and plan.intent not in self.intents:
            raise PolicyRefused(f"{plan.intent} is not among the intents that this program may execute.")
        if self.fee_max is not None and plan.fee > self.fee_max:
            raise PolicyRefused(f"The fee {plan.fee} is above {self.fee_max}.")
        if self.per_transaction is not None and plan.cost > self.per_transaction:
            raise PolicyRefused(f"It costs {plan.cost}; one transaction may cost {self.per_transaction}.")
        if self.per_session is not None and spent + plan.cost > self.per_session:
            raise PolicyRefused(f"It costs {plan.cost} after {spent}; this session may spend {self.per_session}.")
        if self.keep is not None and plan.balance_after - plan.gets_tao < self.keep:
            raise PolicyRefused(f"{plan.balance_after - plan.gets_tao} would be left; {self.keep} must be.")
        if self.impact_max is not None and plan.impact is not None and plan.impact > self.impact_max:
            raise PolicyRefused(f"It moves the price by {plan.impact:%}; {self.impact_max:%} are allowed.")
        self._check_receiver(plan)

    def _check_receiver(self, plan: Plan) -> None:
        """Hold what is given away to the list; a call of which that cannot be told is refused."""
        if self.receivers is None:
            return
        match plan.draft.call:
            case calls.Transfer(to=account) | calls.TransferStake(destination_coldkey=account):
                receiver = to_ss58(account)
            case _ if plan.call in _FOR_ONESELF:
                return
            case _:
                raise PolicyRefused(f"{plan.call} may give something away; it cannot be held to a list of receivers.")
        if receiver not in self.receivers:
            raise PolicyRefused(f"{receiver} is not among the receivers that this program may pay.")
