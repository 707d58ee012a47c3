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


class TransactionError(_Named):
    """A transaction that may not enter a block."""


class CallError(_Named):
    """A call that fails; `code` is written into the receipt."""


class GenesisError(_Named):
    """A genesis file that describes no network; the sentence names the field."""

    remedy = "Correct the genesis file, or take the one your network publishes."


# --- blocks -----------------------------------------------------------------------------------------------------------


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


class BlockTooLarge(BlockError):
    sentence = "This block holds more than a block may hold."


class InvalidTransactionInBlock(BlockError):
    sentence = "This block holds a transaction that may not enter a block."


# --- transactions -----------------------------------------------------------------------------------------------------


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


# --- accounts ---------------------------------------------------------------------------------------------------------


class InsufficientBalance(CallError):
    sentence = "The account does not hold that much."


class ExistentialDeposit(CallError):
    sentence = "A new account needs at least the existential deposit."


class AmountIsZero(CallError):
    sentence = "The amount is zero."


# --- staking ----------------------------------------------------------------------------------------------------------


class AmountTooLow(CallError):
    sentence = "The amount is below the minimum stake."


class NotEnoughBalanceToStake(CallError):
    sentence = "The coldkey does not hold that much free balance."


class NotEnoughStakeToWithdraw(CallError):
    sentence = "The position does not hold that much."


class HotKeyAccountNotExists(CallError):
    sentence = "Nobody has registered that hotkey."


class NonAssociatedColdKey(CallError):
    sentence = "That hotkey belongs to another coldkey."


class InsufficientLiquidity(CallError):
    sentence = "The subnet's pool cannot give anything for this amount."


class SlippageTooHigh(CallError):
    sentence = "The whole amount does not fit within the price limit."
    remedy = "Allow a partial fill, loosen the limit or use a smaller amount."


class PriceLimitExceeded(CallError):
    sentence = "The price is already beyond the limit."


class SwapInputTooLarge(CallError):
    sentence = "The amount is more than 1000 times the pool's reserve."


# --- delegation -------------------------------------------------------------------------------------------------------


class DelegateTakeTooLow(CallError):
    sentence = "The take must change, and not fall below the minimum."


class DelegateTakeTooHigh(CallError):
    sentence = "The take is above the maximum."


class DelegateTxRateLimitExceeded(CallError):
    sentence = "The take was changed too recently to raise it."


# --- subnets and registration -----------------------------------------------------------------------------------------


class SubnetNotExists(CallError):
    sentence = "There is no such subnet."


class SubtokenDisabled(CallError):
    sentence = "The owner of this subnet has not started it yet."


class RegistrationNotPermittedOnRootSubnet(CallError):
    sentence = "The root network takes no neurons by burning."


class SubNetRegistrationDisabled(CallError):
    sentence = "This subnet accepts no registrations."


class HotKeyAlreadyRegisteredInSubNet(CallError):
    sentence = "That hotkey has a seat in this subnet already."


class NoNeuronIdAvailable(CallError):
    sentence = "Every seat is taken and nobody may be replaced yet."


class HotKeyNotRegisteredInSubNet(CallError):
    sentence = "The hotkey has no seat in this subnet."
    remedy = "Register it first."


class HotKeyNotRegisteredInNetwork(CallError):
    sentence = "The hotkey has no seat in this subnet."
    remedy = "Register it first."


class ServingRateLimitExceeded(CallError):
    sentence = "The addresses of this hotkey were published too recently."


class InvalidPeerId(CallError):
    sentence = "A peer id is 1 to 64 printable ASCII characters."


class InvalidAddress(CallError):
    sentence = "An address is 1 to 256 printable ASCII characters, and there are at most 4."


class CommitmentRateLimitExceeded(CallError):
    sentence = "The commitment of this hotkey was changed too recently."


# --- weights ----------------------------------------------------------------------------------------------------------


class CanNotSetRootNetworkWeights(CallError):
    sentence = "The root network has no weights."


class WeightVecNotEqualSize(CallError):
    sentence = "There must be one value per uid."


class UidsLengthExceedUidsInSubNet(CallError):
    sentence = "There are more weights than neurons."


class NotEnoughStakeToSetWeights(CallError):
    sentence = "The hotkey's stake weight is below the threshold for setting weights."


class IncorrectWeightVersionKey(CallError):
    sentence = "The weights were made by an older version than the subnet accepts."
    remedy = "Update the validator."


class SettingWeightsTooFast(CallError):
    sentence = "Weights were set too recently."


class NeuronNoValidatorPermit(CallError):
    sentence = "The neuron holds no validator permit."


class DuplicateUids(CallError):
    sentence = "A uid is named twice."


class UidVecContainInvalidOne(CallError):
    sentence = "A uid does not exist in this subnet."


class WeightVecLengthIsLow(CallError):
    sentence = "There are fewer weights than the subnet's minimum."
