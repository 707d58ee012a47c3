"""Why a call on identities and destinations fails."""

from node.ledger.errors.base import CallError


class SameAutoStakeHotkeyAlreadySet(CallError):
    sentence = "Earnings of this coldkey are staked behind that hotkey already."
    remedy = "Nothing is left to do."
