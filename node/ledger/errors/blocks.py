"""Why a block cannot follow its parent."""

from node.ledger.errors.base import BlockError


class WrongParent(BlockError):
    sentence = "This block names another parent."


class WrongHeight(BlockError):
    sentence = "The height of this block does not follow its parent's."


class SlotNotAfterParent(BlockError):
    sentence = "The slot of this block is not after its parent's."


class WrongAuthoritySet(BlockError):
    sentence = "This block names another authority set than its parent's state."


class WrongTransactionsRoot(BlockError):
    sentence = "The transactions of this block are not the ones its header commits to."


class WrongStateRoot(BlockError):
    sentence = "Executing this block gives another state than its header commits to."
    remedy = "The node drops such a block; if it stays behind the others, update neurond, then run `neurond db check`."


class BlockTooLarge(BlockError):
    sentence = "This block holds more than a block may hold."


class InvalidTransactionInBlock(BlockError):
    sentence = "This block holds a transaction that may not enter a block."
