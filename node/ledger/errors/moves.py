"""Why stake cannot change its place, or be destroyed."""

from node.ledger.errors.base import CallError


class SameNetuid(CallError):
    sentence = "Origin and destination are the same position."


class TransferDisallowed(CallError):
    sentence = "The owner of that subnet does not allow stake to change its coldkey."


class CannotBurnOrRecycleOnRootSubnet(CallError):
    sentence = "Root stake is τ; it can neither be burned nor recycled."


class AddStakeBurnRateLimitExceeded(CallError):
    sentence = "α was bought and burned behind that hotkey too recently; once per tempo is allowed."
