"""Who decides on this chain and what lies before the Senate, as the control API tells it.

Pure translation of the ledger's read models.
"""

from typing import Final

from node.control import schema
from node.ledger import network_queries, queries
from node.ledger.calls import spec_of
from node.ledger.header import Authority
from node.ledger.pallets.pos import Guard
from node.ledger.phases import PosPhase
from node.ledger.state import StateView
from node.primitives.address import to_ss58
from node.primitives.types import ACCOUNT_BYTES, AccountId

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


def proposal_view(info: network_queries.ProposalInfo) -> schema.ProposalView:
    """Return an open proposal as clients see it."""
    fields = info.call.__struct_fields__
    return schema.ProposalView(
        index=info.index,
        hash=info.hash.hex(),
        proposer=to_ss58(info.proposer),
        call=spec_of(info.call).name,
        arguments={name: _words(getattr(info.call, name)) for name in fields},
        threshold=info.threshold,
        end_height=info.end,
        ayes=tuple(map(to_ss58, info.ayes)),
        nays=tuple(map(to_ss58, info.nays)),
        closable=info.closable,
    )


def _words(value: object) -> str:
    """An argument of a call for people: keys as ss58, other bytes as text or hex, lists joined."""
    if isinstance(value, bytes):
        if len(value) == ACCOUNT_BYTES:
            return to_ss58(AccountId(value))
        return value.decode() if value.isascii() and value.decode().isprintable() else value.hex()
    if isinstance(value, tuple):
        return ", ".join(f"({_words(each)})" if isinstance(each, tuple) else _words(each) for each in value)
    return str(value)


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
    if schedule is None or network_queries.pos_phase(view) is PosPhase.STAKE:
        return None
    guards = tuple(_guard(guard) for guard in network_queries.pos_guards(view))
    return schema.PosPlan(schedule.activation_epoch, schedule.stake_epoch, guards)


def _guard(guard: Guard) -> schema.GuardView:
    return schema.GuardView(guard.name, guard.needed, guard.present, guard.at_most, guard.holds)
