"""Numbers that change: a subnet's by its owner or a proposal, the chain's by a proposal alone.

A subnet's number holds from the next thing that reads it; a number of the chain from the next block.
"""

from typing import Final

from msgspec.structs import replace

from node.ledger import errors
from node.ledger.calls import SetAlphaValues, SetHyperparameter, SetParameter, SetSubnetOwnerHotkey
from node.ledger.context import Context
from node.ledger.events import HyperparameterSet, ParameterSet, SubnetOwnerHotkeySet
from node.ledger.origin import Origin
from node.ledger.pallets import neurons, staking, subnets, system
from node.ledger.pallets.ownership import begin_change, owner_pause_blocks
from node.ledger.parameter_rules import RULES, Rule, Setter, require_coherent, require_coherent_chain, with_number
from node.ledger.parameters import Hyperparameters
from node.primitives.types import AccountId, NetUid

ALPHA_MIN_U16: Final = 1_638
"""0.025: below it bonds would hardly move."""


def set_hyperparameter(context: Context, sender: AccountId, call: SetHyperparameter) -> None:
    """Set one number of a subnet."""
    overlay, netuid, name = context.state, call.netuid, _text(call.parameter)
    subnets.require(overlay, netuid)
    rule = RULES.get(name)
    if rule is None:
        raise errors.UnknownParameter(f"There is no hyperparameter {name!r} that a call may set.")
    if rule.setter is Setter.ROOT:
        context.origin.require_root()
    else:
        begin_change(context, sender, netuid, call.parameter, owner_pause_blocks(context, netuid, rule.pause_tempos))
    _require_in_range(context, name, rule, call.value)
    hyper = with_number(subnets.HYPERPARAMETERS.get(overlay, netuid), name, call.value, error=rule.error)
    _store(context, netuid, hyper)
    context.emit(HyperparameterSet(netuid, call.parameter, call.value))


def set_alpha_values(context: Context, sender: AccountId, call: SetAlphaValues) -> None:
    """Set the range of liquid alpha: low is at least the minimum and at most high."""
    overlay, netuid = context.state, call.netuid
    subnets.require(overlay, netuid)
    begin_change(context, sender, netuid, b"alpha_values", owner_pause_blocks(context, netuid))
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    if not hyper.liquid_alpha:
        raise errors.LiquidAlphaDisabled
    if call.alpha_high_u16 < ALPHA_MIN_U16:
        raise errors.AlphaHighTooLow(f"alpha_high_u16 is at least {ALPHA_MIN_U16}.")
    if not ALPHA_MIN_U16 <= call.alpha_low_u16 <= call.alpha_high_u16:
        raise errors.AlphaLowOutOfRange(f"alpha_low_u16 lies between {ALPHA_MIN_U16} and alpha_high_u16.")
    _store(context, netuid, replace(hyper, alpha_low_u16=call.alpha_low_u16, alpha_high_u16=call.alpha_high_u16))
    context.emit(HyperparameterSet(netuid, b"alpha_low_u16", call.alpha_low_u16))
    context.emit(HyperparameterSet(netuid, b"alpha_high_u16", call.alpha_high_u16))


def set_owner_hotkey(context: Context, sender: AccountId, call: SetSubnetOwnerHotkey) -> None:
    """The owner's cut, the immune seat and the exemption from the stake threshold go to another hotkey of the owner."""
    overlay, netuid = context.state, call.netuid
    subnets.require(overlay, netuid)
    subnet = begin_change(context, sender, netuid, b"owner_hotkey", owner_pause_blocks(context, netuid))
    if staking.require_hotkey(overlay, call.hotkey).owner != subnet.owner_coldkey:
        raise errors.NonAssociatedColdKey
    subnets.SUBNET.put(overlay, netuid, replace(subnet, owner_hotkey=call.hotkey))
    context.emit(SubnetOwnerHotkeySet(netuid, call.hotkey))


def set_parameter(context: Context, call: SetParameter) -> None:
    """Set one number of the chain, from the next block on."""
    context.origin.require_root()
    changed = with_number(system.PARAMETERS.get(context.state), _text(call.parameter), call.value)
    require_coherent_chain(changed)
    system.PARAMETERS.put(context.state, changed)
    context.emit(ParameterSet(call.parameter, call.value))


def _require_in_range(context: Context, name: str, rule: Rule, value: int) -> None:
    high = rule.high if context.origin is Origin.ROOT else min(rule.high, rule.owner_high)
    if not rule.low <= value <= high:
        raise rule.error(f"{name}: from {rule.low} to {high}.")


def _store(context: Context, netuid: NetUid, hyper: Hyperparameters) -> None:
    require_coherent(hyper, context.parameters, neurons.COUNT.get(context.state, netuid))
    subnets.HYPERPARAMETERS.put(context.state, netuid, hyper)


def _text(parameter: bytes) -> str:
    """A parameter's name; what is not ASCII is the name of none."""
    return parameter.decode("ascii", errors="replace")
