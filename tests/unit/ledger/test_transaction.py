"""Transactions: their bytes are fixed, and only what the sender signed for this network counts."""

import msgspec
import pytest

from node.ledger import errors
from node.ledger.calls import (
    AddStake,
    AddStakeLimit,
    BurnedRegister,
    Call,
    DecreaseTake,
    IncreaseTake,
    RemoveStake,
    RemoveStakeLimit,
    ServeAxon,
    SetCommitment,
    SetWeights,
    Transfer,
)
from node.ledger.transaction import (
    Era,
    Transaction,
    check_signature,
    decode_transaction,
    sign_transaction,
    signing_digest,
    transaction_hash,
)
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.limits import TRANSACTION_BYTES_MAX
from node.primitives.types import AccountId, Alpha, Hash, Height, NetUid, Rao, Uid

SIGNER = Ed25519Signer(b"\x07" * 32)
GENESIS, BIRTH = Hash(b"g" * 32), Hash(b"b" * 32)
BOB = AccountId(b"B" * 32)
ONE = NetUid(1)

CALLS: dict[str, Call] = {
    "transfer": Transfer(BOB, Rao(10**9)),
    "add_stake": AddStake(BOB, ONE, Rao(2 * 10**9)),
    "add_stake_limit": AddStakeLimit(BOB, ONE, Rao(5), 10**9, True),
    "remove_stake": RemoveStake(BOB, ONE, Alpha(300)),
    "remove_stake_limit": RemoveStakeLimit(BOB, ONE, Alpha(300), 7, False),
    "burned_register": BurnedRegister(ONE, BOB),
    "set_weights": SetWeights(ONE, (Uid(0), Uid(300)), (65_535, 1), 4),
    "serve_axon": ServeAxon(ONE, b"12D3KooW", (b"/ip4/10.0.0.1/tcp/4001",)),
    "increase_take": IncreaseTake(BOB, 11_796),
    "decrease_take": DecreaseTake(BOB, 0),
    "set_commitment": SetCommitment(ONE, b"model"),
}
VECTORS = {
    "transfer": "9301c4204242424242424242424242424242424242424242424242424242424242424242ce3b9aca00",
    "add_stake": "9402c420424242424242424242424242424242424242424242424242424242424242424201ce77359400",
    "add_stake_limit": "9603c42042424242424242424242424242424242424242424242424242424242424242420105ce3b9aca00c3",
    "remove_stake": "9404c420424242424242424242424242424242424242424242424242424242424242424201cd012c",
    "remove_stake_limit": "9605c420424242424242424242424242424242424242424242424242424242424242424201cd012c07c2",
    "burned_register": "930601c4204242424242424242424242424242424242424242424242424242424242424242",
    "set_weights": "9507019200cd012c92cdffff0104",
    "serve_axon": "940801c408313244334b6f6f5791c4162f6970342f31302e302e302e312f7463702f34303031",
    "increase_take": "9309c4204242424242424242424242424242424242424242424242424242424242424242cd2e14",
    "decrease_take": "930ac420424242424242424242424242424242424242424242424242424242424242424200",
    "set_commitment": "930b01c4056d6f64656c",
    "signed transfer": (
        "9801c420ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c03920940029301c4204242424242"
        "424242424242424242424242424242424242424242424242424242ce3b9aca0000c44001058d2667ead197c95ad3a15b3b76"
        "12bf225e68931c4fe05f2e65c58cc3a8175f89ba822b9e0fc1ea1773c51f9ae300effdc65862ed1a9f983fee92683d7a0b"
    ),
    "hash of the signed transfer": "92fcfa55f4f8c989732ad5c3c17fc1c9abad8f350299522dc6dfaa3defefbf77",
    "digest of the transfer": "4841500b43928d99351b5356bbe45a9c4284d24e82731195a666d1698ff2c306",
}


def _sign(call: Call, *, nonce: int = 3, tip_rao: int = 0) -> bytes:
    return sign_transaction(
        SIGNER, call, nonce=nonce, birth_height=Height(9), birth_hash=BIRTH, genesis_hash=GENESIS, tip_rao=Rao(tip_rao)
    )


@pytest.mark.parametrize("name", CALLS)
def test_the_bytes_of_a_call_never_change(name: str) -> None:
    assert encode(CALLS[name]).hex() == VECTORS[name]


def test_the_bytes_and_the_hash_of_a_signed_transfer_never_change() -> None:
    raw = _sign(CALLS["transfer"], tip_rao=2)
    assert raw.hex() == VECTORS["signed transfer"]
    assert transaction_hash(raw).hex() == VECTORS["hash of the signed transfer"]


@pytest.mark.parametrize("name", CALLS)
def test_a_signed_call_decodes_to_itself(name: str) -> None:
    transaction = decode_transaction(_sign(CALLS[name]))
    assert transaction.call == CALLS[name]
    assert (transaction.sender, transaction.nonce, transaction.era) == (SIGNER.public, 3, Era(Height(9), 64))
    check_signature(transaction, GENESIS, BIRTH, verify=verify)


def test_a_signature_counts_only_on_its_network_block_and_body() -> None:
    transaction = decode_transaction(_sign(CALLS["transfer"]))
    other = Hash(b"x" * 32)
    forged = [
        (transaction, other, BIRTH),
        (transaction, GENESIS, other),
        (msgspec.structs.replace(transaction, nonce=4), GENESIS, BIRTH),
        (msgspec.structs.replace(transaction, tip_rao=Rao(1)), GENESIS, BIRTH),
        (msgspec.structs.replace(transaction, call=Transfer(BOB, Rao(2 * 10**9))), GENESIS, BIRTH),
        (msgspec.structs.replace(transaction, era=Era(Height(9), 65)), GENESIS, BIRTH),
        (msgspec.structs.replace(transaction, sender=BOB), GENESIS, BIRTH),
    ]
    for candidate, genesis, birth in forged:
        with pytest.raises(errors.BadSignature):
            check_signature(candidate, genesis, birth, verify=verify)


def _with(**changes: object) -> bytes:
    return encode(msgspec.structs.replace(decode_transaction(_sign(CALLS["transfer"])), **changes))


def test_malformed_transactions_are_refused_by_name() -> None:
    raw = _sign(CALLS["transfer"])
    refused: list[tuple[bytes, type[errors.TransactionError]]] = [
        (b"", errors.TransactionMalformed),
        (raw[:-1], errors.TransactionMalformed),
        (raw + b"\x00", errors.TransactionMalformed),
        (raw * 200, errors.TransactionMalformed),
        (b"\xc1" * 50, errors.TransactionMalformed),
        (b"\x91" * TRANSACTION_BYTES_MAX, errors.TransactionMalformed),
        (_with(version=2), errors.UnknownTransactionVersion),
        (_with(scheme=1), errors.UnknownSignatureScheme),
        (_with(signature=b"short"), errors.TransactionMalformed),
        (_with(sender=AccountId(b"short")), errors.TransactionMalformed),
        (_with(tip_rao=Rao(-1)), errors.TransactionMalformed),
        (_with(era=Era(Height(0), 0)), errors.EraInvalid),
        (_with(era=Era(Height(0), 4097)), errors.EraInvalid),
        (_with(call=Transfer(AccountId(b"x"), Rao(1))), errors.TransactionMalformed),
        (_with(call=Transfer(BOB, Rao(22_000_000 * 10**9))), errors.TransactionMalformed),
        (_with(call=SetWeights(ONE, (Uid(0),) * 257, (), 0)), errors.TransactionMalformed),
        (_with(call=SetWeights(ONE, (), (65_536,), 0)), errors.TransactionMalformed),
        (_with(call=SetWeights(NetUid(65_536), (), (), 0)), errors.TransactionMalformed),
        (_with(call=ServeAxon(ONE, b"", ())), errors.TransactionMalformed),
        (_with(call=ServeAxon(ONE, b"p", (b"a",) * 5)), errors.TransactionMalformed),
        (_with(call=SetCommitment(ONE, b"x" * 129)), errors.TransactionMalformed),
        (_with(call=SetCommitment(ONE, b"x"), tip_rao=Rao(1)), errors.TipOnFreeCall),
    ]
    for data, kind in refused:
        with pytest.raises(kind):
            decode_transaction(data)


def test_a_second_encoding_of_the_same_transaction_is_refused() -> None:
    raw = _sign(CALLS["transfer"], nonce=3)
    at = raw.index(SIGNER.public) + 32
    assert raw[at] == 3, "the nonce follows the sender"
    longer = raw[:at] + b"\xcc\x03" + raw[at + 1 :]
    assert msgspec.msgpack.decode(longer, type=Transaction) == decode_transaction(raw), "the same value"
    with pytest.raises(errors.TransactionMalformed):
        decode_transaction(longer)


def test_the_signed_digest_is_not_the_bytes_sent() -> None:
    transaction = decode_transaction(_sign(CALLS["transfer"]))
    assert signing_digest(GENESIS, BIRTH, transaction).hex() == VECTORS["digest of the transfer"]
