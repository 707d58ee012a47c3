"""Free τ between accounts. See `node.ledger.calls`."""

from typing import Final

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, RAO, Account, CallSpec, RaoAmount
from node.primitives.codec import Wire


class Transfer(Wire, frozen=True, tag=1):
    """Move free τ to another account."""

    to: Account
    amount_rao: RaoAmount


AccountsCall = Transfer

SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        1,
        "transfer",
        Transfer,
        COLD,
        BY_SIZE,
        (("to", "account, 32 bytes"), RAO),
        (e.AmountIsZero, e.InsufficientBalance, e.ExistentialDeposit),
    ),
)
