"""The pure ledger: transfers and stake moves a core-second, and the full path against the bare signature check.

"Applied" is everything that importing does with one transaction of a block but the signature: decoding, signing
digest, era, nonce, fee, call, receipt. A block adds the start of a block, the lists' roots and the state root.
"""

from collections.abc import Callable, Sequence

import nacl.bindings

from benchmarks.chain import Town, open_block, trusting
from benchmarks.measure import at_least, per_s, rivals_cpu_s, show, title
from node.ledger.apply import apply_transaction
from node.ledger.header import Block
from node.ledger.transaction import decode_transaction, signing_digest
from node.ledger.transition import ChainState, build_block, execute_block
from node.primitives.crypto import Verifier, verify
from node.primitives.types import Hash, Slot

COUNT = 1_000
PEOPLE = 2_000
COLD_ROWS = 100_000
TRANSFERS_PER_S = 20_000
STAKE_MOVES_PER_S = 8_000
SHARE_OF_VERIFY = 0.6


def applying(town: Town, parent: ChainState, raws: Sequence[bytes], how: Verifier) -> Callable[[], None]:
    """Apply all to a fresh block; every one must succeed."""

    def work() -> None:
        context = open_block(parent, town.authority.public)
        for raw in raws:
            receipt = apply_transaction(context, raw, parent.hash, verify=how)
            if not receipt.ok:
                raise RuntimeError(f"a benchmark transaction failed: {receipt.error_code}")

    return work


def executing(town: Town, parent: ChainState, raws: Sequence[bytes], how: Verifier) -> Callable[[], object]:
    """Execute the block of all of them."""
    draft = build_block(parent, Slot(1), town.authority.public, raws, parent.hash, verify=trusting, enact=True)
    if draft.skipped:
        raise RuntimeError(f"a benchmark transaction was left out: {draft.skipped[0].error_code}")
    block: Block = draft.seal(bytes(64))[0]
    return lambda: execute_block(parent, block, parent.hash, verify=how)


def pynacl(parent: ChainState, raws: Sequence[bytes]) -> Callable[[], None]:
    """PyNaCl's own check of the same signatures, and nothing else."""
    triples: list[tuple[bytes, bytes]] = []
    for raw in raws:
        transaction = decode_transaction(raw)
        message: Hash = signing_digest(parent.hash, parent.hash, transaction)
        triples.append((transaction.signature + message, transaction.sender))

    def work() -> None:
        for signed, public in triples:
            nacl.bindings.crypto_sign_open(signed, public)

    return work


def main() -> None:
    """Measure and print."""
    title(f"Ledger: {COUNT} transactions in one block, {PEOPLE} active accounts, {COLD_ROWS} other rows in the state")
    town = Town(PEOPLE)
    parent = town.start(COLD_ROWS).state
    transfers = town.transfers(COUNT, 0, parent, parent.hash)
    moves = town.stake_moves(COUNT, 0, parent, parent.hash)
    cpu_s = rivals_cpu_s(
        {
            "transfers": applying(town, parent, transfers, trusting),
            "stake": applying(town, parent, moves, trusting),
            "checked transfers": applying(town, parent, transfers, verify),
            "checked stake": applying(town, parent, moves, verify),
            "transfer block": executing(town, parent, transfers, trusting),
            "stake block": executing(town, parent, moves, trusting),
            "checked transfer block": executing(town, parent, transfers, verify),
            "pynacl": pynacl(parent, transfers),
        }
    )
    rates = {name: COUNT / spent for name, spent in cpu_s.items()}
    show("PyNaCl verifies the signatures of the transfers", per_s(COUNT, cpu_s["pynacl"]))
    show("transfers applied, signatures checked before", per_s(COUNT, cpu_s["transfers"]),
         at_least(rates["transfers"], TRANSFERS_PER_S, " /s"))  # fmt: skip
    show("stake moves applied, signatures checked before", per_s(COUNT, cpu_s["stake"]),
         at_least(rates["stake"], STAKE_MOVES_PER_S, " /s"))  # fmt: skip
    for name, what in (
        ("checked transfers", "transfers applied, signatures checked now"),
        ("checked transfer block", "block of transfers, signatures checked now"),
    ):
        share = rates[name] / rates["pynacl"]
        show(what, per_s(COUNT, cpu_s[name]), f"{share:.2f} of PyNaCl, {at_least(share, SHARE_OF_VERIFY)}")
    show("block of transfers, signatures checked before", per_s(COUNT, cpu_s["transfer block"]))
    show("stake moves applied, signatures checked now", per_s(COUNT, cpu_s["checked stake"]))
    show("block of stake moves, signatures checked before", per_s(COUNT, cpu_s["stake block"]))


if __name__ == "__main__":
    main()
