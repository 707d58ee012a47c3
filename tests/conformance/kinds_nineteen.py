"""Kinds of `subnets.json` about subnet Nineteen, and the moving average that subnets share."""

from node.market.book import ScoreBook
from node.primitives.types import AccountId, Height
from node.subnets.base import Code, Verdict
from node.subnets.nineteen import scoring
from tests.conformance.cases import Case, Handler, Json

MINER = AccountId(bytes(32))


def period_score(case: Case) -> Json:
    return scoring.period_score(
        requests=case["requests"], capacity=case["capacity"], consumed=case["consumed"],
        count_429=case["count_429"], count_500=case["count_500"],
    )  # fmt: skip


def rank_bonus(case: Case) -> Json:
    return scoring.rank_bonus(case["metrics"])


def power4_share(case: Case) -> Json:
    return scoring.fourth_power_shares(case.pick("volumes", "values"))


def ema_repeat(case: Case) -> Json:
    """The book's own average, where it can begin at zero; the formula alone elsewhere."""
    if case["start"] != 0.0:
        average = case["start"]
        for _ in range(case["repeats"]):
            average = scoring.moved(average, case["observation"], case["alpha"])
        return average
    book = ScoreBook(case["alpha"])
    for height in range(case["repeats"]):
        book.record(MINER, Verdict(case["observation"], Code.OK), Height(height))
    return book[MINER].score


KINDS: dict[str, Handler] = {
    "period_score": period_score,
    "rank_bonus": rank_bonus,
    "power4_share": power4_share,
    "ema_repeat": ema_repeat,
}
