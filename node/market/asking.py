"""What a subnet's own program asks of a miner through its host, and what is paid for it: as much as the budget allows.

A validator asks for nothing first: miners that ask a price answer a few checks unpaid, so that judging costs no money.
"""

from node.market.call import open_call
from node.market.context import MarketContext
from node.market.errors import CallRefused
from node.market.payer import Bill
from node.market.payments import tariff_of
from node.primitives.types import AccountId
from node.subnets.base import Answer, AnySubnet, Code, Message, Neuron


async def ask(context: MarketContext, subnet: AnySubnet, miner: Neuron, task: Message) -> Answer:
    """The whole answer of one miner. Raises MarketError."""
    seat = context.seat()
    if seat is not None and seat.validator_permit:
        try:
            return await _answer(context, subnet, miner, task, None)
        except CallRefused as error:
            bill = await bill_for(context, subnet, miner.hotkey, task) if error.refusal is Code.UNPAID else None
            if bill is None:
                raise
    else:
        bill = await bill_for(context, subnet, miner.hotkey, task)
    return await _answer(context, subnet, miner, task, bill)


async def bill_for(context: MarketContext, subnet: AnySubnet, miner: AccountId, task: Message) -> Bill | None:
    """What pays one miner for one task; None where it asks nothing, or where this node spends nothing.

    Raises as `Payer.begin`.
    """
    tariff = tariff_of(context.offers.offer_of(miner), subnet.spec, subnet.model_of(task))
    if tariff.free or context.money is None or not context.money.payer.budget.limits.per_call_rao:
        return None
    return await context.money.payer.begin(subnet, miner, tariff, None)


async def _answer(context: MarketContext, subnet: AnySubnet, miner: Neuron, task: Message, bill: Bill | None) -> Answer:
    call = await open_call(context, subnet, miner, task, bill=bill)
    try:
        return await call.collect()
    finally:
        await call.aclose()
