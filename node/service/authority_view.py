"""Who decides on this chain, as the control API tells it: pure translation of the ledger's read models."""

from typing import Final

from node.control import schema
from node.ledger import network_queries, queries
from node.ledger.header import Authority
from node.ledger.pallets.pos import Guard
from node.ledger.phases import PosPhase
from node.ledger.state import StateView
from node.primitives.address import to_ss58
from node.primitives.types import AccountId

Accounts = tuple[AccountId, ...]

_PHASES: Final[dict[PosPhase, schema.PosPhaseName]] = {
    PosPhase.AUTHORITIES: "authorities",
    PosPhase.JOINT: "joint",
    PosPhase.STAKE: "stake",
}


def authority_board(view: StateView) -> schema.AuthorityBoard:
    """Return who decides above the block of this state, and what follows."""
    info, chain = queries.authority_set(view), queries.chain_info(view)
    idle = info.idle if chain.slot + 1 < info.idle_until else ()
    return schema.AuthorityBoard(
        height=chain.height,
        set_id=info.set_id,
        phase=_PHASES[network_queries.pos_phase(view)],
        epoch=network_queries.authority_epoch(view),
        slots_left=chain.epoch_slots - chain.slot % chain.epoch_slots,
        members=tuple(_member(member, info.disabled, idle) for member in info.members),
        next=_next(view),
        pos=_plan(view),
    )


def _member(member: Authority, disabled: Accounts = (), idle: Accounts = ()) -> schema.AuthorityView:
    convicted = member.account in disabled
    leads = not convicted and member.account not in idle
    return schema.AuthorityView(to_ss58(member.account), member.weight, member.stake, leads, convicted)


def _next(view: StateView) -> schema.NextAuthorities | None:
    waiting = network_queries.authority_schedule(view)
    if waiting is None:
        return None
    members = tuple(_member(member) for member in waiting.members)
    return schema.NextAuthorities(waiting.set_id, members, waiting.announced_height, waiting.enacted_epoch)


def _plan(view: StateView) -> schema.PosPlan | None:
    schedule = network_queries.pos_schedule(view)
    if schedule is None:
        return None
    guards = tuple(_guard(guard) for guard in network_queries.pos_guards(view))
    return schema.PosPlan(schedule.activation_epoch, schedule.stake_epoch, guards)


def _guard(guard: Guard) -> schema.GuardView:
    return schema.GuardView(guard.name, guard.needed, guard.present, guard.at_most, guard.holds)
