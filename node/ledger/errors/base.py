"""Everything the ledger refuses, as leaves of `LedgerError`; codes are the field's own names where it has one.

    LedgerError
    ├── BlockError          a block that cannot follow its parent; the whole block is refused
    ├── TransactionError    a transaction that may not enter a block; it costs its sender nothing
    ├── CallError           a call that fails; it changes nothing and its sender still pays the fee
    └── GenesisError        a genesis file that describes no network

A leaf's `code` is its class name: `SubnetNotExists`, `NotEnoughBalanceToStake`. Codes are stable, sentences are not.
"""

from typing import ClassVar

from node.primitives.errors import LedgerError


class _Named(LedgerError):
    """Base of the families below: the class name is the code, `sentence` is what it says unless told otherwise."""

    sentence: ClassVar[str] = "The ledger refuses this."

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = cls.__name__

    def __init__(self, message: str = "", *, remedy: str | None = None) -> None:
        super().__init__(message or self.sentence, remedy=remedy)


class BlockError(_Named):
    """A block that cannot follow its parent."""

    remedy = "Nothing is to be done: the node drops such a block and goes on without it."


class TransactionError(_Named):
    """A transaction that may not enter a block."""


class CallError(_Named):
    """A call that fails; `code` is written into the receipt."""


class GenesisError(_Named):
    """A genesis file that describes no network; the sentence names the field."""

    remedy = "Correct the genesis file, or take the one your network publishes."
