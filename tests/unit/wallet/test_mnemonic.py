"""Words and derived keys agree with Substrate's published keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.primitives.address import to_ss58
from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import InvariantBroken
from node.wallet.errors import BadMnemonic
from node.wallet.mnemonic import derive_hard, entropy_from_words, seed_from_words, words_from_entropy

DEV_WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"


def test_the_development_phrase_gives_its_well_known_seed() -> None:
    assert seed_from_words(DEV_WORDS).hex() == "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e"


def test_a_passphrase_gives_the_seed_of_the_published_vector() -> None:
    words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
    expected = "44e9d125f037ac1d51f0a7d3649689d422c2af8b1ec8e00d71db4d7bf6d127e3"
    assert seed_from_words(words, "Substrate").hex() == expected


@pytest.mark.parametrize(
    ("path", "public", "address"),
    [
        (
            "//Alice",
            "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
            "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu",
        ),
        (
            "//Bob",
            "d17c2d7823ebf260fd138f2d7e27d114c0145d968b5ff5006125f2414fadae69",
            "5GoNkf6WdbxCFnPdAnYYQyCjAKPJgLNxXwPjwTh6DGg6gN3E",
        ),
    ],
)
def test_hard_derivation_gives_the_well_known_authority_keys(path: str, public: str, address: str) -> None:
    signer = Ed25519Signer(derive_hard(seed_from_words(DEV_WORDS), path))
    assert signer.public.hex() == public
    assert to_ss58(signer.public) == address


def test_derivation_keeps_numbers_texts_and_lengths_apart() -> None:
    seed = seed_from_words(DEV_WORDS)
    paths = ["//1", "//01x", "//x1", "//" + "x" * 31, "//" + "x" * 32, "//" + "x" * 64, "//a//b", "//b//a", "//ab"]
    assert len({derive_hard(seed, path) for path in paths}) == len(paths)
    assert derive_hard(seed, "//a//b") == derive_hard(derive_hard(seed, "//a"), "//b")


@pytest.mark.parametrize(
    ("path", "seed"),
    [
        ("//1", "96c891b8726cb18c781aefc082dbafcb827e16c8f18f22d461e83eabd618e780"),
        ("//hotkey//default", "cc1b829f38bfd7fc2f0bc0d615bfca49c47a3f49eb1238fc23bb8c1e1e614d65"),
        ("//" + "x" * 40, "a5dad48a2d7f5aac3cfb7a28750c9534d31dbd88ac041dc85b03828deaad18bc"),
        ("//" + "x" * 70, "c9f1fa8d015efa7f73b1d418dad1b49b7c21c9dc48ef432267a91431167209f5"),
    ],
)
def test_derived_seeds_never_change_with_a_version(path: str, seed: str) -> None:
    assert derive_hard(seed_from_words(DEV_WORDS), path).hex() == seed


@pytest.mark.parametrize("path", ["", "a", "/a", "//", "//a//", "a//b"])
def test_a_malformed_path_is_a_defect(path: str) -> None:
    with pytest.raises(InvariantBroken):
        derive_hard(bytes(32), path)


@pytest.mark.parametrize(("count", "size"), [(12, 16), (15, 20), (18, 24), (21, 28), (24, 32)])
@given(st.data())
def test_words_and_entropy_are_one_thing(count: int, size: int, data: st.DataObject) -> None:
    entropy = data.draw(st.binary(min_size=size, max_size=size))
    words = words_from_entropy(entropy)
    assert len(words.split()) == count
    assert entropy_from_words(f"  {words.upper()}\n".replace(" ", "  ")) == entropy


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "12, 15, 18, 21 or 24 words, not 0"),
        ("bottom drive", "or 24 words, not 2"),
        ("bottom drives", "Word 2"),
        (DEV_WORDS.replace("lake", "lakke"), "Word 4"),
        (DEV_WORDS.replace("bottom drive", "drive bottom"), "changed places"),
        ("x" * 513, "too long"),
    ],
)
def test_bad_words_are_refused_without_repeating_them(words: str, complaint: str) -> None:
    with pytest.raises(BadMnemonic, match=complaint) as caught:
        seed_from_words(words)
    assert "lakke" not in str(caught.value)
    assert "curtain" not in str(caught.value)


@pytest.mark.parametrize(("typed", "near"), [("lakke", "lake"), ("abandonn", "abandon"), ("absu", "absurd")])
def test_the_words_that_look_like_a_wrong_one_are_named(typed: str, near: str) -> None:
    with pytest.raises(BadMnemonic) as caught:
        seed_from_words(DEV_WORDS.replace("lake", typed))
    assert near in caught.value.hint
