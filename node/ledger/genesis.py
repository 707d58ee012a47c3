"""Genesis: from a spec to block 0 and its state; with the spec's types and its file format, the one door to them.

The header of block 0 commits to the state and the state to every field of the spec, so networks with one genesis hash
have one genesis.
"""

from typing import Final

from node.ledger import merkle
from node.ledger.errors import GenesisError
from node.ledger.genesis_file import format_genesis, parse_genesis
from node.ledger.genesis_spec import Balance, GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet
from node.ledger.header import HEADER_VERSION, UNSIGNED, Authority, Header, header_hash
from node.ledger.pallets import (
    accounts,
    authority,
    council,
    emission,
    neurons,
    registration,
    root,
    staking,
    subnets,
    system,
)
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.state import DictView, EmptyView, Overlay
from node.ledger.transaction import SPEC_VERSION
from node.ledger.transition import ChainState
from node.primitives.codec import decode_canonical, encode
from node.primitives.errors import DecodeError
from node.primitives.limits import (
    AUTHORITIES_MAX,
    NETWORK_NAME_CHARS_MAX,
    SENATE_MAX,
    STATE_VALUE_BYTES_MAX,
    SUBNETS_MAX,
    TRIUMVIRATE_MAX,
)
from node.primitives.types import (
    MAX_SUPPLY_RAO,
    ROOT_NETUID,
    ZERO_HASH,
    AccountId,
    Hash,
    Height,
    NetUid,
    Rao,
    Slot,
)

__all__ = [
    "Balance", "GenesisNeuron", "GenesisSpec", "GenesisStake", "GenesisSubnet", "format_genesis", "genesis_state",
    "parse_genesis",
]  # fmt: skip

NOBODY: Final = AccountId(ZERO_HASH)
"""The producer of block 0."""


def genesis_state(spec: GenesisSpec) -> tuple[Header, ChainState, dict[Hash, bytes]]:
    """Block 0's header, the state after it and all its rows by ascending path; `state.hash` is the genesis hash.

    Raises GenesisError.
    """
    overlay = Overlay(EmptyView())
    _write_chain(overlay, spec)
    for index, balance in enumerate(spec.balances):
        _write_balance(overlay, index, balance)
    _write_subnets(overlay, spec)
    for index, stake in enumerate(spec.stakes):
        _write_stake(overlay, spec, index, stake)
    _write_council(overlay, spec)
    rows = {path: value for path, value in overlay.changes().items() if value is not None}
    tree = merkle.build(rows.items())
    set_id, next_set_hash, next_set = authority.announced(overlay, Slot(0), enact=False)
    header = Header(
        HEADER_VERSION, Height(0), Slot(0), ZERO_HASH, NOBODY, ZERO_HASH, merkle.root_hash(tree), set_id,
        next_set_hash, next_set, UNSIGNED,
    )  # fmt: skip
    return header, ChainState(Height(0), Slot(0), header_hash(header), DictView(rows), tree), rows


def _write_chain(overlay: Overlay, spec: GenesisSpec) -> None:
    if not 1 <= len(spec.name) <= NETWORK_NAME_CHARS_MAX or not spec.name.isprintable():
        raise GenesisError(f"name: 1 to {NETWORK_NAME_CHARS_MAX} printable characters.")
    bounds = (("start_ms", spec.start_ms, 0), ("slot_ms", spec.slot_ms, 1), ("epoch_slots", spec.epoch_slots, 1))
    for field_name, number, least in bounds:
        if not least <= number < 1 << 63:
            raise GenesisError(f"{field_name}: at least {least}.")
    _require_in_range("parameters", spec.parameters)
    if not 1 <= len(spec.authorities) <= AUTHORITIES_MAX:
        raise GenesisError(f"authorities: 1 to {AUTHORITIES_MAX} of them.")
    if len(set(spec.authorities)) != len(spec.authorities):
        raise GenesisError("authorities: each account once.")
    network = system.Network(spec.name, spec.start_ms, spec.slot_ms, spec.epoch_slots, SPEC_VERSION)
    system.NETWORK.put(overlay, network)
    system.PARAMETERS.put(overlay, spec.parameters)
    system.CLOCK.put(overlay, system.Clock(Height(0), Slot(0), NOBODY))
    members = tuple(Authority(account, 1) for account in sorted(spec.authorities))
    authority.found(overlay, members)


def _write_balance(overlay: Overlay, index: int, balance: Balance) -> None:
    if accounts.ACCOUNT.has(overlay, balance.account):
        raise GenesisError(f"balances[{index}].account: each account once.")
    _require_amount(f"balances[{index}].amount_rao", balance.amount_rao)
    _issue(overlay, f"balances[{index}].amount_rao", balance.amount_rao)
    accounts.credit(overlay, balance.account, balance.amount_rao)


def _write_subnets(overlay: Overlay, spec: GenesisSpec) -> None:
    netuids = [subnet.netuid for subnet in spec.subnets]
    if len(netuids) > SUBNETS_MAX or len(set(netuids)) != len(netuids):
        raise GenesisError(f"subnets: at most {SUBNETS_MAX}, each netuid once.")
    subnets.NETUIDS.put(overlay, tuple(sorted(netuids)))
    for index, subnet in enumerate(spec.subnets):
        _write_subnet(overlay, spec.parameters, f"subnets[{index}]", subnet)


def _write_subnet(overlay: Overlay, parameters: Parameters, field_name: str, spec: GenesisSubnet) -> None:
    """A started subnet begins with its spot price as moving price: it earns τ from block 1."""
    if not 1 <= spec.netuid <= 0xFFFF:
        raise GenesisError(f"{field_name}.netuid: 1 to 65535.")
    if len(spec.name) > NETWORK_NAME_CHARS_MAX or not spec.name.isprintable():
        raise GenesisError(f"{field_name}.name: at most {NETWORK_NAME_CHARS_MAX} printable characters.")
    _require_amount(f"{field_name}.pool_tao_rao", spec.pool_tao_rao)
    _require_amount(f"{field_name}.pool_alpha", spec.pool_alpha)
    _require_in_range(f"{field_name}.hyperparameters", spec.hyperparameters)
    _issue(overlay, f"{field_name}.pool_tao_rao", spec.pool_tao_rao)
    subnets.SUBNET.put(
        overlay,
        spec.netuid,
        subnets.Subnet(spec.name, spec.owner_hotkey, spec.owner_coldkey, Height(0), Height(1 if spec.started else 0)),
    )
    subnets.HYPERPARAMETERS.put(overlay, spec.netuid, spec.hyperparameters)
    subnets.POOL.put(overlay, spec.netuid, subnets.SubnetPool(tao_rao=spec.pool_tao_rao, alpha_in=spec.pool_alpha))
    registration.BURN.put(overlay, spec.netuid, registration.Burn(Rao(spec.hyperparameters.burn_start_rao)))
    if spec.started:
        price_q32 = min(subnets.price_q64(overlay, spec.netuid) >> 32, 1 << 32)
        emission.put(overlay, spec.netuid, moving_price_q32=price_q32)
    owner = GenesisNeuron(spec.owner_hotkey, spec.owner_coldkey, validator_permit=True)
    seats = (owner, *spec.neurons)
    if len(seats) > spec.hyperparameters.max_uids:
        raise GenesisError(f"{field_name}.neurons: more than max_uids with the owner's.")
    for index, neuron in enumerate(seats):
        _write_neuron(overlay, parameters, spec.netuid, f"{field_name}.neurons[{index - 1}]", neuron)


def _write_neuron(
    overlay: Overlay, parameters: Parameters, netuid: NetUid, field_name: str, neuron: GenesisNeuron
) -> None:
    if neurons.uid_of(overlay, netuid, neuron.hotkey) is not None:
        raise GenesisError(f"{field_name}.hotkey: has a seat already (the owner's is uid 0).")
    _own_hotkey(overlay, parameters, f"{field_name}.coldkey", neuron.hotkey, neuron.coldkey)
    registration.append_neuron(overlay, netuid, neuron.hotkey, Height(0), validator_permit=neuron.validator_permit)


def _write_stake(overlay: Overlay, spec: GenesisSpec, index: int, stake: GenesisStake) -> None:
    """A hotkey that no subnet names belongs to the coldkey of its first stake."""
    field_name = f"stakes[{index}]"
    _require_amount(f"{field_name}.amount", stake.amount)
    if stake.netuid == ROOT_NETUID:
        _issue(overlay, f"{field_name}.amount", Rao(stake.amount))
        subnets.change(overlay, ROOT_NETUID, tao_rao=stake.amount)
    elif subnets.SUBNET.find(overlay, stake.netuid) is None:
        raise GenesisError(f"{field_name}.netuid: there is no subnet {stake.netuid} in this file.")
    else:
        if subnets.POOL.get(overlay, stake.netuid).issuance_alpha + stake.amount > MAX_SUPPLY_RAO:
            raise GenesisError(f"{field_name}.amount: more α than may exist.")
        subnets.change(overlay, stake.netuid, alpha_out=stake.amount)
    if staking.HOTKEY.find(overlay, stake.hotkey) is None:
        staking.create_hotkey(overlay, stake.hotkey, stake.coldkey, spec.parameters.take_default_u16)
    staking.deposit(overlay, stake.hotkey, stake.netuid, stake.coldkey, stake.amount)


def _write_council(overlay: Overlay, spec: GenesisSpec) -> None:
    if len(spec.triumvirate) > TRIUMVIRATE_MAX or len(set(spec.triumvirate)) != len(spec.triumvirate):
        raise GenesisError(f"triumvirate: at most {TRIUMVIRATE_MAX} accounts, each once.")
    if len(spec.senate) > SENATE_MAX or len(set(spec.senate)) != len(spec.senate):
        raise GenesisError(f"senate: at most {SENATE_MAX} hotkeys, each once.")
    for index, hotkey in enumerate(spec.senate):
        if staking.HOTKEY.find(overlay, hotkey) is None:
            raise GenesisError(f"senate[{index}]: no subnet and no stake of this file names that hotkey.")
        root.append_seat(overlay, hotkey, Height(0))
    council.TRIUMVIRATE.put(overlay, tuple(sorted(spec.triumvirate)))
    council.SENATE.put(overlay, tuple(sorted(spec.senate)))


def _own_hotkey(
    overlay: Overlay, parameters: Parameters, field_name: str, account: AccountId, owner: AccountId
) -> None:
    known = staking.HOTKEY.find(overlay, account)
    if known is None:
        staking.create_hotkey(overlay, account, owner, parameters.take_default_u16)
    elif known.owner != owner:
        raise GenesisError(f"{field_name}: this hotkey belongs to another coldkey elsewhere in the file.")


def _require_in_range(field_name: str, numbers: Parameters | Hyperparameters) -> None:
    """Refuse what the state's own decoder would refuse."""
    try:
        decode_canonical(type(numbers), encode(numbers), max_bytes=STATE_VALUE_BYTES_MAX)
    except (DecodeError, OverflowError) as error:
        raise GenesisError(f"{field_name}: {error}") from error


def _require_amount(field_name: str, amount: int) -> None:
    if not 1 <= amount <= MAX_SUPPLY_RAO:
        raise GenesisError(f"{field_name}: 1 to {MAX_SUPPLY_RAO}.")


def _issue(overlay: Overlay, field_name: str, amount_rao: Rao) -> None:
    if accounts.ISSUANCE.get(overlay) + amount_rao > MAX_SUPPLY_RAO:
        raise GenesisError(f"{field_name}: more τ than may exist.")
    accounts.mint(overlay, amount_rao)
