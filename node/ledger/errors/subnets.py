"""Why a call on subnets, seats or serving fails."""

from node.ledger.errors.base import CallError


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
