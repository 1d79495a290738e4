"""Run of one finding: its cells for each seed, its verdicts, its record."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from ..images._image_run import image_run
from ._judge import Claim, judged
from ._scale import MINIATURE, QUICK, SCALES, Scale

# of a finding with many cells, and of one with few
SEEDS, MANY_SEEDS = 4, 8


@dataclass(frozen=True)
class Finding:
    """A finding of the paper, as cells of trainings and claims about their scores.

    Parameters
    ----------
    module, title : str
        Name of the module, and the first line of its docstring.
    cases : sequence of tuple
        Arguments of the trainings.
    scored : callable
        ``scored(scale, device, *case, seed)`` trains once; it returns a dict of score by name, and
        no two cases have a name in common.
    claims : sequence of Claim
        What the paper says; the first one stands for the finding.
    seeds : int, default=4
        Number of seeds.
    """

    module: str
    title: str
    cases: Sequence[tuple]
    scored: Callable[..., dict[str, float]]
    claims: Sequence[Claim]
    seeds: int = SEEDS


def scores_of(outcomes, n_seeds):
    """Score by name -> list over seeds, of the outcomes of `Run.draws`."""
    scores = {}
    for draws in outcomes.values():
        for name in draws[0]:
            if name in scores:
                raise ValueError(f"Two cases have the score {name!r}.")
            scores[name] = [draws[seed][name] for seed in range(n_seeds)]
    return scores


def run_finding(finding):
    """Make a finding from the command line, print its tables and write its record."""
    module, title, seeds = finding.module, finding.title, finding.seeds
    run = image_run(module, title, seeds=seeds, quick_seeds=2, scale=MINIATURE)
    name = QUICK if run.quick else run.options.scale
    if name not in SCALES:
        raise SystemExit(f"--scale {name} is not known; choose one of {', '.join(SCALES)}.")
    if not run.quick and name != MINIATURE:
        run.name += f"_{name}"
    scale: Scale = SCALES[name]
    outcomes = run.draws(partial(finding.scored, scale, run.options.device), finding.cases)
    scores = scores_of(outcomes, len(run.seeds))
    claims = [judged(claim, scores) for claim in finding.claims]
    run.add_table("Scores", [_score_row(*item) for item in scores.items()])
    run.add_table("Verdicts", [_claim_row(claim) for claim in claims])
    run.settings |= {"sizes": asdict(scale)}
    run.results = {"scores": scores, "claims": claims}
    run.save()


def _score_row(name, values):
    spread = f"{min(values):.3f} to {max(values):.3f}"
    return {"name": name, "mean": float(np.mean(values)), "of the seeds": spread}


def _claim_row(claim):
    least = min(claim["contrasts"], key=lambda contrast: contrast["mean"])
    return {
        "claim": claim["statement"],
        "verdict": claim["verdict"],
        "smallest contrast": least["mean"],
        "interval": f"{least['low']:+.3f} to {least['high']:+.3f}",
        "paper": claim["paper"],
    }
