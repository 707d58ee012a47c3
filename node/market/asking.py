"""What a subnet's own program pays when it asks a miner through its host: as much as the budget allows."""

from node.market.context import MarketContext
from node.market.payer import Bill
from node.market.payments import tariff_of
from node.primitives.types import AccountId
from node.subnets.base import AnySubnet, Message


async def bill_for(context: MarketContext, subnet: AnySubnet, miner: AccountId, task: Message) -> Bill | None:
    """What pays one miner for one task; None where it asks nothing, or where this node spends nothing.

    A validator that spends nothing still gets the few calls that priced miners answer for checking them.
    Raises as `Payer.begin`.
    """
    tariff = tariff_of(context.offers.offer_of(miner), subnet.spec, subnet.model_of(task))
    if tariff.free or context.money is None or not context.money.payer.budget.limits.per_call_rao:
        return None
    return await context.money.payer.begin(subnet, miner, tariff, None)
