"""The sampler is a fixed function: its noise is pinned, its draws follow the softmax, its order never changes."""

from __future__ import annotations

import numpy as np
import pytest

from models import BadSampling, Sampling
from models.sampling import choose, gumbel_noise, penalise, top_k_floor, top_p_floor

SEED = bytes(range(32))
PINNED_NOISE = [0.8766531393109055, 0.9010779921869526, 0.8538900835520237]  # of tokens 0, 1, 49151 at position 3
MASK = 2**64 - 1


def philox_4x64_10(counter: list[int], key: list[int]) -> list[int]:
    """The published generator, written out."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(second >> 64) ^ c[1] ^ k[0], second & MASK, (first >> 64) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


def test_noise_is_philox_of_seed_position_and_token() -> None:
    words = [int.from_bytes(SEED[i : i + 8], "little") for i in range(0, 32, 8)]
    position = 5
    raw = [w for block in (1, 2, 3) for w in philox_4x64_10([block, position, words[2], words[3]], words[:2])]
    expected = [-np.log(-np.log(((value >> 11) + 0.5) * 2.0**-53)) for value in raw]
    found = gumbel_noise(SEED, position, 12, np.arange(12))
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_noise_is_the_same_for_ever() -> None:
    found = gumbel_noise(SEED, 3, 49_152, np.array([0, 1, 49_151]))
    assert np.allclose(found, PINNED_NOISE, rtol=0, atol=1e-12)


def test_every_byte_of_the_seed_and_the_position_change_the_noise() -> None:
    base = gumbel_noise(SEED, 0, 8, np.arange(8))
    for i in range(32):
        other = bytearray(SEED)
        other[i] ^= 1
        assert not np.array_equal(base, gumbel_noise(bytes(other), 0, 8, np.arange(8)))
    assert not np.array_equal(base, gumbel_noise(SEED, 1, 8, np.arange(8)))


def test_draws_follow_the_softmax() -> None:
    logits = np.array([2.0, 1.0, 0.0, -1.0, 0.5], np.float32)
    sampling = Sampling(seed=SEED, temperature=0.8, top_p=1.0)
    count = 4_000
    drawn = np.bincount([choose(logits, sampling, i, ()) for i in range(count)], minlength=5)
    share = np.exp(logits / 0.8) / np.exp(logits / 0.8).sum()
    chi_square = float(((drawn - count * share) ** 2 / (count * share)).sum())
    assert chi_square < 18.5  # 4 degrees of freedom, one in a thousand


def test_temperature_zero_takes_the_best_and_the_lowest_id_among_equals() -> None:
    sampling = Sampling(seed=SEED, temperature=0.0, top_p=0.1)
    assert choose(np.array([1, 3, 3, 2], np.float32), sampling, 0, ()) == 1


def test_top_k_never_draws_below_its_edge_and_keeps_equals() -> None:
    logits = np.array([5, 4, 4, 3, 2], np.float32)
    assert top_k_floor(logits, 2) == 4.0
    sampling = Sampling(seed=SEED, temperature=2.0, top_p=1.0, top_k=2)
    assert {choose(logits, sampling, i, ()) for i in range(300)} == {0, 1, 2}


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    assert top_p_floor(logits, 0.5) == logits[0]
    assert top_p_floor(logits, 0.51) == logits[1]
    assert top_p_floor(logits, 0.94) == logits[2]
    assert top_p_floor(logits, 1.0) == -np.inf
    sampling = Sampling(seed=SEED, temperature=1.0, top_p=0.79)
    assert {choose(logits, sampling, i, ()) for i in range(300)} == {0, 1}


def test_top_k_comes_before_top_p() -> None:
    logits = np.log(np.array([0.4, 0.3, 0.2, 0.1], np.float32))
    # Among the two best, renormalised, 0.57 is the share of the first: 0.55 keeps it alone.
    sampling = Sampling(seed=SEED, temperature=1.0, top_p=0.55, top_k=2)
    assert {choose(logits, sampling, i, ()) for i in range(300)} == {0}


def test_the_penalty_counts_answer_tokens_once_and_leaves_its_input() -> None:
    logits = np.array([2.0, -2.0, 1.0], np.float32)
    assert penalise(logits, [0, 0, 1], 2.0).tolist() == [1.0, -4.0, 1.0]
    assert logits.tolist() == [2.0, -2.0, 1.0]
    assert penalise(logits, [0], 1.0) is logits


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seed", b"short"),
        ("temperature", -0.1),
        ("temperature", 0.001),
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", float("nan")),
        ("top_k", -1),
        ("repetition_penalty", 0.9),
        ("repetition_penalty", float("inf")),
        ("max_tokens", 0),
        ("max_tokens", 10**6),
        ("stop", ("a",) * 5),
        ("stop", ("",)),
        ("stop", ("x" * 65,)),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(field: str, value: object) -> None:
    settings: dict[str, object] = {"seed": SEED, field: value}
    with pytest.raises(BadSampling, match="stop string" if field == "stop" else field):
        Sampling(**settings)  # type: ignore[arg-type]
