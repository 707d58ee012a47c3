"""Why a call on key swaps fails."""

from node.ledger.errors.base import CallError


class NewHotKeyIsSameWithOld(CallError):
    sentence = "The new hotkey is the old one."


class HotKeySetTxRateLimitExceeded(CallError):
    sentence = "The coldkey has swapped a hotkey too recently."


class HotKeySwapOnSubnetIntervalNotPassed(CallError):
    sentence = "The coldkey has swapped a hotkey on this subnet too recently."


class NotEnoughBalanceToPaySwapHotKey(CallError):
    sentence = "The coldkey cannot pay for the swap."


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


class ColdkeySwapAnnouncementNotFound(CallError):
    sentence = "This coldkey has announced no swap."


class ColdkeySwapTooEarly(CallError):
    sentence = "The announced swap is not due yet."


class ColdkeySwapReannouncedTooEarly(CallError):
    sentence = "The announced swap cannot be replaced yet."


class ColdkeySwapClearTooEarly(CallError):
    sentence = "The announced swap cannot be taken back yet."


class AnnouncedColdkeyHashDoesNotMatch(CallError):
    sentence = "Another coldkey was announced."


class NotEnoughBalanceToPaySwapColdKey(CallError):
    sentence = "The coldkey cannot pay for the announcement."


class ColdKeyAlreadyAssociated(CallError):
    sentence = "The new coldkey has stake or hotkeys of its own."
    remedy = "Choose a fresh coldkey."


class NewColdKeyIsHotkey(CallError):
    sentence = "The new coldkey is a hotkey."
