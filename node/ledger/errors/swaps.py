"""Why a call on key swaps fails."""

from node.ledger.errors.base import CallError


class NewHotKeyIsSameWithOld(CallError):
    sentence = "The new hotkey is the old one."
    remedy = "Choose another hotkey."


class HotKeySetTxRateLimitExceeded(CallError):
    sentence = "The coldkey has swapped a hotkey too recently."
    remedy = "Wait for the block that the message names."


class HotKeySwapOnSubnetIntervalNotPassed(CallError):
    sentence = "The coldkey has swapped a hotkey on this subnet too recently."
    remedy = "Wait for the block that the message names."


class NotEnoughBalanceToPaySwapHotKey(CallError):
    sentence = "The coldkey cannot pay for the swap."
    remedy = "Send the coldkey more τ first."


class NewHotKeyNotCleanForRootSwap(CallError):
    sentence = "The new hotkey has stake on root of its own."
    remedy = "Choose a fresh hotkey, or keep the stake behind the old one."


class SwapTooLarge(CallError):
    sentence = "More than 4096 positions and links would have to move at once."
    remedy = "Swap one subnet at a time, or keep the stake behind the old hotkey and let its holders move it."


class ColdkeySwapAnnounced(CallError):
    sentence = "This coldkey has announced its swap and can do nothing else until then."
    remedy = "Carry the swap out when it is due, clear it later, or dispute it if it is not yours."


class ColdkeySwapDisputed(CallError):
    sentence = "This account is frozen: the swap of its coldkey is disputed."
    remedy = "Only a decision of the network can thaw it."


class ColdkeySwapAlreadyDisputed(CallError):
    sentence = "The swap of this coldkey is disputed already."
    remedy = "Nothing is left to do until the network decides."


class ColdkeySwapAnnouncementNotFound(CallError):
    sentence = "This coldkey has announced no swap."
    remedy = "Announce one with announce_coldkey_swap; otherwise there is nothing to do."


class ColdkeySwapTooEarly(CallError):
    sentence = "The announced swap is not due yet."
    remedy = "Wait for the block that the message names."


class ColdkeySwapReannouncedTooEarly(CallError):
    sentence = "The announced swap cannot be replaced yet."
    remedy = "Carry it out with swap_coldkey_announced, or wait until the announcement may change."


class ColdkeySwapClearTooEarly(CallError):
    sentence = "The announced swap cannot be taken back yet."
    remedy = "Wait until the announcement may change, or dispute it if it is not yours."


class AnnouncedColdkeyHashDoesNotMatch(CallError):
    sentence = "Another coldkey was announced."
    remedy = "Name the coldkey whose hash was announced."


class NotEnoughBalanceToPaySwapColdKey(CallError):
    sentence = "The coldkey cannot pay for the announcement."
    remedy = "Send the coldkey more τ first."


class ColdKeyAlreadyAssociated(CallError):
    sentence = "The new coldkey has stake or hotkeys of its own."
    remedy = "Choose a fresh coldkey."


class NewColdKeyIsHotkey(CallError):
    sentence = "The new coldkey is a hotkey."
    remedy = "Choose a fresh coldkey."
