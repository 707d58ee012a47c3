"""From the ledger's read models to what the control API tells: pure translation, ss58 and hex at the border."""

import msgspec

from node.control import schema
from node.ledger import queries
from node.ledger.parameters import Hyperparameters
from node.ledger.state import StateView
from node.market.tasks import TaskView
from node.primitives.address import to_ss58
from node.primitives.types import AccountId, Height, NetUid
from storage.journal import TaskRow

_UNITS = {"blocks": "blocks", "rao": "rao", "ppm": "ppm", "u16": "of 65535", "q60": "of 2^60"}
_TASK_STATES: dict[str, schema.TaskState] = {"done": "done", "failed": "failed"}


def subnet_view(info: queries.SubnetInfo) -> schema.SubnetInfo:
    """Return one subnet as clients see it."""
    return schema.SubnetInfo(
        netuid=info.netuid,
        name=info.name,
        owner=to_ss58(info.owner_coldkey),
        started=info.started,
        price_rao=info.price_rao,
        pool_rao=info.tao_in_pool_rao,
        pool_alpha=info.alpha_in_pool,
        outstanding_alpha=info.alpha_out,
        emission_rao_per_block=info.tao_emission_rao,
        tempo_blocks=info.tempo_blocks,
        blocks_to_epoch=info.blocks_to_epoch,
        neurons=info.neurons,
        neurons_max=info.max_uids,
        burn_rao=info.burn_rao,
        parameters=_parameters(info.hyperparameters),
    )


def metagraph_view(graph: queries.Metagraph) -> schema.Metagraph:
    """Return a subnet's seats as clients see them."""
    return schema.Metagraph(graph.netuid, graph.height, tuple(neuron_view(row) for row in graph.rows))


def account_view(view: StateView, account: AccountId, height: Height, next_nonce: int) -> schema.Account:
    """Return balance and positions of an account."""
    positions = queries.stakes_of(view, account)
    prices = {each.netuid: each.price_rao for each in queries.subnets(view)}
    stakes = tuple(
        schema.Stake(each.netuid, to_ss58(each.hotkey), each.alpha, prices.get(each.netuid, 10**9), each.value_rao)
        for each in positions
    )
    worth = sum(each.value_rao for each in positions)
    return schema.Account(to_ss58(account), height, queries.balance(view, account), next_nonce, stakes, worth)


def quote_view(quote: queries.SwapQuote, netuid: NetUid, height: Height, *, staking: bool) -> schema.Quote:
    """Return what a stake or an unstake would do."""
    tao, alpha = (quote.amount_in, quote.amount_out) if staking else (quote.amount_out, quote.amount_in)
    return schema.Quote(
        netuid=netuid,
        direction="stake" if staking else "unstake",
        height=height,
        tao_rao=tao,
        amount_alpha=alpha,
        fee_rao=quote.fee_rao,
        price_before_rao=quote.price_before_rao,
        price_after_rao=quote.price_after_rao,
        impact_ppm=quote.price_impact_ppm,
    )


def epoch_view(info: queries.SubnetInfo) -> schema.EpochProgress:
    """Return how far the running tempo has come; the period of the clock is tempo + 1 blocks."""
    period = info.tempo_blocks + 1
    left = min(info.blocks_to_epoch, period)
    return schema.EpochProgress(info.netuid, period, period - left, left)


def task_view(task: TaskView, netuid: int, own: AccountId | None) -> schema.Task:
    """Return a task of a running role."""
    asker = task.asker or own
    return schema.Task(
        id=task.id,
        netuid=netuid,
        kind=task.kind,
        state=_TASK_STATES.get(task.state, "running"),
        started_ms=task.created_at_ms,
        miner=to_ss58(task.miner),
        validator="" if asker is None else to_ss58(asker),
        latency_ms=float(task.latency_ms) if task.latency_ms else None,
        tokens=task.tokens,
        score=task.score,
        code=task.code,
        preview=task.preview,
    )


def stored_task_view(row: TaskRow) -> schema.Task:
    """Return a task of the journal."""
    return schema.Task(
        id=row.id.hex(),
        netuid=row.netuid,
        kind=row.kind,
        state=_TASK_STATES.get(row.status, "running"),
        started_ms=row.created_at_ms,
        miner=to_ss58(row.miner),
        validator=to_ss58(row.validator) if row.validator else "",
        latency_ms=None if row.latency_ms is None else float(row.latency_ms),
        tokens=row.tokens,
        score=row.score,
        preview=row.preview,
    )


def neuron_view(row: queries.NeuronRow) -> schema.Neuron:
    """Return one seat as clients see it."""
    return schema.Neuron(
        uid=row.uid,
        hotkey=to_ss58(row.hotkey),
        coldkey=to_ss58(row.coldkey),
        peer_id=row.peer_id,
        addresses=row.addresses,
        active=row.active,
        validator_permit=row.validator_permit,
        stake_rao=row.stake_weight_rao,
        stake_alpha=row.alpha_stake,
        incentive_u16=row.incentive_u16,
        dividends_u16=row.dividends_u16,
        consensus_u16=row.consensus_u16,
        validator_trust_u16=row.validator_trust_u16,
        emission_alpha=row.emission_alpha,
        last_update=row.last_update,
        registered_at=row.registered_at,
    )


def _parameters(values: Hyperparameters) -> tuple[schema.Parameter, ...]:
    found = []
    for field in msgspec.structs.fields(values):
        value = getattr(values, field.name)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found.append(schema.Parameter(field.name, text, _UNITS.get(field.name.rsplit("_", 1)[-1], "")))
    return tuple(found)
