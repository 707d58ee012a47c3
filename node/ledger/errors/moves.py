"""Why stake cannot change its place, or be destroyed."""

from node.ledger.errors.base import CallError


class SameNetuid(CallError):
    sentence = "Origin and destination are the same position."
    remedy = "Choose a destination that differs in hotkey, subnet or coldkey."


class TransferDisallowed(CallError):
    sentence = "The owner of that subnet does not allow stake to change its coldkey."
    remedy = "Take the stake back with `neurond stake remove` and send the τ instead."


class CannotBurnOrRecycleOnRootSubnet(CallError):
    sentence = "Root stake is τ; it can neither be burned nor recycled."
    remedy = "Name a subnet, where stake is α."


class AddStakeBurnRateLimitExceeded(CallError):
    sentence = "α was bought and burned behind that hotkey too recently; once per tempo is allowed."
    remedy = "Wait for the block that the message names."
