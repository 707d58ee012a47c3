"""Why a call on balances fails."""

from node.ledger.errors.base import CallError


class InsufficientBalance(CallError):
    sentence = "The account does not hold that much."


class ExistentialDeposit(CallError):
    sentence = "A new account needs at least the existential deposit."


class AmountIsZero(CallError):
    sentence = "The amount is zero."
