"""The worked examples of the protocol document, made again from its words alone: hashlib, libsodium, a few lines.

Nothing of the node is imported here: encoding and hashes are those of the second implementation. Whoever breaks an
encoding, a domain or a rule of the page sees it in this file.
"""

import hashlib

import base58
import nacl.signing

from docs.generate import blocks
from tests.reference.follower.trees import merkle
from tests.reference.follower.wire import ZEROS, Value, h, pack
from tests.unit.docs.pages import PROTOCOL, text_of


def lines(body: str) -> dict[str, str]:
    """The `name: value` lines of a block."""
    return dict(line.split(": ", 1) for line in body.strip("`").split("\n") if ": " in line)


def example(name: str) -> dict[str, str]:
    """The lines of an example as the page shows them."""
    return lines(dict(blocks(text_of(PROTOCOL)))[f"example {name}"])


def raw(name: str, label: str) -> bytes:
    return bytes.fromhex(example(name)[label])


def public(seed: bytes) -> bytes:
    return bytes(nacl.signing.SigningKey(seed).verify_key)


def sign(seed: bytes, message: bytes) -> bytes:
    return nacl.signing.SigningKey(seed).sign(message).signature


# --- the examples -----------------------------------------------------------------------------------------------------


def test_encoding() -> None:
    shown = example("encoding")
    assert shown["[300, 0x6162]"] == pack([300, b"ab"]).hex()
    assert shown["[true, [], 65536]"] == pack([True, [], 65_536]).hex()
    assert shown["32 bytes of 0x07"] == pack(bytes([7] * 32)).hex()


def test_hashing() -> None:
    parts = [bytes.fromhex(part) for part in example("hashing")["parts"].split()]
    assert raw("hashing", "digest") == h(example("hashing")["domain"], *parts)


def test_address() -> None:
    account = public(raw("address", "seed"))
    body = bytes([42]) + account
    checksum = hashlib.blake2b(b"SS58PRE" + body).digest()[:2]
    assert raw("address", "account") == account
    assert example("address")["address"] == base58.b58encode(body + checksum).decode()


def test_transaction() -> None:
    name = "transaction"
    seed, genesis = raw(name, "sender seed"), raw(name, "genesis hash")
    call: Value = [1, raw(name, "receiver account"), 1_500_000_000]
    fields: list[Value] = [1, public(seed), 7, [100, 64], 5, call, 0]
    message = h("tx", genesis, (1).to_bytes(4, "big"), raw(name, "hash of block 100"), pack(fields))
    signed = pack([*fields, sign(seed, message)])
    assert raw(name, "call") == pack(call)
    assert raw(name, "signing digest") == message
    assert raw(name, "transaction") == signed
    assert raw(name, "transaction hash") == h("tx-hash", signed)


def test_header() -> None:
    name = "header"
    seed, genesis = raw(name, "producer seed"), raw(name, "genesis hash")
    members: list[Value] = [[account, 1, 0] for account in sorted([public(seed), raw(name, "other authority")])]
    set_hash = h("authorities", pack(members))
    fields: list[Value] = [
        1, 101, 205, bytes([0x33] * 32), public(seed), ZEROS, bytes([0x44] * 32), 0, set_hash, [],
    ]  # fmt: skip
    unsigned = pack([*fields, bytes(64)])
    message = h("seal", genesis, unsigned)
    assert raw(name, "set hash") == set_hash
    assert raw(name, "unsigned header") == unsigned
    assert raw(name, "seal message") == message
    assert raw(name, "seal") == sign(seed, message)
    assert raw(name, "header hash") == h("header", pack([*fields, sign(seed, message)]))


def test_vote_and_certificate() -> None:
    name = "vote"
    seed, block = raw(name, "voter seed"), raw(name, "block hash")
    message = h("vote", raw(name, "genesis hash"), pack([0, 42, 0, 2, 101, block]))
    seat = int(example(name)["seat of the voter"])
    assert raw(name, "vote message") == message
    assert raw(name, "vote") == pack([2, 0, 42, 0, 2, 101, block, public(seed), sign(seed, message)])
    assert raw(name, "certificate") == pack([3, 0, 42, 0, 101, block, bytes([1 << seat]), [sign(seed, message)]])


def test_state_paths() -> None:
    name = "paths"
    account = raw(name, "account")
    assert raw(name, "key") == pack(account)
    assert raw(name, "path of accounts.account") == h("state", b"accounts", b"account", pack(account))
    assert raw(name, "value with nonce 8 and 2 τ") == pack([8, 2_000_000_000])
    assert raw(name, "path of accounts.issuance") == h("state", b"accounts", b"issuance", b"")


def test_merkle_roots() -> None:
    def leaf(first: int) -> bytes:
        return merkle(b"\x00" + bytes([first]) + bytes(31) + merkle(bytes([first])))

    low, middle, high = leaf(0x20), leaf(0x60), leaf(0xE0)
    for label, value in (("leaf 2000…", low), ("leaf 6000…", middle), ("leaf e000…", high)):
        assert raw("tree", label) == value
    left = merkle(b"\x01" + low + middle)  # bit 0 is 0 for both, bit 1 parts them
    assert raw("tree", "state root") == merkle(b"\x01" + left + high)
    a, b, c = (merkle(b"\x00" + item) for item in (b"a", b"b", b"c"))
    assert raw("tree", "list root of a, b, c") == merkle(b"\x01" + merkle(b"\x01" + a + b) + c)


def test_light_step() -> None:
    name = "light"
    seed, genesis, path, value = (
        raw(name, label) for label in ("authority seed", "genesis hash", "path of authority.current", "value")
    )
    alice = public(seed)
    members: list[Value] = [[account, 1, 0] for account in sorted([alice, raw(name, "new authority")])]
    assert path == h("state", b"authority", b"current", b"")
    assert value == pack([1, members])
    leaf = merkle(b"\x00" + path + merkle(value))
    sibling = merkle(b"\x00" + raw(name, "path of the other row") + merkle(raw(name, "value of the other row")))
    assert path[0] >= 0x80 > raw(name, "path of the other row")[0], "the two paths part at bit 0"
    root = merkle(b"\x01" + sibling + leaf)
    proof: list[Value] = [b"\x80", [sibling], []]
    header: list[Value] = [
        1, 360, 364, bytes([0x33] * 32), alice, ZEROS, root, 0, h("authorities", pack(members)), [], bytes(64),
    ]  # fmt: skip
    block = h("header", pack(header))
    message = h("vote", genesis, pack([0, 7, 0, 2, 360, block]))
    certificate: list[Value] = [3, 0, 7, 0, 360, block, b"\x01", [sign(seed, message)]]
    assert raw(name, "request") == pack([6, 0, 256])
    assert raw(name, "state root") == root
    assert raw(name, "proof") == pack(proof)
    assert raw(name, "step") == pack([header, certificate, [[value, proof]]])


def test_answer() -> None:
    question = raw("answer", "question")
    chain = h("parts", question)
    for part in example("answer")["parts"].split():
        chain = h("part", chain, bytes.fromhex(part))
    assert raw("answer", "chain digest") == chain
    assert raw("answer", "answer message") == h("answer", question, chain, pack([11, 2, 0]))


def philox(counter: list[int], key: list[int]) -> list[int]:
    """One block of Philox 4x64 with ten rounds."""
    mask = (1 << 64) - 1
    for step in range(10):
        if step:
            key = [(key[0] + 0x9E3779B97F4A7C15) & mask, (key[1] + 0xBB67AE8584CAA73B) & mask]
        first, second = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
        counter = [
            second >> 64 ^ counter[1] ^ key[0], second & mask, first >> 64 ^ counter[3] ^ key[1], first & mask,
        ]  # fmt: skip
    return counter


def test_sampling_noise() -> None:
    seed = raw("noise", "seed")
    words = [int.from_bytes(seed[at : at + 8], "little") for at in range(0, 32, 8)]
    for token in (0, 1, 4, 9):
        block = philox([token // 4 + 1, int(example("noise")["position"]), words[2], words[3]], words[:2])
        assert example("noise")[f"word of token {token}"] == f"{block[token % 4]:016x}"
