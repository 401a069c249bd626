"""Writes assignment.json beside itself: cost matrices and the least total that SciPy's solver finds for each.

Run as `python3 test/golden/make-assignment.py`; made with SciPy 1.17.1 and NumPy 2.4.6.
"""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


def permuted_points(rng, rows, columns, noise):
    """Distances in metres between a scene's points and a noisy, shuffled part of them, as SimIPU's costs are."""
    count = max(rows, columns)
    points = rng.uniform([0, -40, -3], [70, 40, 1], (count, 3))
    moved = points + rng.normal(0, noise, (count, 3))
    return cdist(points[:rows], moved[rng.permutation(count)][:columns])


def with_forbidden(rng, costs, share):
    """Forbids a share of the pairs, never the diagonal, so that an answer exists."""
    forbidden = rng.uniform(size=costs.shape) < share
    np.fill_diagonal(forbidden, False)
    return np.where(forbidden, np.inf, costs)


def cases():
    rng = np.random.default_rng(20240607)
    for rows, columns in [(1, 1), (1, 6), (6, 1), (5, 5), (4, 9), (9, 4), (12, 12)]:
        yield f"uniform {rows}x{columns}", rng.uniform(0, 1, (rows, columns)).round(4)
    yield "integers with ties 15x15", rng.integers(0, 4, (15, 15))
    yield "negative integers 8x11", rng.integers(-50, 50, (8, 11))
    yield "constant 6x6", np.full((6, 6), 7)
    yield "product 20x20", np.outer(np.arange(1, 21), np.arange(1, 21))
    yield "forbidden pairs 14x14", with_forbidden(rng, rng.uniform(0, 9, (14, 14)).round(3), 0.6)
    yield "forbidden pairs 10x16", with_forbidden(rng, rng.integers(0, 99, (10, 16)), 0.5)
    yield "uniform 64x80", rng.uniform(0, 1, (64, 80)).round(4)
    yield "points 80x64", permuted_points(rng, 80, 64, 0.5).round(2)
    yield "points 200x200", permuted_points(rng, 200, 200, 0.5).round(2)


def number(value):
    if np.isinf(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def main():
    out = []
    for name, costs in cases():
        rows, columns = linear_sum_assignment(costs)
        column_of_row = [-1] * costs.shape[0]
        for row, column in zip(rows, columns):
            column_of_row[row] = int(column)
        out.append(
            {
                "name": name,
                "rows": costs.shape[0],
                "columns": costs.shape[1],
                "least": float(costs[rows, columns].sum()),
                "columnOfRow": column_of_row,
                "cost": [number(value) for value in costs.ravel()],
            }
        )
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in out)
    Path(__file__).with_name("assignment.json").write_text(f"[\n{text}\n]\n")


main()
