"""Command line and JSON record of the benchmarks."""

import ast
import importlib.util
import json
import sys

import pytest
from matplotlib.figure import Figure

from benchmarks._common.record import ROOT, Run

FOLDER = ROOT / "benchmarks"
RECORDS = sorted(
    path for path in FOLDER.glob("*/results/*.json") if not path.stem.endswith("_quick")
)
MODULES = sorted(path for path in FOLDER.rglob("*.py") if not path.name.startswith("__"))
KEYS = ["command", "date", "versions", "machine", "settings", "seeds", "seconds", "results"]


def a_run(monkeypatch, *arguments, module="benchmarks.linear.speed", **options):
    monkeypatch.setattr(sys, "argv", ["benchmark", *arguments])
    return Run(module, "A title", **options)


def double(number, seed):
    return 2 * number + seed


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_records_name_the_command_beside_them(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    assert list(record) == KEYS
    python, flag, module, *_ = record["command"].split()
    assert (python, flag) == ("python", "-m")
    assert importlib.util.find_spec(module).origin.startswith(str(path.parents[1]))
    assert isinstance(record["results"], dict)
    assert record["settings"]["quick"] is False


def test_every_benchmark_with_a_record_has_all_its_files():
    for path in FOLDER.glob("theory/results/*.json"):
        if path in RECORDS:
            assert path.with_suffix(".md").is_file()
            assert path.with_suffix(".png").is_file()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_have_a_title(path):
    title = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]
    assert title.endswith(".")
    assert len(title) <= 100


def test_quick_runs_do_not_replace_full_ones(monkeypatch):
    full, quick = a_run(monkeypatch), a_run(monkeypatch, "--quick")
    assert full.path == FOLDER / "linear" / "results" / "speed.json"
    assert quick.path == FOLDER / "linear" / "results" / "speed_quick.json"
    assert list(full.seeds) == [0, 1, 2, 3, 4]
    assert list(quick.seeds) == [0, 1]


def test_one_draw_has_no_standard_error(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        a_run(monkeypatch, "--seeds", "1")
    assert "at least two draws" in capsys.readouterr().err
    assert len(a_run(monkeypatch, "--seeds", "1", seeds=1, quick_seeds=1).seeds) == 1


def test_record_has_the_options_but_not_the_path_of_the_output(monkeypatch, tmp_path):
    path = tmp_path / "folder" / "record.json"
    arguments = ("--seeds", "3", "--epochs", "7", "--output", str(path))
    run = a_run(monkeypatch, *arguments, options={"epochs": 1})
    run.results = {"rows": [{"n": 1}]}
    run.add_table("Rows", run.results["rows"], "A note.")
    run.add_findings("Findings", {"a statement": "1 | 2"})
    run.save(Figure())
    run.save_markdown()
    record = json.loads(path.read_text(encoding="utf-8"))
    assert list(record) == KEYS
    assert record["command"] == "python -m benchmarks.linear.speed --seeds 3 --epochs 7"
    assert record["settings"] == {"quick": False, "epochs": 7}
    assert record["seeds"] == [0, 1, 2]
    assert record["versions"]["sklearn-contrastive"]
    assert record["results"] == {"rows": [{"n": 1}], "findings": {"a statement": "1 | 2"}}
    assert str(tmp_path) not in json.dumps(record)
    markdown = path.with_suffix(".md").read_text(encoding="utf-8")
    assert markdown.startswith("# A title\n\n![A title](record.png)\n\n## Rows\n\n| n |\n")
    assert path.with_suffix(".png").is_file()


def test_draws_are_grouped_by_case_in_order_of_the_seeds(monkeypatch):
    run = a_run(monkeypatch, "--jobs", "1")
    assert run.draws(double, [(10,), (20,)]) == {
        (10,): [20, 21, 22, 23, 24],
        (20,): [40, 41, 42, 43, 44],
    }
