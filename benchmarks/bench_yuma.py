"""One epoch of Yuma Consensus, exact, against a plain float64 NumPy epoch on arrays that are ready in memory.

Ours starts from the sparse rows in which the ledger stores weights and bonds; the rival is spared that conversion.
Before anything is timed, both must agree on consensus, incentive and dividends.
"""

import random
from dataclasses import replace
from functools import partial

from benchmarks.dense_yuma import U16, dense, dense_epoch
from benchmarks.measure import at_most, rivals_cpu_s, show, title
from node.economics.yuma.epoch import run_epoch
from node.economics.yuma.types import EpochInput, EpochParams, SparseRow

UIDS = 256
VALIDATORS = (64, 256)
RULES = {
    "Yuma 3": EpochParams(),
    "Yuma 3, liquid alpha": EpochParams(liquid_alpha=True),
    "Yuma 2": EpochParams(yuma3=False),
}
FACTOR = 10.0
GOAL = 3.0
AGREEMENT = 5 / U16  # the exact epoch stores u16, and rounds down on the way


def epoch_input(params: EpochParams, validators: int) -> EpochInput:
    """The first `validators` uids have stake, a permit, weights on everybody and bonds from epochs before."""
    chance = random.Random(validators)
    quality = [chance.random() for _ in range(UIDS)]

    def opinion() -> SparseRow:
        return tuple(
            (uid, int(60_000 * min(1.0, value * chance.uniform(0.8, 1.2)))) for uid, value in enumerate(quality)
        )

    rows = tuple(opinion() if uid < validators else () for uid in range(UIDS))
    old = tuple(opinion() if uid < validators else () for uid in range(UIDS))
    return EpochInput(
        params=replace(params, max_validators=validators),
        block=10_000,
        emission_rao=10**11,
        stake_q64=tuple((chance.randrange(10**12, 10**14) if uid < validators else 0) << 64 for uid in range(UIDS)),
        validator_permits=tuple(uid < validators for uid in range(UIDS)),
        last_update=(9_900,) * UIDS,
        block_at_registration=(100,) * UIDS,
        weights=rows,
        bonds=old,
        last_mechanism_step=9_640,
    )


def check(inputs: EpochInput) -> None:
    """Refuse to time two programs that do not compute the same."""
    exact, plain = run_epoch(inputs), dense_epoch(dense(inputs))
    for name in ("consensus", "incentive", "dividends"):
        pairs = zip(getattr(exact, name), getattr(plain, name), strict=True)
        worst = max(abs(ours / U16 - theirs) for ours, theirs in pairs)
        if worst > AGREEMENT:
            raise RuntimeError(f"the exact and the NumPy epoch differ by {worst:.6f} in {name}")


def main() -> None:
    """Measure and print."""
    title("Yuma Consensus: one epoch of 256 uids, all weights set")
    for validators in VALIDATORS:
        for rule, params in RULES.items():
            inputs = epoch_input(params, validators)
            check(inputs)
            arrays = dense(inputs)
            cpu_s = rivals_cpu_s({"exact": partial(run_epoch, inputs), "plain": partial(dense_epoch, arrays)})
            ratio = cpu_s["exact"] / cpu_s["plain"]
            figure = f"{cpu_s['exact'] * 1e3:.1f} ms"
            against = f"NumPy {cpu_s['plain'] * 1e3:.2f} ms, ratio {ratio:.1f}; {at_most(ratio, FACTOR)}, goal {GOAL:g}"
            show(f"{validators} validators x {UIDS} uids, {rule}", figure, against)


if __name__ == "__main__":
    main()
