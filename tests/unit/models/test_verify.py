"""The rule on gaps: what is free, what each budget bounds, and how the edges of the nucleus are judged."""

from __future__ import annotations

import numpy as np
import pytest

from models import Reason, Sampling
from models.bundle import DEFAULT_TOLERANCE
from models.sampling import choose
from models.verify import conclude, position_gap

SEED = bytes(range(32))
SLACK = DEFAULT_TOLERANCE.edge_slack


def test_an_exact_answer_has_no_gap() -> None:
    verdict = conclude([0.0] * 40, False, DEFAULT_TOLERANCE)
    assert (verdict.ok, verdict.argmax_share, verdict.mean_gap, verdict.tokens) == (True, 1.0, 0.0, 40)


@pytest.mark.parametrize(
    ("gaps", "reason"),
    [
        ([0.0] * 63 + [1.0], Reason.OK),  # one outlier of an honest machine
        ([0.02] * 64, Reason.OK),
        ([0.0] * 63 + [2.6], Reason.TOO_UNLIKELY),
        ([0.0] * 63 + [float("inf")], Reason.TOO_UNLIKELY),
        ([0.0] * 63 + [float("nan")], Reason.TOO_UNLIKELY),
        ([0.31] * 4 + [0.0] * 60, Reason.TOO_MANY_BAD),
        ([0.05] * 64, Reason.DRIFT),
        ([1.1, 1.1] + [0.0] * 62, Reason.DRIFT),
    ],
)
def test_each_budget_refuses_for_its_own_reason(gaps: list[float], reason: Reason) -> None:
    verdict = conclude(gaps, False, DEFAULT_TOLERANCE)
    assert (verdict.reason, verdict.ok) == (reason, reason is Reason.OK)


def test_an_end_token_out_of_place_is_an_early_end() -> None:
    assert conclude([0.0] * 10 + [3.0], True, DEFAULT_TOLERANCE).reason is Reason.ENDED_EARLY
    assert conclude([0.0] * 10 + [3.0], False, DEFAULT_TOLERANCE).reason is Reason.TOO_UNLIKELY


@pytest.mark.parametrize("top_k", [0, 5])
@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.0, 0.2, 0.7, 1.5])
def test_what_the_same_logits_draw_has_no_gap(temperature: float, top_p: float, top_k: int) -> None:
    random = np.random.default_rng(4)
    sampling = Sampling(seed=SEED, temperature=temperature, top_p=top_p, top_k=top_k, repetition_penalty=1.3)
    answer: list[int] = []
    for position in range(60):
        logits = (random.standard_normal(300) * 3).astype(np.float32)
        answer.append(choose(logits, sampling, position, answer))
        assert position_gap(logits, answer[-1], sampling, position, answer, SLACK) == 0.0


@pytest.mark.parametrize("top_k", [0, 8])
@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.0])
def test_noise_of_another_machine_moves_gaps_by_little_more_than_itself(temperature: float, top_k: int) -> None:
    random = np.random.default_rng(6)
    sampling = Sampling(seed=SEED, temperature=temperature, top_p=0.9, top_k=top_k)
    gaps = []
    for position in range(1_500):
        logits = (random.standard_normal(300) * 3).astype(np.float32)
        other = (logits + random.uniform(-0.05, 0.05, 300)).astype(np.float32)
        gaps.append(position_gap(logits, choose(other, sampling, position, ()), sampling, position, (), SLACK))
    assert max(gaps) <= 0.1 + 1e-5  # both tokens moved by at most 0.05; edges are within the slack


def test_a_token_outside_the_nucleus_is_as_far_off_as_the_edge() -> None:
    logits = np.log(np.array([0.6, 0.399, 0.001], np.float32))
    sampling = Sampling(seed=SEED, temperature=1.0, top_p=0.9)
    gaps = [position_gap(logits, 2, sampling, position, (), SLACK) for position in range(50)]
    assert min(gaps) >= float(logits[1] - logits[2]) - SLACK - 1e-5


def test_a_token_below_top_k_is_as_far_off_as_the_edge() -> None:
    logits = np.array([5.0, 4.0, 1.0], np.float32)
    sampling = Sampling(seed=SEED, temperature=1.0, top_p=1.0, top_k=2)
    gaps = [position_gap(logits, 2, sampling, position, (), SLACK) for position in range(50)]
    assert min(gaps) >= 3.0 - SLACK - 1e-5


def test_the_penalty_counts_only_tokens_before_the_position() -> None:
    logits = np.array([2.0, 1.5, 0.0], np.float32)
    sampling = Sampling(seed=SEED, temperature=0.0, repetition_penalty=2.0)
    assert position_gap(logits, 0, sampling, 0, [0, 1], SLACK) == 0.0
    assert position_gap(logits, 1, sampling, 1, [0, 1], SLACK) == 0.0
    assert position_gap(logits, 0, sampling, 1, [0, 1], SLACK) == pytest.approx(0.5)
