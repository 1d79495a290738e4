"""The benchmark of a GPU, on a CPU and small data; its sections, their failures and their time."""

import json
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import _cuda_tests as cuda_tests
from benchmarks.gpu import _gpu_sections as sections
from benchmarks.gpu import _simclr_epoch as simclr_epoch
from benchmarks.gpu._gpu_sections import Goal, Section, Setting, Skipped
from benchmarks.images._embedder import embedder
from benchmarks.images._encoder_only import synthetic_images

ON_CPU = Setting("cpu", quick=True)


def a_run(monkeypatch, path):
    monkeypatch.setattr(sys, "argv", ["gpu", "--quick", "--device", "cpu", "--output", str(path)])
    return gpu.image_run(gpu.MODULE, "A title.", seeds=1)


def test_a_quick_run_on_a_cpu_ends_every_section(monkeypatch, tmp_path):
    path = tmp_path / "record.json"
    monkeypatch.setattr(sys, "argv", ["gpu", "--quick", "--device", "cpu", "--output", str(path)])
    gpu.main()
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["command"] == "python -m benchmarks.gpu --quick"
    assert record["machine"]["gpu"] is None
    found, goals = record["results"]["sections"], record["results"]["goals"]
    ends = dict.fromkeys(found, "done") | {"tests": "skipped"}
    assert {name: entry["status"] for name, entry in found.items()} == ends
    assert {goal["section"] for goal in goals} == set(found) - {"tests"}
    assert {goal["met"] for goal in goals} == {None}  # they are for a GPU

    epoch = found["SimCLR epoch"]
    assert epoch["images/s"] == pytest.approx(epoch["images"] / epoch["epoch s"])
    # one repetition: the median of the ratios is the ratio of the medians
    assert epoch["step over encoder"] == pytest.approx(epoch["epoch s"] / epoch["encoder alone s"])
    assert epoch["share outside the encoder"] == pytest.approx(1 - 1 / epoch["step over encoder"])
    (table,) = found["tables on the device"]["tables"]
    assert table["over PCA"] == pytest.approx(table["LinearContrastive s"] / table["PCA s"])
    assert 0 < table["error of LinearContrastive"] < table["error of PCA"] < 1.6
    resumed = found["resume and pickling"]
    assert resumed["epochs after the cut"] == 2
    assert resumed["resumed"] == resumed["repeated"] == {"loss": 0, "rows": 0}
    assert (resumed["rows without the GPU"], resumed["device there"]) == (0, "cpu")
    assert 0 < found["Fashion-MNIST"]["kNN"] <= 1


def test_sections_end_before_nine_minutes():
    assert gpu.TOTAL_SECONDS < 540
    assert sum(section.seconds for section in gpu.SECTIONS) <= gpu.TOTAL_SECONDS


@pytest.mark.parametrize(
    ("measured", "at_most", "met"), [(1, True, True), (3, True, False), (3, False, True)]
)
def test_a_goal_is_met_on_its_side_of_the_target(measured, at_most, met):
    assert Goal("a number", measured, 2, at_most).met is met


# --- sections that do not end --------------------------------------------------------------------


def well(setting, found):
    found["number"] = 1
    return [Goal("a number", 1, 2)]


def failing(setting, found):
    found["number"] = 2
    raise ValueError("what went wrong")


def absent(setting, found):
    raise Skipped("there are no data")


def endless(setting, found):
    found["number"] = 3
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # the end of the time is not an error that code catches
            continue


def test_a_failing_section_does_not_lose_the_others(monkeypatch, tmp_path, capsys):
    path = tmp_path / "record.json"
    parts = [
        Section("failing", failing, 9),
        Section("absent", absent, 9),
        Section("endless", endless, 0.1),
        Section("well", well, 9),
    ]
    sections.run_sections(a_run(monkeypatch, path), parts, ON_CPU, 99)
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    for entry in results["sections"].values():
        del entry["seconds"]
    assert results["sections"] == {
        "failing": {"status": "failed", "reason": "ValueError: what went wrong", "number": 2},
        "absent": {"status": "skipped", "reason": "there are no data"},
        "endless": {"status": "out of time", "reason": "not finished after 0 s", "number": 3},
        "well": {"status": "done", "number": 1},
    }
    assert [goal["section"] for goal in results["goals"]] == ["well"]
    assert "not judged" in capsys.readouterr().out


def test_the_record_is_written_after_each_section(monkeypatch, tmp_path):
    path, seen = tmp_path / "record.json", []

    def reading(setting, found):
        seen.append(sorted(json.loads(path.read_text())["results"]["sections"]))
        return []

    parts = [Section("first", well, 9), Section("second", reading, 9)]
    sections.run_sections(a_run(monkeypatch, path), parts, ON_CPU, 99)
    assert seen == [["first"]]
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


def test_sections_after_the_end_of_the_time_are_skipped():
    entry, goals = sections.outcome(Section("late", well, 9), ON_CPU, 0)
    assert (entry["status"], goals) == ("skipped", [])


# --- tests on the device -------------------------------------------------------------------------


def test_numbers_of_tests_are_those_of_pytest(tmp_path, monkeypatch):
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_one(): pass\n"
        "def test_two(): assert False\n"
        "def test_three(): pytest.skip('no GPU')\n"
        "def test_other(): pass\n"
    )
    monkeypatch.setattr(cuda_tests, "ROOT", tmp_path)
    counts = cuda_tests.counted("test_some.py", "one or two or three")
    assert counts == {"passed": 1, "failed": 1, "skipped": 1}


def test_absent_packages_are_named(monkeypatch):
    monkeypatch.setattr(cuda_tests, "_installed", lambda name: False)
    with pytest.raises(Skipped, match="not run: pytest and hypothesis not installed"):
        cuda_tests.cuda_tests(ON_CPU, {})
    monkeypatch.setattr(cuda_tests, "_installed", lambda name: name != "array_api_strict")
    monkeypatch.setattr(cuda_tests, "counted", lambda *arguments: {"failed": 0, "passed": 2})
    found = {}
    (goal,) = cuda_tests.cuda_tests(Setting("cuda", quick=False), found)
    assert found["files"]["tests/linear/test_array_api.py"].endswith(
        "array_api_strict not installed"
    )
    assert goal.met


def test_files_of_tests_exist():
    for path in cuda_tests.FILES:
        assert Path(cuda_tests.ROOT, path).is_file()


# --- waits for the device ------------------------------------------------------------------------


@pytest.mark.parametrize("n_waits", [0, 2])
def test_waits_are_counted_for_each_step(n_waits, monkeypatch):
    images = synthetic_images(64, 8, 3)
    fitted = embedder("cpu", 0, max_epochs=1, batch_size=4, verbose=0).fit(images)
    step, modes = fitted.net_.train_step, []

    def waiting(batch, **options):
        for _ in range(n_waits):
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        return step(batch, **options)

    monkeypatch.setattr(fitted.net_, "train_step", waiting)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    on_gpu = SimpleNamespace(on_gpu=True)
    assert simclr_epoch.waits_per_step(on_gpu, fitted.net_, images) == n_waits
    assert modes == ["warn", "default"] * 2
    assert simclr_epoch.waits_per_step(ON_CPU, fitted.net_, images) is None
