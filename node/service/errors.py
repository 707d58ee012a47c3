"""What can go wrong while a node starts, runs or stops; leaves of `ServiceError`."""

from node.primitives.errors import LedgerError, ServiceError


class NoGenesis(ServiceError):
    """The home belongs to no network yet and nobody was named who could tell which."""

    code = "no_genesis"
    remedy = "Start with `neurond devnet up`, or `neurond join` an invite or a multiaddress of a running node."


class BadGenesis(ServiceError):
    """A genesis that is not the one expected, or that contradicts the database of this home."""

    code = "bad_genesis"
    remedy = "Use another --home for another network."


class BadInvite(ServiceError):
    """An invite that is damaged, expired, wrongly signed or of another network."""

    code = "bad_invite"
    remedy = "Ask for a new one: `neurond invite` prints it on any node of that network."


class BadAddress(ServiceError):
    """A text that is no address at which this node could dial another one."""

    code = "bad_address"
    remedy = "Write /ip4/192.0.2.7/tcp/4001/p2p/<peer id>, or the peer id alone."


class NobodyAnswered(ServiceError):
    """Nobody could be reached at any of the addresses; the message says why, address by address."""

    code = "nobody_answered"
    remedy = "Check that the other node runs and that its address can be reached from here, or ask for a new invite."


class RoleRefused(ServiceError):
    """The role cannot be taken now; the message says which requirement is short."""

    code = "role_refused"
    remedy = "`neurond role plan miner`, or another role, shows what is missing."


class DaemonFailed(ServiceError):
    """A daemon that was started here ended before it was ready."""

    code = "daemon_failed"
    remedy = "Its log says why: `neurond logs`, or the file daemon.log in its home."


class Unknown(ServiceError):
    """Something asked for by name or number that this node does not have."""

    code = "unknown"
    remedy = "`neurond status` and `neurond subnets list` show what there is."


class StateMismatch(ServiceError):
    """The stored state does not have the root that the finalised header commits to."""

    code = "state_mismatch"
    remedy = "Stop the node, move chain.db aside and start again: the chain is fetched from peers anew."


class StateDiffers(ServiceError):
    """The stored state or chain is not what its headers commit to."""

    code = "state_differs"
    remedy = "Move chain.db aside and start the node: it fetches the chain anew; keys are kept elsewhere."


class WrongNetwork(ServiceError):
    """A file that belongs to another network than this home."""

    code = "wrong_network"
    remedy = "Name a file of this network, or the home of the other one with --home."


class NoSnapshot(ServiceError):
    """There is no state yet that a snapshot could be made of."""

    code = "no_snapshot"
    remedy = "Start the node and wait until its first block is final; `neurond status` shows it."


class PortTaken(ServiceError):
    """Another program listens on the port that was asked for."""

    code = "port_taken"
    remedy = "Choose another one with --gateway-port, or 0 for any free one."


class NotPooled(LedgerError):
    """The pool does not take a transaction of this node's own now; the message says why."""

    code = "not_pooled"
    remedy = "Try again after the next block."


class NotReady(ServiceError):
    """The node is still starting, or already stopping."""

    code = "not_ready"
    remedy = "Wait a moment; `neurond status` shows what it does."


class NoKey(ServiceError):
    """This home has no hotkey that the node could sign with."""

    code = "no_key"
    remedy = "Make a wallet with `neurond wallet create`, then start the node again."


class NoAnswer(ServiceError):
    """One full node did not give what it was asked for: it is away, behind, or it lied."""

    code = "no_answer"
    remedy = "Another node is asked; where this one is the only one, connect to more."


class NoFullNode(ServiceError):
    """A light node finds no full node that answers, is up to date and proves what it says."""

    code = "no_full_node"
    remedy = "Name more nodes of the network with --peer: invites, or addresses that can be reached from here."


class NothingOffered(ServiceError):
    """No peer offers a snapshot that the authorities vouch for, although the node was told to begin with one."""

    code = "nothing_offered"
    remedy = "Start with `--sync full` to execute every block, or connect to a node that makes snapshots."


class NothingToRedeem(ServiceError):
    """No voucher of this node's would bring more than its fee."""

    code = "nothing_to_redeem"
    remedy = "`neurond channels list` shows what is owed; name a channel to redeem it whatever it costs."


class BadBudget(ServiceError):
    """A limit of spending that is no amount."""

    code = "bad_budget"
    remedy = "Name amounts of τ between 0 and all there is."


class DataDamaged(ServiceError):
    """Something that this node stores is not what its hashes say."""

    code = "data_damaged"
    remedy = "Repair it, or delete it where it can be had again."


class DataRefused(ServiceError):
    """What cannot be done with a stored item."""

    code = "data_refused"
    remedy = "The item's page names what can be done with it."
