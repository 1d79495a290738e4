"""Work that is not lost: a training goes on where it was cut off, and only its own."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from helpers.persistence import by_pickle
from helpers.trainings import CutOff, cut_off_after, weights_of
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_contrastive.augmentation import SimCLRAugmentation
from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._embedder import network_embedder
from sklearn_contrastive.deep._training.checkpoint import Checkpoint, locked_checkpoint
from sklearn_contrastive.deep._training.fingerprint import fingerprint

X = np.random.default_rng(0).uniform(size=(60, 64)).astype(np.float32)


def embedder(folder, **parameters):
    defaults = {"max_epochs": 4, "batch_size": 20, "device": "cpu", "random_state": 0}
    return SimCLREmbedder("resnet_narrow", checkpoint_dir=folder, **(defaults | parameters))


@pytest.fixture(scope="module")
def whole():
    """A fit that was not interrupted; tests continue with copies of it."""
    return embedder(None).fit(X)


@pytest.fixture(scope="module")
def continued(whole):
    """Weights after the same fit and another call of partial_fit."""
    return weights_of(by_pickle(whole).partial_fit(X))


# --- resuming ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_epochs", [1, 3, 4])
def test_a_resumed_fit_equals_an_uninterrupted_one(
    tmp_path, monkeypatch, n_epochs, whole, continued
):
    with monkeypatch.context() as patched:
        cut_off_after(n_epochs, patched)
        with pytest.raises(CutOff):
            embedder(tmp_path).fit(X)
    trained = cut_off_after(10**6, monkeypatch)
    resumed = embedder(tmp_path).fit(X)
    assert len(trained) == 4 - n_epochs
    assert_array_equal(weights_of(resumed), weights_of(whole))
    assert_array_equal(resumed.transform(X), whole.transform(X))
    for record, expected in zip(resumed.history_, whole.history_, strict=True):
        assert {**record, "seconds": 0} == {**expected, "seconds": 0}
    # further training is the same, so optimiser and generator are the same as well
    resumed.set_params(checkpoint_dir=None).partial_fit(X)
    assert_array_equal(weights_of(resumed), continued)


VALUES_OF_A_TRAINING = {"a": 1, "b": [2.5, None]}, SimCLRAugmentation(0.3)
# after the third epoch it waits, so that however slow the machine is, it is killed in the fourth
PROGRAM = """
    import sys, time
    import numpy as np
    from sklearn_contrastive.augmentation import SimCLRAugmentation
    from sklearn_contrastive.deep import SimCLREmbedder
    from sklearn_contrastive.deep._training.fingerprint import fingerprint

    class Waiting:
        def write(self, text):
            sys.__stdout__.write(text)
            if text.startswith("epoch 3"):
                print(flush=True, file=sys.__stdout__)
                time.sleep(600)

        def flush(self):
            sys.__stdout__.flush()

    print(fingerprint({"a": 1, "b": [2.5, None]}, SimCLRAugmentation(0.3)), flush=True)
    sys.stdout = Waiting()
    X = np.random.default_rng(0).uniform(size=(60, 64)).astype(np.float32)
    SimCLREmbedder(
        "resnet_narrow", checkpoint_dir=sys.argv[1], max_epochs=6, batch_size=20, device="cpu",
        random_state=0, verbose=1,
    ).fit(X)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Lines that a process printed before it was killed, and the folder of its checkpoint.

    It is one process for two tests: it imports PyTorch, which takes five seconds.
    """
    folder = tmp_path_factory.mktemp("killed")
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": str(torch.get_num_threads()),
            "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2",
        },
    )
    lines = [process.stdout.readline() for _ in range(4)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return lines, folder


def test_after_kill_9_the_same_call_ends_bit_by_bit_the_same(killed):
    lines, folder = killed
    assert lines[3].startswith("epoch 3")
    assert next(iter(folder.glob("*/state.pt"))).stat().st_size > 0
    resumed = embedder(folder, max_epochs=6).fit(X)
    assert_array_equal(weights_of(resumed), weights_of(embedder(None, max_epochs=6).fit(X)))
    assert list(folder.iterdir()) == []


def test_fingerprints_are_the_same_in_another_process(killed):
    lines, _ = killed
    assert lines[0].strip() == fingerprint(*VALUES_OF_A_TRAINING)


def test_partial_fit_resumes_only_its_own_checkpoint(tmp_path, monkeypatch, whole, continued):
    started = by_pickle(whole)
    started.set_params(checkpoint_dir=tmp_path)
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            started.partial_fit(X)
    assert started.n_iter_ == 4
    started.partial_fit(X)
    assert started.n_iter_ == 8
    assert_array_equal(weights_of(started), continued)


def test_a_training_without_a_seed_is_resumed(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(tmp_path, random_state=None).fit(X)
    trained = cut_off_after(10**6, monkeypatch)
    embedder(tmp_path, random_state=None).fit(X)
    assert len(trained) == 2


def test_a_finished_fit_removes_its_checkpoint(tmp_path):
    embedder(tmp_path).fit(X)
    assert list(tmp_path.iterdir()) == []


def test_a_diverging_training_keeps_its_last_finite_epoch(tmp_path, monkeypatch):
    def diverge(z_1, z_2):
        seen.append(None)
        factor = float("nan") if len(seen) > 7 else 1.0  # in the third epoch of three steps
        return factor * ((z_1 - z_2) ** 2).mean()

    seen = []
    with pytest.raises(ValueError, match=r"The loss is nan in epoch 3.*Lower the learning rate"):
        embedder(tmp_path, loss=diverge).fit(X)
    (file,) = tmp_path.glob("*/state.pt")
    state = Checkpoint(file.parent).load()
    assert [record["epoch"] for record in state["history"]] == [1, 2]
    assert all(weights.isfinite().all() for weights in state["module"].values())


def test_an_interruption_keeps_the_checkpoint(tmp_path, monkeypatch, whole):
    save, seen = Checkpoint.save, []

    def save_and_interrupt(self, state):
        save(self, state)
        seen.append(None)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save_and_interrupt)
        model = embedder(tmp_path)
        with pytest.warns(UserWarning, match="after 2 epochs"), pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert model.n_iter_ == 2
    assert_array_equal(weights_of(embedder(tmp_path).fit(X)), weights_of(whole))


# --- whose it is ---------------------------------------------------------------------------------


OTHERS = {
    "data": (lambda: X + np.float32(1e-7), {}),
    "order": (lambda: X[::-1].copy(), {}),
    "seed": (lambda: X, {"random_state": 1}),
    "temperature": (lambda: X, {"temperature": 0.4}),
    "encoder": (lambda: X, {"encoder": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 4))}),
    "augmentations": (lambda: X, {"augmentations": "crop"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_training_with_other_parameters_or_data_is_not_resumed(tmp_path, monkeypatch, name):
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(tmp_path).fit(X)
    given, parameters = OTHERS[name]
    trained = cut_off_after(10**6, monkeypatch)
    embedder(tmp_path).set_params(**parameters).fit(np.clip(given(), 0, 1))
    assert len(trained) == 4
    assert len(list(tmp_path.glob("*/state.pt"))) == 1  # that of the first is still there


def test_verbose_and_validation_images_do_not_change_the_fingerprint(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(tmp_path).fit(X)
    trained = cut_off_after(10**6, monkeypatch)
    embedder(tmp_path, verbose=1, output="projection").fit(X)
    assert len(trained) == 2


def test_a_training_locked_by_another_process_runs_without_checkpoints(tmp_path):
    with locked_checkpoint(tmp_path, "a" * 64, 4) as first:
        first.save({"n_steps": 1})
        with (
            pytest.warns(UserWarning, match="Another process runs the same training"),
            locked_checkpoint(tmp_path, "a" * 64, 4) as second,
        ):
            assert second is None
        with locked_checkpoint(tmp_path, "b" * 64, 4) as other:
            assert other.load() is None
    with locked_checkpoint(tmp_path, "a" * 64, 4) as again:
        assert again.load() == {"n_steps": 1}


def test_a_state_is_written_completely_or_not_at_all(tmp_path, monkeypatch):
    with locked_checkpoint(tmp_path, "c" * 64, 4) as checkpoint:
        checkpoint.save({"n_steps": 1})

        def half(state, file):
            file.write(b"half of")
            raise CutOff

        monkeypatch.setattr(torch, "save", half)
        with pytest.raises(CutOff):
            checkpoint.save({"n_steps": 2})
        assert checkpoint.load() == {"n_steps": 1}


def test_locks_of_dead_processes_are_released(tmp_path):
    lock = FileLock(tmp_path / f"simclr-{'d' * 20}-4.lock")
    Path(lock.lock_file).touch()
    with locked_checkpoint(tmp_path, "d" * 64, 4) as checkpoint:
        assert checkpoint is not None


# --- damage, other file systems ------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Bytes of the checkpoint of two of four epochs, and the name of its folder."""
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(folder).fit(X)
    (file,) = folder.glob("*/state.pt")
    return file.read_bytes(), file.parent.name


def restore(folder, stored, content=None):
    """Write a checkpoint, or something else in its place."""
    (folder / stored[1]).mkdir()
    file = folder / stored[1] / "state.pt"
    file.write_bytes(stored[0] if content is None else content)
    return file


def test_every_flipped_bit_is_noticed(tmp_path, stored):
    rng = np.random.default_rng(0)
    for number in range(25):
        content = bytearray(stored[0])
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "state.pt").write_bytes(content)
        with pytest.warns(UserWarning, match="its content is not that which was written"):
            assert Checkpoint(tmp_path / str(number)).load() is None
        assert (tmp_path / f"{number}.damaged").read_bytes() == content


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 2000])
def test_random_bytes_are_set_aside(tmp_path, length):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "state.pt").write_bytes(np.random.default_rng(0).bytes(length))
    with pytest.warns(UserWarning, match="set aside as 'training.damaged'"):
        assert Checkpoint(tmp_path / "training").load() is None


def of_another_program(folder, state):
    """A checkpoint whose content is intact, but not that of this training."""
    checkpoint = Checkpoint(folder)
    folder.mkdir()
    checkpoint.save(state)


def with_moments(state, change):
    """The state, the moments of one of its weights changed."""
    optimizer = state["optimizer"]
    number, moments = next(iter(optimizer["state"].items()))
    changed = optimizer["state"] | {number: change(moments)}
    return state | {"optimizer": optimizer | {"state": changed}}


FOREIGN = {
    "no records": lambda file, state: of_another_program(file.parent, state | {"history": []}),
    "no moment": lambda file, state: of_another_program(
        file.parent, with_moments(state, lambda moments: {})
    ),
    "moments of another shape": lambda file, state: of_another_program(
        file.parent, with_moments(state, lambda moments: dict.fromkeys(moments, torch.zeros(3)))
    ),
    "a number": lambda file, state: of_another_program(file.parent, 3),
    "no weights": lambda file, state: of_another_program(file.parent, state | {"module": {}}),
    "steps": lambda file, state: of_another_program(file.parent, state | {"n_steps": 10**6}),
    "generator": lambda file, state: of_another_program(
        file.parent, state | {"generator": torch.zeros(3, dtype=torch.uint8)}
    ),
    "a folder": lambda file, state: file.mkdir(parents=True),
    "a fifo": lambda file, state: (file.parent.mkdir(), os.mkfifo(file)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_states_are_set_aside_and_the_training_starts_anew(tmp_path, stored, whole, name):
    state = Checkpoint(restore(tmp_path, stored).parent).load()
    shutil.rmtree(tmp_path / stored[1])
    FOREIGN[name](tmp_path / stored[1] / "state.pt", state)
    with pytest.warns(UserWarning, match=r"state\.pt cannot be read .*starts from the beginning"):
        model = embedder(tmp_path).fit(X)
    assert_array_equal(weights_of(model), weights_of(whole))
    assert [path.name for path in tmp_path.iterdir()] == [f"{stored[1]}.damaged"]


def test_symbolic_links_are_not_followed_for_writing(tmp_path, stored, whole):
    (tmp_path / "precious").write_text("precious")
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    restore(folder, stored)
    for link in (folder / stored[1] / "state.unfinished", folder / f"{stored[1]}.lock"):
        link.symlink_to(tmp_path / "precious")
    assert_array_equal(weights_of(embedder(folder).fit(X)), weights_of(whole))
    assert (tmp_path / "precious").read_text() == "precious"
    (tmp_path / "elsewhere").mkdir()
    (folder / stored[1]).symlink_to(tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="is a symbolic link in checkpoint_dir; this process cont"):
        embedder(folder).fit(X)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_checkpoints_work_on_file_systems_without_locks(tmp_path, monkeypatch, number, stored):
    def acquire(self, timeout):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", acquire)
    restore(tmp_path, stored)
    trained = cut_off_after(10**6, monkeypatch)
    with pytest.warns(UserWarning, match="checkpoint_dir has no locks"):
        embedder(tmp_path).fit(X)
    assert len(trained) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_stays_where_it_was_at_the_start(tmp_path, monkeypatch):
    def moving(batch):
        os.chdir(tmp_path)
        return batch

    (tmp_path / "start").mkdir()
    monkeypatch.chdir(tmp_path / "start")
    trained = cut_off_after(10**6, monkeypatch)
    embedder("checkpoints", augmentations=moving).fit(X)
    assert len(trained) == 4
    assert list((tmp_path / "start" / "checkpoints").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["start"]


# --- more epochs, finished work ------------------------------------------------------------------


@pytest.mark.parametrize("n_finished", [2, 4])
def test_a_training_goes_on_if_only_max_epochs_grew(tmp_path, monkeypatch, n_finished):
    with monkeypatch.context() as patched:
        cut_off_after(n_finished, patched)
        with pytest.raises(CutOff):
            embedder(tmp_path).fit(X)
    with monkeypatch.context() as patched:
        trained = cut_off_after(10**6, patched)
        embedder(tmp_path, max_epochs=1).fit(X)  # fewer epochs are another training
        with pytest.warns(UserWarning, match="continues the same training of 4 epochs"):
            model = embedder(tmp_path, max_epochs=6).fit(X)
    assert len(trained) == 1 + 6 - n_finished
    assert [record["epoch"] for record in model.history_] == [1, 2, 3, 4, 5, 6]
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_removed_after_everything_that_may_fail(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    model = embedder(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(network_embedder, "embed", interrupted)  # in the check for collapse
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert model.n_iter_ == 4
    assert len(list(tmp_path.glob("*/state.pt"))) == 1
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "remove", interrupted)
        model = embedder(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert model.n_iter_ == 4


# --- fingerprints --------------------------------------------------------------------------------


VALUES = [
    1,
    1.0,
    True,
    "1",
    b"1",
    None,
    [1],
    {"a": 1},
    {"b": 1},
    np.array([1]),
    np.array([1.0]),
    torch.tensor([1]),
    np.mean,
    np.sum,
    nn.Linear,
    nn.ReLU(),
]


def test_different_values_have_different_fingerprints():
    assert len({fingerprint(value) for value in VALUES}) == len(VALUES)


def test_fingerprints_of_networks_depend_on_their_weights():
    torch_state = torch.get_rng_state()
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    torch.set_rng_state(torch_state)
    assert fingerprint(first) != fingerprint(second)
    second.load_state_dict(first.state_dict())
    assert fingerprint(first) == fingerprint(second)
