"""Weights that are committed first and revealed later, so that nobody copies them while they count.

A commit is revealed in one epoch only: its own plus the subnet's reveal period. It sets `last_update`; revealing does
not. Commits of an epoch that is over are void and go when their queue is next touched.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from node.economics.clock import epoch_index
from node.ledger import errors
from node.ledger.calls import (
    BatchCommitWeights,
    BatchRevealWeights,
    BatchSetWeights,
    CommitWeights,
    RevealWeights,
    SetWeights,
)
from node.ledger.commit_hash import commit_hash
from node.ledger.context import Context
from node.ledger.events import BatchWeightItemFailed, WeightsCommitted, WeightsRevealed
from node.ledger.pallets import subnets, weights
from node.ledger.pallets.neurons import NEURON, HotkeyAt, Neuron, require_uid
from node.ledger.parameters import Hyperparameters
from node.ledger.state import Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.limits import WEIGHT_COMMITS_MAX
from node.primitives.types import AccountId, Hash, Height, NetUid


class Commit(Wire, frozen=True):
    """One commit: its hash, the subnet's epoch and the block it was made in."""

    hash: Hash
    epoch: int
    height: Height


COMMITS: Final[Map[HotkeyAt, tuple[Commit, ...]]] = Map(
    "secret_weights", "commits", HotkeyAt, tuple[Commit, ...], default=(), about="A validator's commits, oldest first"
)

T = TypeVar("T", SetWeights, CommitWeights, RevealWeights)


def commit_weights(context: Context, sender: AccountId, call: CommitWeights) -> None:
    """Queue the hash of the sender's weights."""
    overlay, netuid, key = context.state, call.netuid, (call.netuid, sender)
    subnets.require(overlay, netuid)
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    if not hyper.commit_reveal:
        raise errors.CommitRevealDisabled
    seat = (netuid, require_uid(overlay, netuid, sender))
    neuron = NEURON.get(overlay, seat)
    due = neuron.last_update + hyper.weights_rate_limit_blocks
    if neuron.last_update and context.height < due:
        raise errors.CommittingWeightsTooFast(f"Weights may be committed again from block {due}.")
    epoch = epoch_index(context.height, netuid, hyper.tempo_blocks)
    waiting = _waiting(COMMITS.get(overlay, key), epoch, hyper)
    if len(waiting) >= WEIGHT_COMMITS_MAX:
        raise errors.TooManyUnrevealedCommits
    COMMITS.put(overlay, key, (*waiting, Commit(call.commit_hash, epoch, context.height)))
    NEURON.put(overlay, seat, Neuron(neuron.hotkey, neuron.registered_at, context.height))
    context.emit(WeightsCommitted(sender, netuid, call.commit_hash))


def reveal_weights(context: Context, sender: AccountId, call: RevealWeights) -> None:
    """Open one of the sender's commits and set its weights; commits before it are void."""
    overlay, netuid, key = context.state, call.netuid, (call.netuid, sender)
    subnets.require(overlay, netuid)
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    if not hyper.commit_reveal:
        raise errors.CommitRevealDisabled
    commits = COMMITS.get(overlay, key)
    if not commits:
        raise errors.NoWeightsCommitFound
    opened = commit_hash(sender, netuid, call.uids, call.values, call.salt, call.version_key)
    epoch = epoch_index(context.height, netuid, hyper.tempo_blocks)
    waiting = _waiting(commits, epoch, hyper)
    index = next((index for index, commit in enumerate(waiting) if commit.hash == opened), None)
    if index is None:
        expired = any(commit.hash == opened for commit in commits)
        raise errors.ExpiredWeightCommit if expired else errors.InvalidRevealCommitHashNotMatch
    due = waiting[index].epoch + hyper.reveal_period_epochs
    if epoch < due:
        raise errors.RevealTooEarly(f"This is epoch {epoch} of the subnet; the weights are to be revealed in {due}.")
    COMMITS.put(overlay, key, waiting[index + 1 :])
    plain = SetWeights(netuid, call.uids, call.values, call.version_key)
    weights.store_weights(context, sender, plain, revealed=True)
    context.emit(WeightsRevealed(sender, netuid, opened))


def batch_set(context: Context, sender: AccountId, call: BatchSetWeights) -> None:
    """Several `SetWeights`."""
    _batch(context, call.items, lambda item: weights.set_weights(context, sender, item))


def batch_commit(context: Context, sender: AccountId, call: BatchCommitWeights) -> None:
    """Several `CommitWeights`."""
    _batch(context, call.items, lambda item: commit_weights(context, sender, item))


def batch_reveal(context: Context, sender: AccountId, call: BatchRevealWeights) -> None:
    """Several `RevealWeights`."""
    _batch(context, call.items, lambda item: reveal_weights(context, sender, item))


def oldest_commits(
    view: StateView, netuid: NetUid, height: Height, hotkeys: Sequence[AccountId]
) -> tuple[int | None, ...]:
    """The block of each hotkey's earliest commit that can still be revealed at `height`, None without one."""
    hyper = subnets.HYPERPARAMETERS.get(view, netuid)
    epoch = epoch_index(height, netuid, hyper.tempo_blocks)
    queues = (_waiting(COMMITS.get(view, (netuid, hotkey)), epoch, hyper) for hotkey in hotkeys)
    return tuple(queue[0].height if queue else None for queue in queues)


def forget(overlay: Overlay, netuid: NetUid, hotkey: AccountId) -> None:
    """A hotkey that has lost its seat reveals nothing any more."""
    COMMITS.delete(overlay, (netuid, hotkey))


def rename(overlay: Overlay, netuid: NetUid, old: AccountId, new: AccountId) -> None:
    """A new hotkey has the old one's seat. Its commits still age the weights; their hashes name the old key."""
    COMMITS.put(overlay, (netuid, new), COMMITS.get(overlay, (netuid, old)))
    COMMITS.delete(overlay, (netuid, old))


def _waiting(commits: tuple[Commit, ...], epoch: int, hyper: Hyperparameters) -> tuple[Commit, ...]:
    """The commits without the expired ones; a commit of a later epoch is one too (the tempo has changed since)."""
    return tuple(commit for commit in commits if commit.epoch <= epoch <= commit.epoch + hyper.reveal_period_epochs)


def _batch(context: Context, items: tuple[T, ...], act: Callable[[T], None]) -> None:
    """Do each item on its own. Raises the first item's error if none succeeds."""
    failures: list[errors.CallError] = []
    for item in items:
        mark, events = context.state.savepoint(), len(context.events)
        try:
            act(item)
        except errors.CallError as error:
            context.state.rollback(mark)
            del context.events[events:]
            context.emit(BatchWeightItemFailed(item.netuid, error.code.encode("ascii")))
            failures.append(error)
    if len(failures) == len(items):
        raise failures[0]
