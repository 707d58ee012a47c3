"""Why a call on subnets, seats or serving fails."""

from node.ledger.errors.base import CallError


class SubnetNotExists(CallError):
    sentence = "There is no such subnet."
    remedy = "`neurond subnets list` shows which there are."


class SubtokenDisabled(CallError):
    sentence = "The owner of this subnet has not started it yet."
    remedy = "Wait until its owner does, or choose another subnet."


class RegistrationNotPermittedOnRootSubnet(CallError):
    sentence = "The root network takes no neurons by burning."
    remedy = "Name a subnet; a seat on root is taken with root_register."


class SubNetRegistrationDisabled(CallError):
    sentence = "This subnet accepts no registrations."
    remedy = "Choose another subnet; only an approved proposal opens this one."


class HotKeyAlreadyRegisteredInSubNet(CallError):
    sentence = "That hotkey has a seat in this subnet already."
    remedy = "Use the seat it has, or choose another hotkey."


class NoNeuronIdAvailable(CallError):
    sentence = "Every seat is taken and nobody may be replaced yet."
    remedy = "Try again when a seat has outlived its immunity, or choose another subnet."


class HotKeyNotRegisteredInSubNet(CallError):
    sentence = "The hotkey has no seat in this subnet."
    remedy = "Register it first."


class HotKeyNotRegisteredInNetwork(CallError):
    sentence = "The hotkey has no seat in this subnet."
    remedy = "Register it first."


class ServingRateLimitExceeded(CallError):
    sentence = "The addresses of this hotkey were published too recently."
    remedy = "Wait for the block that the message names."


class InvalidPeerId(CallError):
    sentence = "A peer id is 1 to 64 printable ASCII characters."
    remedy = "Give the peer id as `neurond status` shows it."


class InvalidAddress(CallError):
    sentence = "An address is 1 to 256 printable ASCII characters, and there are at most 4."
    remedy = "Give at most four multiaddresses such as /ip4/192.0.2.1/tcp/4001."


class CommitmentRateLimitExceeded(CallError):
    sentence = "The commitment of this hotkey was changed too recently."
    remedy = "Wait for the block that the message names."
