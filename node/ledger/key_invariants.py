"""What must hold of keys and what hangs on them: links have two ends, lists fit their records, lists stay bounded."""

from node.ledger.pallets import children, destinations, neurons, proxies, secret_weights, staking, subnets
from node.ledger.state import StateView
from node.primitives.errors import invariant
from node.primitives.fixed import U64_MAX
from node.primitives.limits import CHILDREN_MAX, PARENTS_MAX, PROXIES_MAX, PROXY_ANNOUNCEMENTS_MAX, WEIGHT_COMMITS_MAX
from node.primitives.types import AccountId, NetUid


def check_keys(view: StateView, accounts: list[AccountId]) -> None:
    """Raise InvariantBroken unless everything below holds; `accounts` is every account there is."""
    for hotkey in staking.HOTKEYS.members(view, staking.EVERYBODY):
        owner = staking.HOTKEY.get(view, hotkey).owner
        invariant(staking.OWNED.contains(view, owner, hotkey), "a coldkey lists its hotkeys")
    for netuid in subnets.NETUIDS.get(view):
        check_lending(view, netuid)
        check_commits(view, netuid)
        for coldkey in destinations.BY_SUBNET.members(view, netuid):
            hotkey = destinations.destination_of(view, coldkey, netuid, coldkey)
            invariant(staking.HOTKEY.find(view, hotkey) is not None, "earnings go to a hotkey that exists")
            listed = destinations.BY_HOTKEY.contains(view, (hotkey, netuid), coldkey)
            invariant(listed, "a destination lists the coldkeys that chose it")
    for account in accounts:
        for hotkey in staking.OWNED.members(view, account):
            record = staking.HOTKEY.find(view, hotkey)
            invariant(record is not None and record.owner == account, "an owned hotkey names its coldkey")
        invariant(len(proxies.PROXIES.get(view, account)) <= PROXIES_MAX, "an account has a bounded number of proxies")
        open_ones = proxies.ANNOUNCEMENTS.get(view, account)
        invariant(len(open_ones) <= PROXY_ANNOUNCEMENTS_MAX, "a proxy has a bounded number of announcements")


def check_lending(view: StateView, netuid: NetUid) -> None:
    """Children name their parents and parents their children, by the same proportion; nobody lends more than all."""
    for hotkey in children.LISTED.members(view, netuid):
        lending = children.LENDING.get(view, (hotkey, netuid))
        invariant(len(lending.children) <= CHILDREN_MAX, "a hotkey has a bounded number of children")
        invariant(len(lending.parents) <= PARENTS_MAX, "a hotkey has a bounded number of parents")
        invariant(sum(part for part, _ in lending.children) <= U64_MAX, "a hotkey lends no more than it has")
        for part, child in lending.children:
            parents = children.LENDING.get(view, (child, netuid)).parents
            invariant(parents.count((part, hotkey)) == 1, "a child names its parent")
        for part, parent in lending.parents:
            invariant(staking.HOTKEY.find(view, parent) is not None, "a parent is a hotkey")
            named = children.LENDING.get(view, (parent, netuid)).children
            invariant(named.count((part, hotkey)) == 1, "a parent names its child")


def check_commits(view: StateView, netuid: NetUid) -> None:
    """Commits are bounded, and in the order they were made."""
    for seat in neurons.all_of(view, netuid):
        commits = secret_weights.COMMITS.get(view, (netuid, seat.hotkey))
        heights = [commit.height for commit in commits]
        invariant(len(commits) <= WEIGHT_COMMITS_MAX, "a validator has a bounded number of commits")
        invariant(heights == sorted(heights), "commits are in the order of their blocks")
