"""Why a call on balances fails."""

from node.ledger.errors.base import CallError


class InsufficientBalance(CallError):
    sentence = "The account does not hold that much."
    remedy = "Use a smaller amount, or send the account more τ first."


class ExistentialDeposit(CallError):
    sentence = "A new account needs at least the existential deposit."
    remedy = "Use a larger amount."


class AmountIsZero(CallError):
    sentence = "The amount is zero."
    remedy = "Use an amount above zero."
