"""Kinds of the subnet Data Universe: bytes, value, credibility, on-demand work, the field's final score."""

from collections.abc import Mapping

from node.subnets.data_universe import scoring
from tests.conformance.cases import Case, Handler, Json, MalformedCase


def value(case: Case) -> Json:
    jobs = [scoring.Job(job["label"], job["weight"], job["start_hour"], job["end_hour"]) for job in case["jobs"]]
    scale = scoring.bucket_scale(
        case["label"], case["bucket_hour"], case["now_hour"], jobs, default_scale=case["default_scale"],
        age_max_hours=case["max_age_hours"],
    )  # fmt: skip
    return scoring.bucket_value(case["source_weight"], scale, case["scorable_bytes"])


def multipliers(case: Case) -> Json:
    now, seen = case["start"], []
    for name, target in case["ops"]:
        now = scoring.multiplier_relaxed(now) if name == "relax" else scoring.multiplier_step(now, target)
        seen.append(now)
    return seen


def credibility(case: Case) -> Json:
    state = scoring.Credibility(0.0, case["start"], case["alpha"])
    if case["exponent"] != scoring.CREDIBILITY_EXPONENT:
        raise MalformedCase("the exponent is fixed")
    for name, worth, share in case["ops"]:
        if name == "pass":
            state.passed(worth, share)
        else:
            state.failed()
    return state.credibility


def final(case: Case) -> Json:
    return scoring.capped_score(
        p2p=case["p2p_raw"], p2p_credibility=case["p2p_cred"], on_demand=case["od_boost"],
        on_demand_credibility=case["od_cred"], multiplier=case["od_mult"], files=case["s3_boost"],
        files_credibility=case["s3_cred"],
    )  # fmt: skip


def bar(case: Case) -> Json:
    checked = {name: (each["validated"], each["passed"]) for name, each in case["platforms"].items()}
    return scoring.dirty_sources(checked, case["bar"], case["min_entities"])


KINDS: Mapping[str, Handler] = {
    "du_bucket_value": value,
    "du_scorable_bytes": lambda case: scoring.scorable_bytes(case["own_size"], case["all_sizes"]),
    "du_od_speed": lambda case: scoring.speed(
        case["seconds"], grace_s=case["grace"], half_life_s=case["half_life"], floor=case["floor"]
    ),
    "du_od_volume": lambda case: scoring.volume(case["returned"], case["limit"]),
    "du_od_coverage_mult": lambda case: scoring.coverage((p["submitted"], p["doable"]) for p in case["platforms"]),
    "du_od_mult_sequence": multipliers,
    "du_final_score": final,
    "du_s3_credibility": credibility,
    "du_sample_split": lambda case: list(scoring.sample_split(case["budget"])),
    "du_platform_bar": bar,
}
