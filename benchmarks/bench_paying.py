"""Paying: CPU and disk that vouchers add to a call, and what they add before its first part.

    bench_paying.py

Calls of 256 parts of one token, free and paid, over the memory network; both ends in one process, each with a payment
book on disk. A paid call signs, checks and writes eight vouchers or nine. Times hold both ends.
"""

import statistics
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import trio

from benchmarks.measure import at_most, show, title
from node.market.budget import Budget, Limits
from node.market.call import open_call
from node.market.limits import VOUCHER_TOKENS
from node.market.payer import Payer
from node.market.vouchers import Till
from node.service.payments import PaymentBook
from tests.unit.market.money import Essay, Shop, shop
from tests.unit.market.support import signer_of

TOKENS: Final = 256
CALLS: Final = 20
WARM: Final = 3
PAUSE_S: Final = 0.1  # between calls: the last voucher of one is on disk before the next begins
RICH: Final = Limits(10**9, 10**12)


async def measure(place: Shop, *, paid: bool) -> tuple[float, float]:
    """CPU of one call in ms, and the median time to its first part in ms."""
    firsts, cpu = [], 0.0
    for number in range(WARM + CALLS):
        began, used = perf_counter(), process_time()
        bill = await place.bill() if paid else None
        call = await open_call(place.caller, place.subnet, place.world.neuron(place.miner), Essay(TOKENS), bill=bill)
        await anext(call)
        first = perf_counter() - began
        await call.collect()
        await call.aclose()
        await trio.sleep(PAUSE_S)
        if number >= WARM:
            firsts.append(first)
            cpu += process_time() - used
    return cpu / CALLS * 1000, statistics.median(firsts) * 1000


async def run(folder: Path) -> None:
    async with shop(seated=True, prompt_rao=0, token_rao=0) as place:
        free_cpu, free_first = await measure(place, paid=False)
    async with shop(limits=RICH, deposit_rao=10**12) as place:
        there, here = PaymentBook.open(folder / "miner.db"), PaymentBook.open(folder / "caller.db")
        place.till._keep = there.keep_held
        genesis = place.world.chain.genesis
        place.payer = Payer(
            genesis, signer_of("caller"), place.channels, Budget(RICH), here.keep_given, now_ms=lambda: 1_000
        )
        paid_cpu, paid_first = await measure(place, paid=True)
        reborn = Till(genesis, place.miner.hotkey, place.channels, there.keep_held, there.held())
        same = reborn.held() == place.till.held()
        there.close()
        here.close()
    title(f"A call of {TOKENS} parts, both ends in one process")
    show("CPU, free", f"{free_cpu:.1f} ms")
    show("CPU, paid", f"{paid_cpu:.1f} ms")
    show("first part, free", f"{free_first:.2f} ms")
    show("first part, paid", f"{paid_first:.2f} ms")
    show("books on disk and in memory agree", "yes" if same else "NO")
    per_voucher = (paid_cpu - free_cpu) / (TOKENS / VOUCHER_TOKENS)
    show("CPU of a voucher, both ends and all of its call", f"{per_voucher:.2f} ms", at_most(per_voucher, 4.0, "ms"))


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        trio.run(run, Path(folder))


if __name__ == "__main__":
    main()
