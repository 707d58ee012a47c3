"""The canonical encoding: encode, decode with the check that there is no other form, and the hash of a transaction.

The rival is msgspec alone, which accepts other encodings of the same value and therefore cannot be used by consensus.
"""

from collections.abc import Callable

import msgspec

from benchmarks.chain import Town
from benchmarks.measure import per_s, rivals_cpu_s, show, title
from node.ledger.header import Header, decode_header
from node.ledger.transaction import Transaction, decode_transaction, signing_digest, transaction_hash
from node.primitives.codec import decode_canonical, encode
from node.primitives.limits import TRANSACTION_BYTES_MAX

COUNT = 20_000


def often(work: Callable[[], object]) -> Callable[[], None]:
    """`COUNT` times."""

    def loop() -> None:
        for _ in range(COUNT):
            work()

    return loop


def main() -> None:
    """Measure and print."""
    town = Town(2)
    start = town.start()
    raw = town.transfers(1, 0, start.state, start.state.hash)[0]
    transaction, header = decode_transaction(raw), encode(start.header)
    title(f"Encoding: a signed transfer of {len(raw)} bytes, a header of {len(header)}; {COUNT} times each")
    bare_encode = msgspec.msgpack.Encoder().encode
    bare_decode = msgspec.msgpack.Decoder(Transaction).decode
    bare_header = msgspec.msgpack.Decoder(Header).decode
    cpu_s = rivals_cpu_s(
        {
            "encode": often(lambda: encode(transaction)),
            "bare encode": often(lambda: bare_encode(transaction)),
            "decode": often(lambda: decode_canonical(Transaction, raw, max_bytes=TRANSACTION_BYTES_MAX)),
            "bare decode": often(lambda: bare_decode(raw)),
            "whole": often(lambda: decode_transaction(raw)),
            "header": often(lambda: decode_header(header)),
            "bare header": often(lambda: bare_header(header)),
            "hash": often(lambda: transaction_hash(raw)),
            "signed": often(lambda: signing_digest(start.state.hash, start.state.hash, transaction)),
        }
    )

    def against(name: str, rival: str) -> str:
        return f"{cpu_s[name] / cpu_s[rival]:.1f} times the cost of msgspec alone"

    show("encode a transfer", per_s(COUNT, cpu_s["encode"]), against("encode", "bare encode"))
    show("decode a transfer, canonical or refused", per_s(COUNT, cpu_s["decode"]), against("decode", "bare decode"))
    show("the same with all checks of form", per_s(COUNT, cpu_s["whole"]), against("whole", "bare decode"))
    show("decode a header", per_s(COUNT, cpu_s["header"]), against("header", "bare header"))
    show("hash of a transaction", per_s(COUNT, cpu_s["hash"]))
    show("digest that a sender signs", per_s(COUNT, cpu_s["signed"]))


if __name__ == "__main__":
    main()
