"""What must hold of every state, checked by enumeration: no τ or α appears or vanishes, and every index fits its rows.

`check` visits every account, hotkey and position: after each block in tests and on devnets, now and then elsewhere. It
raises `InvariantBroken`, which nobody handles: a node stops rather than build on a wrong state.
"""

from node.ledger.key_invariants import check_keys
from node.ledger.network_invariants import check_network, locked_rao
from node.ledger.pallets import accounts, emission, neurons, scores, staking, subnets, weights
from node.ledger.state import StateView
from node.primitives.errors import invariant
from node.primitives.types import MAX_SUPPLY_RAO, ROOT_NETUID, AccountId, NetUid, Uid


def check(view: StateView) -> None:
    """Raise InvariantBroken unless everything below holds."""
    netuids = subnets.NETUIDS.get(view)
    invariant(list(netuids) == sorted(set(netuids)) and ROOT_NETUID not in netuids, "netuids ascend, without root")
    check_issuance(view)
    for netuid in netuids:
        check_alpha(view, netuid)
        check_seats(view, netuid)
    for netuid in (ROOT_NETUID, *netuids):
        check_positions(view, netuid)
    check_indices(view)
    check_keys(view, all_accounts(view))
    check_network(view)


def check_issuance(view: StateView) -> None:
    """All τ is in accounts, in subnets' pools, staked on root, in bonds or in channels; no amount is negative."""
    free = [accounts.free_balance(view, account) for account in all_accounts(view)]
    pools = [subnets.POOL.get(view, netuid).tao_rao for netuid in (ROOT_NETUID, *subnets.NETUIDS.get(view))]
    invariant(min([0, *free, *pools]) == 0, "no amount of τ is negative")
    issuance_rao = accounts.ISSUANCE.get(view)
    held_rao = sum(free) + sum(pools) + locked_rao(view)
    invariant(issuance_rao == held_rao, "issuance is what accounts, pools, root, bonds and channels hold")
    invariant(issuance_rao <= MAX_SUPPLY_RAO, "issuance stays below the cap")
    staked = sum(staking.stake_behind(view, hotkey, ROOT_NETUID) for hotkey in staked_hotkeys(view, ROOT_NETUID))
    invariant(subnets.POOL.get(view, ROOT_NETUID).tao_rao == staked, "root holds exactly what is staked on it")


def check_alpha(view: StateView, netuid: NetUid) -> None:
    """All α outside of a pool is staked, pending, the protocol's or burned."""
    pool, emitted = subnets.POOL.get(view, netuid), emission.EMISSION.get(view, netuid)
    staked = sum(staking.stake_behind(view, hotkey, netuid) for hotkey in staked_hotkeys(view, netuid))
    held = staked + emitted.pending_alpha + pool.protocol_alpha + pool.burned_alpha
    invariant(pool.alpha_out == held, f"the α of subnet {netuid} is accounted for")
    invariant(min(pool.alpha_in, pool.protocol_alpha, pool.burned_alpha) >= 0, "no amount of α is negative")


def check_seats(view: StateView, netuid: NetUid) -> None:
    """Seats and hotkeys name each other; scores have an entry a seat; weights and bonds name seats only."""
    seats, hyper = neurons.all_of(view, netuid), subnets.HYPERPARAMETERS.get(view, netuid)
    invariant(len(seats) <= hyper.max_uids, "a subnet has no more neurons than seats")
    last = scores.SCORES.get(view, netuid)
    vectors = (
        last.stake_weight, last.active, last.consensus, last.rank, last.trust, last.incentive, last.dividends,
        last.validator_trust, last.validator_permits, last.emission,
    )  # fmt: skip
    invariant(all(len(vector) == len(seats) for vector in vectors), "scores have one entry a seat")
    for uid, seat in enumerate(seats):
        invariant(neurons.uid_of(view, netuid, seat.hotkey) == uid, "a seat's hotkey knows its seat")
        invariant(staking.HOTKEY.find(view, seat.hotkey) is not None, "a seat's hotkey has an owner")
        rows = (weights.WEIGHTS.get(view, (netuid, Uid(uid))), scores.BONDS.get(view, (netuid, Uid(uid))))
        invariant(all(target < len(seats) for row in rows for target, _ in row), "weights and bonds name seats")


def check_positions(view: StateView, netuid: NetUid) -> None:
    """Positions behind a hotkey never sum to more than its pool, and coldkeys list them too."""
    for hotkey in staked_hotkeys(view, netuid):
        coldkeys = list(staking.NOMINATORS.members(view, (hotkey, netuid)))
        held = sum(staking.stake_of(view, hotkey, netuid, coldkey) for coldkey in coldkeys)
        behind = staking.stake_behind(view, hotkey, netuid)
        invariant(0 <= held <= behind, "the positions of a pool do not exceed it")
        invariant(staking.POOL.has(view, (hotkey, netuid)), "a listed pool exists")
        for coldkey in coldkeys:
            listed = staking.POSITIONS.contains(view, coldkey, (hotkey, netuid))
            invariant(listed, "a nominator lists its position")


def check_indices(view: StateView) -> None:
    """Every hotkey's owner and every listed member exists once."""
    for hotkey in staking.HOTKEYS.members(view, staking.EVERYBODY):
        invariant(staking.HOTKEY.find(view, hotkey) is not None, "a listed hotkey has a record")
    everybody = all_accounts(view)
    invariant(len(set(everybody)) == len(everybody), "an account is listed once")


def all_accounts(view: StateView) -> list[AccountId]:
    """Every account that ever was."""
    return list(accounts.ACCOUNTS.members(view, accounts.EVERYBODY))


def staked_hotkeys(view: StateView, netuid: NetUid) -> list[AccountId]:
    """Every hotkey that has, or had, stake behind it on a subnet."""
    return list(staking.STAKED.members(view, netuid))
