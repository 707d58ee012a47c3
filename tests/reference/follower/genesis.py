"""From a genesis file to the genesis hash: docs/protocol.md, "Genesis" and its rows of block 0.

The file is taken as well-formed; what a node refuses in one is not looked at here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.reference.follower.sets import AuthoritySet
from tests.reference.follower.shapes import Authority, Header
from tests.reference.follower.trees import tree_root
from tests.reference.follower.wire import UNSIGNED, ZEROS, Value, account_of, pack, row_path

HALF = 5 * 10**17
SPEC_VERSION = 1
MANTISSA_MAX = 10**21
LISTS = 10
NOTHING: tuple[Value, ...] = ()

Numbers = Mapping[str, int | bool]
"""Defaults of parameters, in the order of their table."""


def number_row(amount: int) -> tuple[bytes, int]:
    """A number with its own exponent: the largest mantissa of at most 10^21."""
    mantissa, exponent = amount, 0
    while mantissa * 10 <= MANTISSA_MAX:
        mantissa, exponent = mantissa * 10, exponent - 1
    return mantissa.to_bytes(16, "big"), exponent + 2**31


@dataclass(frozen=True)
class Founding:
    """Block 0 and the rows of its state, by ascending path."""

    header: Header
    rows: tuple[tuple[bytes, bytes], ...]


class _Rows:
    """The state while it is written; values equal to their item's default stay out."""

    def __init__(self) -> None:
        self.values: dict[bytes, Value] = {}

    def put(self, pallet: str, item: str, value: Value, key: Value | None = None) -> None:
        self.values[row_path(pallet, item, key)] = value

    def get(self, pallet: str, item: str, key: Value | None = None) -> Any:
        return self.values.get(row_path(pallet, item, key))

    def append(self, pallet: str, name: str, owner: Value, member: Value) -> None:
        """Add a member to a list that can be enumerated, unless it is there."""
        if self.get(pallet, f"{name}_slot", [owner, member]) is not None:
            return
        count: int = self.get(pallet, f"{name}_count", owner) or 0
        self.put(pallet, f"{name}_at", member, [owner, count])
        self.put(pallet, f"{name}_slot", count, [owner, member])
        self.put(pallet, f"{name}_count", count + 1, owner)

    def add(self, pallet: str, item: str, place: int, amount: int, key: Value | None, default: Sequence[int]) -> None:
        """Raise one number of a row."""
        row = list(self.get(pallet, item, key) or default)
        row[place] += amount
        self.put(pallet, item, row, key)


def found(raw: bytes, parameters: Numbers, hyperparameters: Numbers) -> Founding:
    """Block 0 of the network of a genesis file, given the defaults of both tables."""
    file = json.loads(raw)
    rows = _Rows()
    chain = {**parameters, **file.get("parameters", {})}
    epoch_slots = file.get("epoch_slots", 360)
    rows.put("system", "network", [file["name"], file["start_ms"], file["slot_ms"], epoch_slots, SPEC_VERSION])
    rows.put("system", "parameters", list(chain.values()))
    rows.put("system", "clock", [0, 0, ZEROS])
    keys = sorted(account_of(address) for address in file["authorities"])
    members = AuthoritySet(0, tuple(Authority(key, 1, 0) for key in keys))
    rows.put("authority", "current", members.plain())
    rows.put("authority", "sets", members.plain(), 0)
    issued = _write_balances(rows, file.get("balances", []))
    issued += _write_subnets(rows, file.get("subnets", []), hyperparameters, chain["take_default_u16"])
    issued += _write_stakes(rows, file.get("stakes", []), chain["take_default_u16"])
    _write_council(rows, file)
    if issued:
        rows.put("accounts", "issuance", issued)
    state = tuple(sorted((path, pack(value)) for path, value in rows.values.items()))
    header = Header(1, 0, 0, ZEROS, ZEROS, ZEROS, tree_root(state), 0, members.hash, (), UNSIGNED)
    return Founding(header, state)


def _write_balances(rows: _Rows, balances: Any) -> int:
    for each in balances:
        account = account_of(each["account"])
        rows.put("accounts", "account", [0, each["amount_rao"]], account)
        rows.append("accounts", "accounts", NOTHING, account)
    return sum(each["amount_rao"] for each in balances)


def _write_subnets(rows: _Rows, subnets: Any, defaults: Numbers, take: int) -> int:
    if subnets:
        rows.put("subnets", "netuids", sorted(each["netuid"] for each in subnets))
    for each in subnets:
        netuid, tao, alpha = each["netuid"], each["pool_tao_rao"], each["pool_alpha"]
        owner, coldkey = account_of(each["owner_hotkey"]), account_of(each["owner_coldkey"])
        started = each.get("started", True)
        numbers = {**defaults, **each.get("hyperparameters", {})}
        rows.put("subnets", "subnet", [each["name"], owner, coldkey, 0, int(started)], netuid)
        rows.put("subnets", "hyperparameters", list(numbers.values()), netuid)
        rows.put("subnets", "pool", [tao, alpha, 0, HALF, 0, 0], netuid)
        rows.put("registration", "burn", [numbers["burn_start_rao"], 0], netuid)
        if started:
            rows.put("emission", "emission", [min(2**32 * tao // alpha, 2**32), *[0] * 8], netuid)
        seats = [(owner, coldkey, True)]
        for neuron in each.get("neurons", []):
            permit = neuron.get("validator_permit", False)
            seats.append((account_of(neuron["hotkey"]), account_of(neuron["coldkey"]), permit))
        _write_seats(rows, netuid, seats, take)
    return sum(each["pool_tao_rao"] for each in subnets)


def _write_seats(rows: _Rows, netuid: int, seats: list[tuple[bytes, bytes, bool]], take: int) -> None:
    for uid, (hotkey, coldkey, _) in enumerate(seats):
        _own(rows, hotkey, coldkey, take)
        rows.put("neurons", "neuron", [hotkey, 0, 0], [netuid, uid])
        rows.put("neurons", "uid", uid, [netuid, hotkey])
    rows.put("neurons", "count", len(seats), netuid)
    zeros, active, permits = [0] * len(seats), [True] * len(seats), [permit for _, _, permit in seats]
    rows.put("scores", "scores", [0, zeros, active, *[zeros] * 6, permits, zeros], netuid)


def _own(rows: _Rows, hotkey: bytes, coldkey: bytes, take: int) -> None:
    if rows.get("staking", "hotkey", hotkey) is None:
        rows.put("staking", "hotkey", [coldkey, take, 0, False], hotkey)
        rows.append("staking", "hotkeys", NOTHING, hotkey)
        rows.append("staking", "owned", coldkey, hotkey)


def _write_stakes(rows: _Rows, stakes: Any, take: int) -> int:
    behind: dict[tuple[bytes, int], int] = {}
    shares: dict[tuple[bytes, int, bytes], int] = {}
    for each in stakes:
        coldkey, hotkey = account_of(each["coldkey"]), account_of(each["hotkey"])
        netuid, amount = each["netuid"], each["amount"]
        rows.add("subnets", "pool", 2 if netuid else 0, amount, netuid, [0, 0, 0, HALF, 0, 0])
        _own(rows, hotkey, coldkey, take)
        pool, share = (hotkey, netuid), (hotkey, netuid, coldkey)
        behind[pool] = behind.get(pool, 0) + amount
        shares[share] = shares.get(share, 0) + amount
        rows.append("staking", "nominators", list(pool), coldkey)
        rows.append("staking", "positions", coldkey, list(pool))
        rows.append("staking", "staked", netuid, hotkey)
    for pool, amount in behind.items():
        rows.put("staking", "pool", [amount, *number_row(amount), 0], list(pool))
    for share, amount in shares.items():
        rows.put("staking", "share", [*number_row(amount), 0], list(share))
    return sum(each["amount"] for each in stakes if not each["netuid"])


def _write_council(rows: _Rows, file: Any) -> None:
    senate = [account_of(address) for address in file.get("senate", [])]
    if senate:
        rows.put("root", "seats", [[hotkey, 0] for hotkey in senate])
        rows.put("governance", "senate", sorted(senate))
    if triumvirate := sorted(account_of(address) for address in file.get("triumvirate", [])):
        rows.put("governance", "triumvirate", triumvirate)
