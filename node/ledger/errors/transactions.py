"""Why a transaction may not enter a block."""

from node.ledger.errors.base import TransactionError


class TransactionMalformed(TransactionError):
    sentence = "These bytes are no transaction."


class UnknownTransactionVersion(TransactionError):
    sentence = "This node does not know transactions of that version."
    remedy = "Update the program that made it, or this node."


class UnknownSignatureScheme(TransactionError):
    sentence = "This chain does not know that signature scheme."


class BadSignature(TransactionError):
    sentence = "The signature does not fit the transaction, its sender and this network."
    remedy = "Sign it again with the sender's key for this network's genesis."


class EraInvalid(TransactionError):
    sentence = "A transaction lives 1 to 4096 blocks."


class EraNotStarted(TransactionError):
    sentence = "This transaction refers to a block that does not exist yet."


class EraExpired(TransactionError):
    sentence = "The time to include this transaction is over."
    remedy = "Sign it again; it then refers to a recent block."


class NonceTooLow(TransactionError):
    sentence = "This nonce is used already: the transaction is a replay or was replaced."


class NonceTooHigh(TransactionError):
    sentence = "An earlier transaction of this sender is missing."


class CannotPayFee(TransactionError):
    sentence = "The sender cannot pay the fee."
    remedy = "Send the account some τ first."


class FreeCallFails(TransactionError):
    sentence = "A fee-free call may enter a block only when it succeeds."


class TipOnFreeCall(TransactionError):
    sentence = "A fee-free call carries no tip."
