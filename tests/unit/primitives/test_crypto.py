"""One rule for signatures and hashes, the same on every node for ever."""

import nacl.bindings
import pytest

from node.primitives.address import from_ss58, to_ss58
from node.primitives.crypto import Ed25519Signer, digest, is_small_order, verify
from node.primitives.errors import AddressError, CryptoError, InvariantBroken, invariant

SIGNER = Ed25519Signer(bytes(range(32)))
P = 2**255 - 19


def test_a_signature_holds_only_for_its_key_and_message() -> None:
    signature = SIGNER.sign(b"message")
    assert verify(SIGNER.public, b"message", signature)
    assert not verify(SIGNER.public, b"messagE", signature)
    assert not verify(Ed25519Signer(bytes(32)).public, b"message", signature)
    assert not verify(SIGNER.public, b"message", signature[:-1] + bytes([signature[-1] ^ 1]))


def test_the_published_vector_of_rfc_8032_holds() -> None:
    signer = Ed25519Signer(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert signer.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signer.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


@pytest.mark.parametrize(("public", "signature"), [(b"", b""), (b"\x00" * 31, b"\x00" * 64), (b"\x00" * 32, b"\x00")])
def test_malformed_input_is_no_signature_and_never_raises(public: bytes, signature: bytes) -> None:
    assert not verify(public, b"", signature)


def _order(y: int, sign: int) -> int | None:
    """Order of the point with this y by repeated addition; None without such a point or above 8."""
    d = -121665 * pow(121666, -1, P) % P
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P:
        return None
    if x % 2 != sign:
        x = -x % P
    point, total, order = (x, y % P), (x, y % P), 1
    while total != (0, 1):
        if order == 8:
            return None
        (x1, y1), (x2_, y2) = total, point
        k = d * x1 * x2_ * y1 * y2
        total = (
            (x1 * y2 + x2_ * y1) * pow(1 + k, -1, P) % P,
            (y1 * y2 + x1 * x2_) * pow(1 - k, -1, P) % P,
        )
        order += 1
    return order


def test_every_key_in_the_small_order_table_really_has_an_order_of_at_most_eight() -> None:
    from node.primitives.crypto import _SMALL_ORDER_Y

    assert all(_order(y, sign) is not None for y in _SMALL_ORDER_Y for sign in (0, 1))
    assert {_order(y, 0) for y in _SMALL_ORDER_Y} == {1, 2, 4, 8}
    assert all(is_small_order((y | sign << 255).to_bytes(32, "little")) for y in _SMALL_ORDER_Y for sign in (0, 1))


def test_a_signature_that_fits_every_message_is_refused() -> None:
    identity = (1).to_bytes(32, "little")
    assert not verify(identity, b"anything", identity + bytes(32))
    assert not is_small_order(SIGNER.public)
    assert nacl.bindings.crypto_core_ed25519_is_valid_point(SIGNER.public)


def test_a_seed_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(CryptoError, match="32 bytes"):
        Ed25519Signer(b"short")


def test_a_signer_never_prints_its_seed() -> None:
    assert bytes(range(32)).hex() not in repr(SIGNER)


def test_hash_domains_and_part_borders_are_kept_apart() -> None:
    assert digest("a", b"xy") != digest("b", b"xy")
    assert digest("a", b"x", b"y") != digest("a", b"xy")
    assert digest("a", b"", b"x") != digest("a", b"x", b"")


def test_the_hash_is_pinned() -> None:
    assert digest("seal", b"ab", b"").hex() == "1c1885ebf7062655e1344977b804f2a19b46624f7d2f019746aa4619c82692b6"


def test_an_address_of_the_field_is_read_and_written() -> None:
    alice = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
    assert to_ss58(alice) == "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
    assert from_ss58("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY") == alice


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "hello world",
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ",  # one letter off
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ",  # cut
        "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",  # format 0
        "0" * 10_000,
    ],
)
def test_a_damaged_or_foreign_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        from_ss58(text)


def test_a_broken_invariant_stops_the_program() -> None:
    with pytest.raises(InvariantBroken, match="two is not three"):
        invariant(2 == 3, "two is not three")
