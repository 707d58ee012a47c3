"""Why a transaction may not enter a block."""

from node.ledger.errors.base import TransactionError


class TransactionMalformed(TransactionError):
    sentence = "These bytes are no transaction."
    remedy = "Make and sign it again with the present neurond."


class UnknownTransactionVersion(TransactionError):
    sentence = "This node does not know transactions of that version."
    remedy = "Update the program that made it, or this node."


class UnknownSignatureScheme(TransactionError):
    sentence = "This chain does not know that signature scheme."
    remedy = "Sign it with an ed25519 key."


class BadSignature(TransactionError):
    sentence = "The signature does not fit the transaction, its sender and this network."
    remedy = "Sign it again with the sender's key for this network's genesis."


class EraInvalid(TransactionError):
    sentence = "A transaction lives 1 to 4096 blocks."
    remedy = "Sign it again with a lifetime within these bounds."


class EraNotStarted(TransactionError):
    sentence = "This transaction refers to a block that does not exist yet."
    remedy = "Wait until this node has caught up, or sign it again."


class EraExpired(TransactionError):
    sentence = "The time to include this transaction is over."
    remedy = "Sign it again; it then refers to a recent block."


class NonceTooLow(TransactionError):
    sentence = "This nonce is used already: the transaction is a replay or was replaced."
    remedy = "Sign it again with the account's next nonce."


class NonceTooHigh(TransactionError):
    sentence = "An earlier transaction of this sender is missing."
    remedy = "Send the transactions before it first."


class CannotPayFee(TransactionError):
    sentence = "The sender cannot pay the fee."
    remedy = "Send the account some τ first."


class FreeCallFails(TransactionError):
    sentence = "A fee-free call may enter a block only when it succeeds."
    remedy = "The code in the message says why; `neurond explain` and that code say more."


class ColdkeyIsFrozen(TransactionError):
    sentence = "A coldkey that has announced its swap pays for nothing but a step of that swap, and gives no tip."
    remedy = "Carry the swap out when it is due, clear it later, or dispute it; the message says what was wrong here."


class TipOnFreeCall(TransactionError):
    sentence = "A fee-free call carries no tip."
    remedy = "Sign it again without a tip."
