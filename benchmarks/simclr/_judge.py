"""The rule by which a finding is reproduced, not reproduced, or unclear at this scale.

A claim is one or more contrasts: sums of accuracies minus other sums, that it says are positive. A
contrast is computed for each seed, which draws images, weights and views alike for all cells, and
has Student's t interval over the seeds.

- "reproduced": the 95 % interval of every contrast is above 0. All must be, so no correction for
  their number is needed (intersection-union test).
- "not reproduced": the interval of some contrast is below one point of accuracy, so that the
  advantage is smaller than that or negative. One suffices, so the intervals of this rule are wider,
  as Bonferroni's correction for the number of contrasts asks.
- "unclear at this scale": neither.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import t as student_t

REPRODUCED, NOT_REPRODUCED, UNCLEAR = "reproduced", "not reproduced", "unclear at this scale"
CONFIDENCE, POINT = 0.95, 0.01


@dataclass(frozen=True)
class Contrast:
    """Sum of some scores minus the sum of others, by their names."""

    plus: tuple[str, ...]
    minus: tuple[str, ...]

    def of(self, scores):
        """The contrast for each seed: ndarray of shape (n_seeds,)."""
        plus, minus = (np.sum([scores[name] for name in names], axis=0) for names in self.names)
        return plus - minus

    @property
    def names(self):
        """Names of both sides."""
        return self.plus, self.minus


@dataclass(frozen=True)
class Claim:
    """A statement, the contrasts that it says are positive, and the numbers of the paper."""

    statement: str
    contrasts: tuple[Contrast, ...]
    paper: str


def better(first, second):
    """The contrast of one score with another."""
    return Contrast((first,), (second,))


def t_interval(differences, confidence=CONFIDENCE):
    """Student's t interval of the mean.

    Parameters
    ----------
    differences : array-like of shape (n_seeds,)
        Independent differences, at least two.
    confidence : float, default=0.95
        Coverage of the interval if the differences are normal.

    Returns
    -------
    low, high : float
        mean -+ t s / sqrt(n), with t the quantile of n - 1 degrees of freedom.
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    if n < 2:
        raise ValueError(f"An interval needs at least two seeds, but there is {n}.")
    quantile = student_t.ppf(0.5 + confidence / 2, n - 1)
    half = quantile * differences.std(ddof=1) / np.sqrt(n)
    return float(differences.mean() - half), float(differences.mean() + half)


def verdict_of(contrasts):
    """Verdict for contrasts that are said to be positive.

    Parameters
    ----------
    contrasts : list of array-like of shape (n_seeds,)
        Each contrast for each seed.

    Returns
    -------
    verdict : str
        By the rule at the top of the module.
    """
    if all(t_interval(each)[0] > 0 for each in contrasts):
        return REPRODUCED
    corrected = 1 - (1 - CONFIDENCE) / len(contrasts)
    if any(
        t_interval(each)[0] <= 0 and t_interval(each, corrected)[1] < POINT for each in contrasts
    ):
        return NOT_REPRODUCED
    return UNCLEAR


def judged(claim, scores):
    """A claim with its verdict and its contrasts, for the record.

    Parameters
    ----------
    claim : Claim
        The claim.
    scores : dict of str to list of float
        Each score for each seed, in the same order of seeds.
    """
    differences = [contrast.of(scores) for contrast in claim.contrasts]
    return {
        "statement": claim.statement,
        "paper": claim.paper,
        "verdict": verdict_of(differences),
        "contrasts": [
            asdict(contrast)
            | {"mean": float(np.mean(values))}
            | dict(zip(("low", "high"), t_interval(values), strict=True))
            for contrast, values in zip(claim.contrasts, differences, strict=True)
        ],
    }
