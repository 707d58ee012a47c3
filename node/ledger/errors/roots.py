"""Why a root cannot be committed."""

from node.ledger.errors.base import CallError


class ReceiptEpochOutOfBounds(CallError):
    sentence = "Receipts are committed during their epoch or the one after it."
    remedy = "Name the present epoch of the subnet, or the one before."


class ReceiptRootExists(CallError):
    sentence = "The hotkey has committed to that epoch's receipts already."
    remedy = "Nothing is left to do: a committed root cannot be changed."
