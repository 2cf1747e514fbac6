"""The benchmarks: their peers do the same work as the pipeline, and their figures are what they say."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader

from benchmarks import complete, corpus, gpu, measuring, profiles, report, reruns, scaling, steps, table
from benchmarks.measuring import Run, Spread
from benchmarks.peers import librosa_features, on_the_fly, training
from benchmarks.table import Row
from benchmarks.workers import checks, kernels, timed
from scripts.demo import ROOT
from ser.corpora.ravdess import parse_name
from ser.corpora.synthesis import SAMPLE_RATE_HZ, synthesise_clip
from ser.storage.tensors import load_tensors, save_tensors
from stages import precompute_mel, precompute_mfcc
from tests.pipeline import stages_of

NAMES = [
    f"Actor_{actor:02d}/03-01-{emotion:02d}-01-01-01-{actor:02d}.wav" for actor in (1, 2) for emotion in range(1, 5)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Eight synthetic clips, one of them in stereo, with their table and their features."""
    folder = tmp_path_factory.mktemp("benchmarks")
    for name in NAMES:
        path = folder / "data/raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        clip = synthesise_clip(parse_name(PurePosixPath(name)), seed=7)
        soundfile.write(path, clip if name != NAMES[0] else clip[:, None] * [1.0, 0.5], SAMPLE_RATE_HZ)
    table = pd.DataFrame({"clip": [Path(name).stem for name in NAMES], "path": NAMES})
    table.to_csv(folder / "data/clips.csv", index=False)
    shutil.copy(ROOT / "params.yaml", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        precompute_mel.main()
        precompute_mfcc.main()
    return folder


@pytest.fixture
def run_peer(folder, monkeypatch):
    """Run a peer in the folder and return by how much its features differ from ours."""

    def run_peer(peer, *arguments: str) -> dict[str, float]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["peer", "theirs", *arguments])
        peer.main()
        return checks.compare_features(Path("theirs"))

    return run_peer


def test_on_the_fly_features_equal_ours(run_peer):
    assert max(run_peer(on_the_fly).values()) < 1e-4


def test_librosa_features_equal_ours_after_the_same_resampling(run_peer):
    assert max(run_peer(librosa_features, "--resampler", "torchaudio").values()) < 1e-4


def test_librosa_features_equal_ours_from_the_same_waveforms(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert max(checks.compare_librosa_on_our_waveforms().values()) < 1e-4


def test_another_resampling_filter_is_noticed(run_peer):
    assert min(run_peer(librosa_features).values()) > 1e-4


def test_one_wrong_clip_of_many_is_noticed(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("mel", "mfcc"):
        ours = load_tensors(Path(f"data/features/{name}.pt"))
        ours["features"][-1] *= 1.001
        save_tensors(ours, Path(f"wrong/{name}.pt"))
    assert checks.compare_features(Path("wrong")) == pytest.approx({"mel": 1e-3, "mfcc": 1e-3}, rel=1e-3)
    with pytest.raises(RuntimeError, match=r"features wrong: both sides differ by \{'mel': 0.001.*more than 0.0001"):
        measuring.require_equal(_with_code(folder), 1e-4, "features", "wrong")


def test_nan_is_no_agreement(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("mel", "mfcc"):
        ours = load_tensors(Path(f"data/features/{name}.pt"))
        ours["features"][1] = float("nan")
        save_tensors(ours, Path(f"nan/{name}.pt"))
    with pytest.raises(RuntimeError, match="nan"):
        measuring.require_equal(_with_code(folder), 1e-4, "features", "nan")


def _with_code(folder: Path) -> Path:
    """Give a folder the packages that commands in it import."""
    for package in ("benchmarks", "ser", "stages"):
        if not (folder / package).exists():
            (folder / package).symlink_to(ROOT / package)
    return folder


@pytest.mark.parametrize("name", checks.PAIRS)
def test_networks_equal_ours_with_equal_weights(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert max(checks.compare_networks(name).values()) < 1e-4


@pytest.mark.parametrize("name", checks.PAIRS)
def test_networks_compared_use_the_design_that_is_trained(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    ours, peer, _ = checks.equal_pair(name)
    assert all(module.p == 0 for network in (ours, peer) for module in checks.dropouts(network))
    assert sum(p.numel() for p in peer.parameters()) == sum(p.numel() for p in ours.parameters()) > 400_000


def test_plain_training_goes_on_from_weights_of_the_pipeline(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    ours, _, mfcc = checks.equal_pair("lstm")
    save_tensors(ours.state_dict(), tmp_path / "lstm.pt")
    peer = training.networks.LSTM(dropout=0.0)
    training.load_weights(peer, tmp_path / "lstm.pt")
    torch.testing.assert_close(peer(mfcc), ours(mfcc))


def test_plain_training_learns():
    torch.manual_seed(0)
    inputs = torch.randn(64, 4)
    labels = (inputs[:, 0] > 0).long()
    net = torch.nn.Linear(4, 8)
    loader = DataLoader(list(zip(inputs, labels, strict=True)), batch_size=16)
    training.train(net, loader, loader, torch.ones(8), lr=0.1, epochs=5)
    assert (net(inputs).argmax(dim=1) == labels).float().mean() > 0.9


def test_spread_is_median_least_and_most():
    assert Spread.of([3.0, 1.0, 7.0, 2.0]) == Spread(2.5, 1.0, 7.0)


def test_ratios_are_those_of_pairs():
    # Two seconds against four, four against 20, five against five
    assert measuring.ratios([2.0, 4.0, 5.0], [4.0, 20.0, 5.0]) == Spread(2.0, 1.0, 5.0)


def test_sides_alternate():
    order = []

    def side(name: str):
        return lambda: order.append(name) or Run(1.0, 1.0)

    runs = measuring.alternate(2, ours=side("ours"), theirs=side("theirs"))
    assert order == ["ours", "theirs", "ours", "theirs"]
    assert [len(side) for side in runs.values()] == [2, 2]


def test_run_measures_time_and_memory(tmp_path):
    code = "import time; block = bytearray(300 * 2**20); time.sleep(0.3); print('no'); print('{\"work_s\": 7}')"
    measured = measuring.run([sys.executable, "-c", code], tmp_path)
    assert 0.3 < measured.seconds < 30
    assert measured.peak_mib > 300
    assert measured.facts == {"work_s": 7}


def test_runs_one_after_another_add_up(tmp_path):
    commands = [[sys.executable, "-c", f"print('{{\"work_s\": {work_s}}}')"] for work_s in (2, 5)]
    measured = measuring.run_all(commands, tmp_path)
    assert measured.facts == {"work_s": 7}
    assert measured.seconds > 0


def test_failing_command_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="no such clip"):
        measuring.run([sys.executable, "-c", "raise SystemExit('no such clip')"], tmp_path)


def test_steps_are_recorded_up_to_the_limit():
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    weight.grad = torch.ones(1)
    with timed.recording_steps(3) as recorded, pytest.raises(timed.EnoughSteps):
        while True:
            optimizer.step()
    optimizer.step()
    assert len(recorded[optimizer]) == 3
    assert recorded[optimizer] == sorted(recorded[optimizer])


def test_step_takes_the_median_after_warm_up():
    # Steps of 5, 9, 1, 2 and 3 seconds
    assert steps.step_seconds([5.0, 14.0, 15.0, 17.0, 20.0], warm_up=2) == 2.0
    assert steps.step_seconds([5.0, 14.0, 15.0, 17.0, 20.0], warm_up=0) == 2.5  # when the first began is not known


def test_last_epoch_is_timed_from_the_step_before_it():
    assert complete.epoch_seconds([1.0, 2.0, 3.0, 10.0, 11.0, 12.5], measured=2) == 9.5


def test_extrapolation_adds_the_epochs_that_were_not_measured():
    # 18 epochs of one second, 18 of two, 33 of three
    assert complete.extrapolate(100.0, {"cnn": 1.0, "lstm": 2.0, "extractor": 3.0}, measured=2) == 100 + 18 + 36 + 99


def test_epochs_are_those_of_the_committed_params_and_of_the_notebook():
    from ser.storage.params import read_params

    params = {name: read_params(ROOT / "params.yaml", f"train_{name}") for name in complete.EPOCHS}
    assert {name: section["epochs"] for name, section in params.items()} == complete.EPOCHS
    assert {name: design[3] for name, design in training.DESIGN.items()} == complete.EPOCHS
    assert {name: section["learning_rate"] for name, section in params.items()} == {
        name: design[2] for name, design in training.DESIGN.items()
    }


def test_clips_are_repeated_under_new_names(tmp_path):
    scaling.write_repeated([{"clip": "a", "path": "x"}, {"clip": "b", "path": "y"}], 2, tmp_path / "clips.csv")
    written = pd.read_csv(tmp_path / "clips.csv")
    assert written["clip"].is_unique
    assert written["path"].tolist() == ["x", "y", "x", "y"]


def test_goal_is_judged_by_the_median():
    assert table.at_least(Spread(3.99, 3.0, 9.0), 4)["met"] is False
    assert table.at_least(Spread(4.0, 3.0, 9.0), 4)["met"] is True
    assert table.at_most(Spread(1.5, 1.0, 2.0), 1.5)["met"] is True
    assert table.at_most(Spread(1.51, 1.0, 2.0), 1.5)["met"] is False


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12.3 ms"), (0.5, "500 ms"), (7.432, "7.43 s"), (42.04, "42.0 s"), (725, "12 min 5 s")],
)
def test_durations_have_three_digits_and_a_unit(seconds, text):
    assert table.duration(seconds) == text


def test_report_holds_every_row_and_its_verdict():
    rows = [
        Row(
            "step", "eager", "1.00 s", "4.00 s", **table.at_least(Spread(4.0, 3.9, 4.2), 3), memory=table.memory(10, 20)
        ),
        Row("repro", "a|b", **table.at_most(Spread(2.0, 1.9, 2.1), 1.5)),
    ]
    text = report.compose(report.Setting("RAVDESS", 1440, 3, 0.1), rows, {"Parts": "a table\n"})
    assert "| step | eager | 1.00 s | 4.00 s | 4.00 × (3.90 to 4.20) | ≥ 3 ×, reached | 10 / 20 MiB |\n" in text
    assert "| repro | a\\|b | – | – | 2.00 × (1.90 to 2.10) | ≤ 1.5 ×, **missed** | – |\n" in text
    assert "RAVDESS, 1440 clips" in text and "## Parts\n\na table\n" in text


@pytest.fixture
def made_up(monkeypatch, tmp_path):
    """Replace every command by a Run that a function makes up from its words; nothing is copied or run."""

    def made_up(topic, answer) -> Path:
        commands = []

        def run(command, folder):
            commands.append(" ".join(map(str, command)))
            return answer(commands[-1])

        monkeypatch.setattr(measuring, "run", run)
        monkeypatch.setattr(topic, "run", run)
        for name in ("copy_to", "clips_in", "steps_an_epoch"):
            result = {"clips_in": [{"clip": "a"}], "steps_an_epoch": 2}.get(name)
            monkeypatch.setattr(corpus, name, lambda *_, result=result: result)
        for folder in ("workspace/data", "repeated/data"):
            (tmp_path / folder).mkdir(parents=True)
        return tmp_path / "workspace"

    return made_up


def test_memory_that_grows_misses_its_goal(made_up):
    flat_mib, linear_s = [100.0] * 3, [1.0, 4.0, 16.0]
    peaks_mib = {"mel": iter([100.0, 110.0, 400.0]), "mfcc": iter(flat_mib), "logmel": iter(flat_mib)}
    work_s = {"mel": iter(linear_s), "mfcc": iter([1.0, 4.0, 30.0]), "logmel": iter(linear_s)}

    def answer(command: str) -> Run:
        stage = command.rpartition("_")[2]
        return Run(1.0, next(peaks_mib[stage]), {"work_s": next(work_s[stage])})

    verdicts = {row.what: row.met for row in scaling.rows(made_up(scaling, answer), quick=True)}
    assert list(verdicts.values()) == [None, None, None, True, True, True, False, False, True]


def test_gpu_is_skipped_in_words_where_there_is_none(made_up):
    (row,) = gpu.rows(made_up(gpu, lambda command: Run(1.0, 1.0, {"gpu": False})))
    assert "skipped" in row.against and row.met is None


@pytest.mark.parametrize(("work_s", "step_ms", "met"), [(19.0, 1.25, True), (21.0, 1.3, False)])
def test_trainings_on_a_gpu_add_up_and_are_limited_by_their_kernels(made_up, work_s, step_ms, met):
    facts = {"gpu": True, "work_s": work_s, "step_ms": [1.0, step_ms, 9.0], "busy_ms": [1.0, 1.0, 1.0]}
    trainings, *networks = gpu.rows(made_up(gpu, lambda command: Run(1.0, 1.0, facts)))
    assert trainings.met is met and trainings.ours == table.duration(3 * work_s)
    assert [row.met for row in networks] == [met] * 3
    assert networks[0].figure == f"{step_ms:.2f} × (1.00 to 9.00)"


@pytest.mark.parametrize("steps", [6, 8])  # of an epoch, whose length three may divide or not
def test_kernels_are_measured_once_an_epoch(monkeypatch, steps):
    done = []

    def training() -> None:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1)
        for step in range(3 * steps):
            optimizer.step()
            done.append(step)

    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    on_cpu = functools.partial(torch.profiler.profile, activities=[torch.profiler.ProfilerActivity.CPU])
    monkeypatch.setattr(torch.profiler, "profile", lambda activities: on_cpu())
    measured = kernels.measure_steps(training, 2, steps)
    assert len(measured["step_ms"]) == len(measured["busy_ms"]) == 2
    assert len(done) == steps + 5  # ended at the last third of the second epoch, within its step


@pytest.mark.parametrize(
    ("kernel", "short"),
    [
        ("void at::native::(anonymous namespace)::max_pool<c10::BFloat16, float>(c10::BFloat16 const*)", "max_pool"),
        ("void cutlass::Kernel2<cutlass_80_gemm_64x64>(cutlass_80_gemm_64x64::Params)", "cutlass_80_gemm_64x64"),
        ("sm90_gemm", "sm90_gemm"),
        ("k" * 100, "k" * profiles.LONGEST),
    ],
)
def test_kernels_have_short_names(kernel, short):
    assert profiles.short(kernel) == short


def test_stages_are_profiled_with_the_commands_of_the_pipeline():
    declared = {stage.cmd for stage in stages_of(ROOT).values()}
    profiled = {
        " ".join(["python -m scripts.run", f"stages.{name}", *words]) for name, words in profiles.STAGES.items()
    }
    assert profiled <= declared
    assert {cmd.split()[3] for cmd in declared} == {cmd.split()[3] for cmd in profiled}


@pytest.mark.parametrize(("notebook_s", "met"), [(600.0, True), (500.0, False)])
def test_complete_runs_are_extrapolated_alike_and_say_so(made_up, notebook_s, met):
    def answer(command: str) -> Run:
        if command.endswith("repro"):  # no more than the epochs measured
            return Run(100.0, 1.0)
        steps_s = [[1.0, 2.0, 2.0, 2.0]] * (3 if "notebook" in command else 1)  # a last epoch of no time
        return Run(notebook_s, 1.0, {"steps_s": steps_s})

    (row,) = complete.rows(made_up(complete, answer), quick=True, complete=False)
    assert "extrapolated" in row.what
    assert (row.ours, row.theirs, row.met) == ("1 min 40 s", table.duration(notebook_s), met)


def test_reruns_are_judged_by_the_floor(made_up, monkeypatch, tmp_path):
    monkeypatch.setattr(reruns, "_commit", lambda project: None)
    monkeypatch.setattr(reruns, "_repro_changed", lambda project, value: Run(8.0, 1.0))
    monkeypatch.setattr(reruns, "make_empty", lambda empty, config: empty)
    folder = made_up(reruns, lambda command: Run(2.0 if command.endswith("status") else 2.5, 1.0))
    unchanged, leaf = reruns.rows(folder, repeats=2, quick=True)
    assert unchanged.figure == "1.25 × (1.25 to 1.25)" and unchanged.met
    assert leaf.figure == "floor + 6.00 s (6.00 to 6.00)" and leaf.met is False


@pytest.mark.slow
def test_everything_runs_quickly(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--profile", "--out", str(tmp_path / "RESULTS.md")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert text.rstrip() == done.stdout.rstrip()
    for subject in ("librosa", "AudioLSTM", "extrapolated", "nothing changed", "16 ×", "GPU", "`train_lgbm`", "STFT"):
        assert subject in text
