"""Kinds of `math.json`: vectors and matrices of the epoch."""

from node.economics.yuma import vector
from node.economics.yuma.bonds import bonds_alpha
from node.primitives.fixed import I32F32, exp_safe
from tests.conformance.cases import Case, Handler, Json, MalformedCase, as_number, exact, raw
from tests.reference.yuma import matrix
from tests.reference.yuma.bonds import sigmoid
from tests.reference.yuma.median import weighted_median, weighted_median_columns

ONE = I32F32.one


def sparse(case: Case, dense: list[list[Json]]) -> matrix.Matrix:
    return [{j: value for j, value in enumerate(case.i32s(row)) if value} for row in dense]


def width(dense: list[list[Json]]) -> int:
    return len(dense[0]) if dense else 0


def dense(rows: matrix.Matrix, columns: int) -> list[list[int]]:
    return [[row.get(j, 0) for j in range(columns)] for row in rows]


def numbers(case: Case, values: Json) -> Json:
    """Raw results in the form of the expectation: decimals, or raw literals compared bit by bit at tolerance 0."""
    if case.data.get("tolerance", 0) == 0:
        return _snapped(case, values, case.data.get("expected"))
    return _map(values, lambda value: as_number(value, I32F32))


def _snapped(case: Case, values: Json, expected: Json) -> Json:
    """At tolerance 0 the expected literal itself is rounded to I32F32: show it where the raw numbers are equal."""
    if isinstance(values, list) and isinstance(expected, list) and len(values) == len(expected):
        return [_snapped(case, value, wanted) for value, wanted in zip(values, expected, strict=True)]
    if isinstance(values, list) or not isinstance(expected, int | float):
        return _map(values, lambda value: as_number(value, I32F32))
    equal = raw(expected, I32F32, case.expected_literals) == values
    return exact(expected) if equal else as_number(values, I32F32)


def _map(values: Json, function: Json) -> Json:
    return [_map(value, function) for value in values] if isinstance(values, list) else function(values)


def on_vector(function: Json) -> Handler:
    return lambda case: numbers(case, function(case.i32s(case["vector"])))


def on_matrix(function: Json) -> Handler:
    def run(case: Case) -> Json:
        rows = case["matrix"]
        return numbers(case, dense(function(case, sparse(case, rows), width(rows)), width(rows)))

    return run


def matmul(case: Case) -> Json:
    rows = case["matrix"]
    return numbers(case, matrix.columns_weighted_by_rows(sparse(case, rows), case.i32s(case["vector"]), width(rows)))


def matmul_transpose(case: Case) -> Json:
    return numbers(case, matrix.rows_weighted_by_columns(sparse(case, case["matrix"]), case.i32s(case["vector"])))


def interpolate(case: Case) -> Json:
    ratio = raw(case["ratio"], I32F32)
    rows = matrix.interpolate(sparse(case, case["a"]), sparse(case, case["b"]), ratio)
    return numbers(case, dense(rows, width(case["a"])))


def ema_dense(case: Case) -> Json:
    old, new, alpha = ([case.i32s(row) for row in case[name]] for name in ("old", "new", "alpha"))
    return numbers(
        case,
        [[matrix.blend(a, n, o) for a, n, o in zip(*rows, strict=True)] for rows in zip(alpha, new, old, strict=True)],
    )


def ema_sparse(case: Case) -> Json:
    alphas = [case.i32s(row) for row in case["alpha"]]
    new, old = sparse(case, case["new"]), sparse(case, case["old"])
    rows = [
        matrix.moving_average_by_cell([fresh], [stored], lambda j, _new, _old, row=row: row[j])[0]
        for fresh, stored, row in zip(new, old, alphas, strict=True)
    ]
    return numbers(case, dense(rows, width(case["new"])))


def exp_pairs(case: Case) -> Json:
    pairs = [(exp_safe(case.i32(left)), exp_safe(case.i32(right))) for left, right in case["pairs"]]
    return "equal_pairwise" if all(left == right for left, right in pairs) else f"different: {pairs}"


def sigmoids(case: Case) -> Json:
    rho, kappa = case.i32(case["rho"]), case.i32(case["kappa"])
    return numbers(case, [sigmoid(x, rho, kappa) for x in case.i32s(case["x"])])


def median(case: Case) -> Json:
    stake, scores = case.i32s(case["stake"]), case.i32s(case["score"])
    kept = [(mass, score) for mass, score in zip(stake, scores, strict=True) if mass > 0]
    minority = ONE - case.i32(case["majority"])
    return numbers(case, weighted_median([mass for mass, _ in kept], [score for _, score in kept], minority))


def median_columns(case: Case) -> Json:
    rows = case["weights"]
    kappa = case.i32(case["kappa"])
    return numbers(case, weighted_median_columns(case.i32s(case["stake"]), sparse(case, rows), width(rows), kappa))


def raw_vector(case: Case) -> Json:
    values = case["raw_i32f32"]
    if not all(isinstance(value, int) for value in values):
        raise MalformedCase("raw_i32f32 must hold integers")
    return list(vector.max_upscale_to_u16(values))


KINDS: dict[str, Handler] = {
    "alpha_from_bonds_moving_average": lambda case: numbers(case, bonds_alpha(case["bonds_moving_average"])),
    "col_clip": on_matrix(lambda case, rows, _: matrix.column_clip(rows, case.i32s(case["threshold"]))),
    "col_max_upscale": on_matrix(lambda _, rows, columns: matrix.column_max_upscale(rows, columns)),
    "col_normalize": on_matrix(lambda _, rows, columns: matrix.column_normalize(rows, columns)),
    "ema_alpha_dense": ema_dense,
    "ema_alpha_sparse": ema_sparse,
    "exp_safe_clamp": exp_pairs,
    "interpolate": interpolate,
    # The permit rule never takes a zero, this kind does: the order is the same one raw unit higher.
    "is_topk": lambda case: vector.top_k([value + 1 for value in case.i32s(case["vector"])], case["k"]),
    "mask_diag": on_matrix(lambda case, rows, _: matrix.mask_diagonal(rows, case.get("except_index"))),
    "matmul": matmul,
    "matmul_transpose": matmul_transpose,
    "max_upscale_to_u16": lambda case: list(vector.max_upscale_to_u16(case.i32s(case["vector"]))),
    "max_upscale_to_u16_raw": raw_vector,
    "max_weight_limited": lambda case: vector.is_max_weight_limited(case["weights"], case["max_limit"]),
    "normalize": on_vector(vector.normalize),
    "row_hadamard": on_matrix(lambda case, rows, _: matrix.row_scale(rows, case.i32s(case["vector"]))),
    "row_normalize": on_matrix(lambda _, rows, __: matrix.row_normalize(rows)),
    "row_sum": lambda case: numbers(case, matrix.row_sums(sparse(case, case["matrix"]))),
    "sigmoid": sigmoids,
    "u16_max_upscale": lambda case: list(vector.u16_max_upscale(case["vector"])),
    "weighted_median": median,
    "weighted_median_col": median_columns,
}
