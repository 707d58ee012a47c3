"""Why a decision of the network fails."""

from node.ledger.errors.base import CallError


class BadOrigin(CallError):
    sentence = "Only an approved proposal may do this."
    remedy = "Have a member of the Triumvirate propose it and the Senate vote."
