"""The genesis file: JSON that people can read and write. ss58 addresses, amounts in rao, every parameter by name.

Strict: unknown fields, wrong types and numbers out of range are refused with the field's name. Parameters that are left
out take their defaults. Pure: bytes in, bytes out.
"""

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from node.ledger.errors import GenesisError
from node.ledger.genesis_spec import Balance, GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet
from node.ledger.parameters import Hyperparameters, Parameters
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import Wire
from node.primitives.errors import AddressError
from node.primitives.limits import GENESIS_BYTES_MAX
from node.primitives.types import AccountId, Alpha, NetUid, Rao

Unsigned = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Numbers = dict[str, int | bool]
W = TypeVar("W", bound=Wire)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the objects in the file."""


class _Balance(_Entry, frozen=True):
    account: str
    amount_rao: Unsigned


class _Neuron(_Entry, frozen=True):
    hotkey: str
    coldkey: str
    validator_permit: bool = False


class _Subnet(_Entry, frozen=True):
    netuid: Unsigned
    name: str
    owner_hotkey: str
    owner_coldkey: str
    pool_tao_rao: Unsigned
    pool_alpha: Unsigned
    started: bool = True
    hyperparameters: Numbers = {}
    neurons: tuple[_Neuron, ...] = ()


class _Stake(_Entry, frozen=True):
    coldkey: str
    hotkey: str
    netuid: Unsigned
    amount: Unsigned


class _File(_Entry, frozen=True):
    name: str
    start_ms: Unsigned
    slot_ms: Unsigned
    authorities: tuple[str, ...]
    epoch_slots: Unsigned = 360
    balances: tuple[_Balance, ...] = ()
    parameters: Numbers = {}
    subnets: tuple[_Subnet, ...] = ()
    stakes: tuple[_Stake, ...] = ()
    triumvirate: tuple[str, ...] = ()
    senate: tuple[str, ...] = ()


def parse_genesis(data: bytes) -> GenesisSpec:
    """The spec in a genesis file's bytes. Raises GenesisError naming the field."""
    if len(data) > GENESIS_BYTES_MAX:
        raise GenesisError(f"A genesis file has at most {GENESIS_BYTES_MAX} bytes; this one has {len(data)}.")
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise GenesisError(f"This is no genesis file: {error}.") from error
    return GenesisSpec(
        name=file.name,
        start_ms=file.start_ms,
        slot_ms=file.slot_ms,
        epoch_slots=file.epoch_slots,
        authorities=_accounts("authorities", file.authorities),
        balances=tuple(
            Balance(_account(f"balances[{i}].account", entry.account), Rao(entry.amount_rao))
            for i, entry in enumerate(file.balances)
        ),
        parameters=_numbers(Parameters, "parameters", file.parameters),
        subnets=tuple(_subnet(f"subnets[{i}]", entry) for i, entry in enumerate(file.subnets)),
        stakes=tuple(_stake(f"stakes[{i}]", entry) for i, entry in enumerate(file.stakes)),
        triumvirate=_accounts("triumvirate", file.triumvirate),
        senate=_accounts("senate", file.senate),
    )


def format_genesis(spec: GenesisSpec) -> bytes:
    """The file of a spec, indented; `parse_genesis` gives the spec back."""
    file = _File(
        name=spec.name,
        start_ms=spec.start_ms,
        slot_ms=spec.slot_ms,
        epoch_slots=spec.epoch_slots,
        authorities=tuple(to_ss58(account) for account in spec.authorities),
        balances=tuple(_Balance(to_ss58(balance.account), balance.amount_rao) for balance in spec.balances),
        parameters=_named(spec.parameters),
        subnets=tuple(_subnet_entry(subnet) for subnet in spec.subnets),
        stakes=tuple(
            _Stake(to_ss58(stake.coldkey), to_ss58(stake.hotkey), stake.netuid, stake.amount) for stake in spec.stakes
        ),
        triumvirate=tuple(to_ss58(account) for account in spec.triumvirate),
        senate=tuple(to_ss58(account) for account in spec.senate),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def _subnet(field_name: str, entry: _Subnet) -> GenesisSubnet:
    return GenesisSubnet(
        netuid=NetUid(entry.netuid),
        name=entry.name,
        owner_hotkey=_account(f"{field_name}.owner_hotkey", entry.owner_hotkey),
        owner_coldkey=_account(f"{field_name}.owner_coldkey", entry.owner_coldkey),
        pool_tao_rao=Rao(entry.pool_tao_rao),
        pool_alpha=Alpha(entry.pool_alpha),
        started=entry.started,
        hyperparameters=_numbers(Hyperparameters, f"{field_name}.hyperparameters", entry.hyperparameters),
        neurons=tuple(
            GenesisNeuron(
                _account(f"{field_name}.neurons[{i}].hotkey", neuron.hotkey),
                _account(f"{field_name}.neurons[{i}].coldkey", neuron.coldkey),
                neuron.validator_permit,
            )
            for i, neuron in enumerate(entry.neurons)
        ),
    )


def _subnet_entry(subnet: GenesisSubnet) -> _Subnet:
    return _Subnet(
        netuid=subnet.netuid,
        name=subnet.name,
        owner_hotkey=to_ss58(subnet.owner_hotkey),
        owner_coldkey=to_ss58(subnet.owner_coldkey),
        pool_tao_rao=subnet.pool_tao_rao,
        pool_alpha=subnet.pool_alpha,
        started=subnet.started,
        hyperparameters=_named(subnet.hyperparameters),
        neurons=tuple(
            _Neuron(to_ss58(neuron.hotkey), to_ss58(neuron.coldkey), neuron.validator_permit)
            for neuron in subnet.neurons
        ),
    )


def _stake(field_name: str, entry: _Stake) -> GenesisStake:
    return GenesisStake(
        coldkey=_account(f"{field_name}.coldkey", entry.coldkey),
        hotkey=_account(f"{field_name}.hotkey", entry.hotkey),
        netuid=NetUid(entry.netuid),
        amount=Alpha(entry.amount),
    )


def _accounts(field_name: str, texts: tuple[str, ...]) -> tuple[AccountId, ...]:
    return tuple(_account(f"{field_name}[{i}]", text) for i, text in enumerate(texts))


def _account(field_name: str, text: str) -> AccountId:
    try:
        return from_ss58(text)
    except AddressError as error:
        raise GenesisError(f"{field_name}: {error.message}") from error


def _numbers(kind: type[W], field_name: str, given: Mapping[str, int | bool]) -> W:
    """The struct with the given fields set; every other one has its default."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: Numbers = {}
    for name, value in given.items():
        if name not in fields:
            raise GenesisError(f"{field_name}.{name}: there is no such parameter.")
        try:
            values[name] = msgspec.convert(value, type=fields[name].type)
        except msgspec.ValidationError as error:
            raise GenesisError(f"{field_name}.{name}: {error}.") from error
    return kind(**values)


def _named(numbers: Parameters | Hyperparameters) -> Numbers:
    return {name: getattr(numbers, name) for name in numbers.__struct_fields__}
