"""The arithmetic of the market: what is emitted, who earns it, what an α costs. Integers in, integers out.

Nothing here knows of accounts' state, blocks or storage; the ledger reads its state, calls these functions and writes
their results. A raw fixed-point number carries its fraction bits in its name (`price_q64` = price * 2^64); `_u16` and
`_u64` are proportions with the type's maximum as 1; `_rao` is 10^-9 τ or 10^-9 α.
"""
