"""What a call costs and when it is due: integers in, integers out, the same at both ends of a call.

Pure: no clock, no network, no storage. Nothing here decides whom to trust; `node.market.vouchers` takes money,
`node.market.payer` gives it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from node.market.errors import OverClaimed
from node.market.limits import BATCH_TOKENS, BATCH_UNITS, VOUCHER_TOKENS
from node.market.offers import COMPLETION_UNIT, PRICED_UNITS, PROMPT_UNIT, Offer
from node.primitives.types import MAX_SUPPLY_RAO, RAO_PER_TAO, Rao
from node.subnets.base import AnySubnet, Code, Part, Spec, Usage

_TARIFFS_REMEMBERED: Final = 64  # miners that one node deals with at a time
COUNT_MAX: Final = 2**53  # of tokens or units of one call; far beyond any, and exact in every language that reads it


def tao(rao: int) -> str:
    """An amount for people, exact: 1 500 000 000 rao is "1.5 τ"."""
    whole, rest = divmod(rao, RAO_PER_TAO)
    digits = f"{rest:09}".rstrip("0")
    return f"{whole:,}.{digits} τ" if digits else f"{whole:,} τ"


@dataclass(frozen=True, slots=True)
class Tariff:
    """The prices of one call, each in rao for PRICED_UNITS: tokens in, tokens out, units of the subnet's own."""

    prompt_rao: int = 0
    completion_rao: int = 0
    unit_rao: int = 0

    @property
    def free(self) -> bool:
        """Whether nothing can ever be due."""
        return not (self.prompt_rao or self.completion_rao or self.unit_rao)

    def lower(self, other: "Tariff") -> "Tariff":
        """The lower of both prices of each kind."""
        return Tariff(
            min(self.prompt_rao, other.prompt_rao),
            min(self.completion_rao, other.completion_rao),
            min(self.unit_rao, other.unit_rao),
        )

    def cost_rao(self, usage: Usage) -> Rao:
        """What a usage costs, rounded up to whole rao once. Raises OverClaimed beyond all that exists."""
        counts = (usage.prompt_tokens, usage.completion_tokens, usage.units)
        if not all(0 <= count <= COUNT_MAX for count in counts):
            raise OverClaimed("A count of tokens or units is out of range.")
        exact = (
            usage.prompt_tokens * self.prompt_rao
            + usage.completion_tokens * self.completion_rao
            + usage.units * self.unit_rao
        )
        cost = -(-exact // PRICED_UNITS)
        if cost > MAX_SUPPLY_RAO:
            raise OverClaimed("This usage costs more than there is.")
        return Rao(cost)


FREE: Final = Tariff()


def tariff_of(offer: Offer | None, spec: Spec, model: str = "") -> Tariff:
    """The prices that an offer names for tasks of one model; free without an offer."""
    if offer is None:
        return FREE
    return Tariff(
        offer.price_of(PROMPT_UNIT, model),
        offer.price_of(COMPLETION_UNIT, model),
        offer.price_of(spec.unit, model) if spec.unit else 0,
    )


def add_usage(one: Usage, other: Usage) -> Usage:
    """The sum, count by count."""
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.units + other.units,
    )


class Meter:
    """Counts what the parts of one answer have delivered, and what of it is due."""

    def __init__(self, subnet: AnySubnet, tariff: Tariff) -> None:
        self._subnet = subnet
        self.tariff = tariff
        self.usage = Usage()
        self.due_rao = Rao(0)
        """What was delivered so far costs."""

    def after(self, part: Part) -> Rao:
        """What would be due once `part` is delivered as well."""
        return self.tariff.cost_rao(add_usage(self.usage, self._subnet.delivered(part)))

    def add(self, part: Part) -> None:
        """Count a part that was delivered."""
        self.usage = add_usage(self.usage, self._subnet.delivered(part))
        self.due_rao = self.tariff.cost_rao(self.usage)

    def settle(self, claimed: Usage, ceiling: Usage | None) -> Rao:
        """What a whole answer of the usage its miner signed costs.

        Raises OverClaimed when it claims more tokens out or units than the parts carried, or more than was asked for.
        """
        if claimed.completion_tokens > self.usage.completion_tokens or claimed.units > self.usage.units:
            raise OverClaimed("The miner claims more tokens or units than it delivered.")
        check_ceiling(claimed, ceiling)
        return self.tariff.cost_rao(claimed)


def check_ceiling(usage: Usage, ceiling: Usage | None) -> None:
    """Raises OverClaimed when a usage is beyond what the task allows; `ceiling` None: only the answer tells."""
    if ceiling is None:
        return
    if (
        usage.prompt_tokens > ceiling.prompt_tokens
        or usage.completion_tokens > ceiling.completion_tokens
        or usage.units > ceiling.units
    ):
        raise OverClaimed("The miner claims more tokens or units than the task allows.")


@lru_cache(maxsize=_TARIFFS_REMEMBERED)
def batch_rao(tariff: Tariff) -> Rao:
    """What one batch costs: so much may be delivered and not paid."""
    return tariff.cost_rao(Usage(0, BATCH_TOKENS, BATCH_UNITS))


@lru_cache(maxsize=_TARIFFS_REMEMBERED)
def step_rao(tariff: Tariff) -> Rao:
    """What may be unpaid before the caller owes the next voucher: less than a batch, so that nobody has to wait."""
    return tariff.cost_rao(Usage(0, VOUCHER_TOKENS, 0))


def may_send(tariff: Tariff, *, due_rao: int, next_rao: int, paid_rao: int) -> bool:
    """Whether a miner sends the next part before another voucher has come.

    `due_rao` is the cost of what was sent, `next_rao` the cost with the next part. Unpaid is afterwards at most a
    batch, or a step and that one part.
    """
    return due_rao - paid_rao <= step_rao(tariff) or next_rao - paid_rao <= batch_rao(tariff)


def is_due(tariff: Tariff, *, due_rao: int, paid_rao: int) -> bool:
    """Whether the caller owes another voucher while the answer goes on."""
    return due_rao - paid_rao > step_rao(tariff)


_FREE_ENDS: Final = frozenset(
    {Code.MINER_FAULT, Code.OVERLOADED, Code.RATE_LIMITED, Code.REFUSED, Code.NO_DATA, Code.UNREGISTERED}
)


def is_released(code: Code) -> bool:
    """Whether an answer that ended with this refusal is free: only what a caller cannot bring about by itself is.

    A deadline is not: who reads slowly makes it pass.
    """
    return code in _FREE_ENDS
