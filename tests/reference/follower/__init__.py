"""A client that follows a network, written a second time from docs/protocol.md and docs/limits.md alone.

It imports nothing of the node: hashlib, libsodium and base58 are all it knows besides the words of the page. What it
refuses it refuses with `Refused`. It executes no transaction: what only execution can tell it takes from certificates.
"""
