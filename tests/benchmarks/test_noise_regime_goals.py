"""Goals of the robust fits: what misses them is listed, and nothing else."""

import pytest

from benchmarks.linear import _noise_regime_goals as goals
from benchmarks.linear._noise_regime_draws import REGIMES
from benchmarks.linear._noise_regime_methods import CLEAN, ORACLE, OURS, ROBUST

ROWS, CELLS, BOTH = ROBUST


def a_cell(regime, **errors):
    """Cell of a regime whose errors are 1 but for those given."""
    names = [OURS, *ROBUST, ORACLE, CLEAN]
    mean = dict.fromkeys(names, 1.0) | errors
    return {"n": 10, "d": 5, "regime": regime, "mean": mean, "right": dict.fromkeys(names, 1.0)}


def listed(missed):
    """All cells that miss a goal."""
    return [cell for cells in missed.values() for cell in cells]


def test_every_goal_names_known_regimes():
    assert {regime for regimes in goals.SUBSPACE for regime in regimes} <= set(REGIMES)


def test_small_errors_meet_all_goals():
    assert listed(goals.missed_subspace([a_cell(regime) for regime in REGIMES])) == []


def test_large_errors_are_listed_with_their_ratio():
    cells = [a_cell("5 % gross cells", **{CELLS: 1.2}), a_cell("equal", **{ROWS: 1.01})]
    assert listed(goals.missed_subspace(cells)) == [f"10 x 5, 5 % gross cells, {CELLS}: 1.20"]


def test_numbers_of_components_count_only_where_known_noise_gives_the_right_one():
    wrong, hopeless = a_cell("10 % gross rows"), a_cell("10 % gross cells")
    wrong["right"][ROWS] = 0.5
    hopeless["right"] = dict.fromkeys(hopeless["right"], 0.0)
    assert listed(goals.missed_subspace([wrong, hopeless])) == [
        f"10 x 5, 10 % gross rows, {ROWS}: 50%"
    ]


def test_accuracy_is_compared_with_the_best_rival():
    means = {
        spoilt: dict.fromkeys(goals.RIVALS, 0.7) | {OURS: 0.7, ROWS: 0.8, CELLS: 0.8, BOTH: 0.8}
        for spoilt in (*goals.ACCURACY, "as shipped")
    }
    assert listed(goals.missed_accuracy(means)) == []
    means["2 % bad rows"]["capped+PCA"] = 0.78
    means["as shipped"][CELLS] = 0.69
    assert listed(goals.missed_accuracy(means)) == [
        f"{ROWS}: +0.020 (capped+PCA)",
        f"{BOTH}: +0.020 (capped+PCA)",
        f"{CELLS}: -0.010",
    ]


def test_times_are_compared_with_the_default_fit():
    row = {"n": 10, "d": 5, "time": {ROWS: 1.0, CELLS: 4.5, BOTH: 4.0}}
    assert listed(goals.missed_cost([row])) == [f"10 x 5, {CELLS}: 4.5"]


@pytest.mark.parametrize(
    ("worst", "seconds", "is_default"), [(-0.004, 1.5, True), (-0.006, 1.5, False), (0.0, 3, False)]
)
def test_the_default_needs_no_loss_and_little_time(worst, seconds, is_default):
    cells = [
        {
            "table": table,
            "spoilt": "as shipped",
            "accuracy": {OURS: 0.8} | dict.fromkeys(ROBUST, 0.8 + gain),
            "seconds": {OURS: 1.0} | dict.fromkeys(ROBUST, seconds),
        }
        for table, gain in (("a", 0.02), ("b", worst))
    ]
    spoilt = cells[0] | {"spoilt": "noisy rows", "accuracy": dict.fromkeys([OURS, *ROBUST], 0.0)}
    for found in goals.default_decision([*cells, spoilt]).values():
        assert found["default"] is is_default
        assert found["worst"] == pytest.approx(worst)
        assert found["worst table"] == "b"
        assert found["time"] == seconds
