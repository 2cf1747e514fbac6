"""Does faster mean different? Scores of both ways over several seeds → benchmarks/{equality.csv,EQUALITY.md}.

`python -m benchmarks.equality 42 43` trains all models with these seeds on one split: ours are the pipeline's stages,
theirs is `benchmarks.notebook`. What the table has already is not run again. Each run has one CPU thread, and as many
run at once as `--workers` says: two on two cores get through more than one on both. On a machine with a GPU, on which
both run there, table and page are equality_gpu.csv and EQUALITY_GPU.md.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pandas as pd
from scipy import stats

from benchmarks import corpus, gpu, machine
from benchmarks.complete import EPOCHS, MEASURED
from benchmarks.measuring import run
from ser.evaluation.markdown import render
from ser.storage.errors import reporting
from ser.storage.files import read_table, replacing, write_table

HERE = Path(__file__).parent
TRAINING_STAGES = ("train_cnn", "train_lstm", "train_extractor", "extract_features", "train_lgbm")
MODELS = {"cnn": "AudioCNN", "lstm": "AudioLSTM", "hybrid": "CNN-LSTM + LightGBM"}
WAYS = ("ours", "theirs")
SCORES = {"val_accuracy": "accuracy, val", "test_accuracy": "accuracy, test", "test_uar": "UAR, test"}
COLUMNS = ("seed", "way", "model", *SCORES)
# The notebook has batch norm's running averages; to measure them anew makes another model, not a faster one
AS_NOTEBOOK = {"train_cnn.batch_norm_clips": 0, "train_extractor.batch_norm_clips": 0}
ONE_THREAD = {"train.threads": 1, "train_lgbm.threads": 1}
QUICK = {f"train_{name}.epochs": MEASURED for name in EPOCHS}

ABOUT = """\
`make equality` wrote this. Each seed trains all models twice on the same features and the same split, with the
design's epochs: by the pipeline's stages (bfloat16 where the device multiplies it, channels last, fused optimiser,
ReLU after pooling, dropout by 16 random bits a value; denormal numbers flushed on a CPU; on a GPU kernels replayed, and
TF32 within float32) and by `benchmarks/notebook.py` (eager float32, none of these). Two rules differ as well: of epochs
with equal validation accuracy the stages keep that with the least loss, the notebook the first; LightGBM stops by a
validation loss that the stages weight by class. Both have batch norm's running averages (`batch_norm_clips: 0`) and
one CPU thread. A seed draws other weights and another order of clips in each way, so a pair is two independent
trainings. Intervals are Student's over the pairs: where one holds zero no difference was found, and none beyond its
ends is likely. The table behind this is `{table}`."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equality", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--quick", action="store_true", help="few epochs on 120 synthetic clips; nothing is kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="runs at once (default: as many as cores)")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the notebook's
    name = corpus.choose(arguments.quick)
    keep = not arguments.quick
    path, page_path = files(gpu.present(HERE))
    table = read_table(path, COLUMNS) if keep and path.exists() else pd.DataFrame(columns=COLUMNS)
    with tempfile.TemporaryDirectory(prefix="equality-") as scratch:
        folder = Path(scratch).resolve()
        for rows in measure(folder, arguments.seeds, table, arguments.quick, arguments.workers):
            table = pd.concat([table, rows]) if len(table) else rows
            if keep:
                write_table(table.sort_values(["seed", "way"], kind="stable"), path)
    page = compose(name, table, path)
    if keep:
        with replacing(page_path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    print(page)


def files(on_gpu: bool) -> tuple[Path, Path]:
    """Return where the table and the page stand."""
    if on_gpu:
        return HERE / "equality_gpu.csv", HERE / "EQUALITY_GPU.md"
    return HERE / "equality.csv", HERE / "EQUALITY.md"


def compose(name: str, table: pd.DataFrame, path: Path) -> str:
    """Return the page: what was compared, on what, and how the scores differ."""
    about = ABOUT.format(table=f"benchmarks/{path.name}")
    return f"# Equal results\n\n{about}\n\n{name}. {machine.describe()}\n\n{compare(table)}"


def measure(
    folder: Path, seeds: Sequence[int], table: pd.DataFrame, quick: bool, workers: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows (COLUMNS) of each seed and way that the table lacks, as they end, from copies in `folder`.

    After one has failed no other starts; RuntimeError says what failed once those that run have ended.
    """
    done = set(zip(table["seed"], table["way"], strict=True))
    missing = [(seed, way) for seed in seeds for way in WAYS if (seed, way) not in done]
    failed: list[str] = []

    def train(seed_and_way: tuple[int, str]) -> list[pd.DataFrame]:
        try:
            return [] if failed else [_train(folder, quick, *seed_and_way)]
        except RuntimeError as error:
            failed.append(str(error))
            return []

    with ThreadPool(workers) as pool:
        for rows in pool.imap_unordered(train, missing):
            yield from rows
    if failed:
        raise RuntimeError("\n\n".join(failed))


def _train(parent: Path, quick: bool, seed: int, way: str) -> pd.DataFrame:
    folder = parent / f"{way}-{seed}"
    sys.stderr.write(f"seed {seed}, {way}\n")  # at once, as others write too
    seeds = {"train.seed": seed, "train_lgbm.seed": seed}
    corpus.copy_to(folder, quick, AS_NOTEBOOK | ONE_THREAD | seeds | (QUICK if quick else {}), *corpus.DATA_STAGES)
    scores = _stages(folder) if way == "ours" else _notebook(folder, seed, quick)
    shutil.rmtree(folder, ignore_errors=True)  # nearly a gigabyte
    rows = [
        (seed, way, model, of["val"]["accuracy"], of["test"]["accuracy"], of["test"]["uar"])
        for model, of in scores.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _stages(folder: Path) -> dict[str, dict]:
    for stage in TRAINING_STAGES:
        run([sys.executable, "-m", f"stages.{stage}"], folder)
    for model in MODELS:
        run([sys.executable, "-m", "stages.evaluate", model], folder)
    return {model: json.loads((folder / f"metrics/{model}.json").read_text(encoding="utf-8")) for model in MODELS}


def _notebook(folder: Path, seed: int, quick: bool) -> dict[str, dict]:
    arguments = ["--cached", "--seed", str(seed), "--epochs-fraction", "0" if quick else "1"]
    return run([sys.executable, "-m", "benchmarks.notebook", *arguments], folder).facts


def compare(table: pd.DataFrame) -> str:
    """Return the Markdown: both ways by score and model, over the seeds that both have, and the order of the models."""
    wide = table.pivot(index="seed", columns=["way", "model"], values=list(SCORES)).dropna()
    rows = []
    for score, heading in SCORES.items():
        for model, title in MODELS.items():
            ours, theirs = (wide[score, way, model] for way in WAYS)
            sides = (f"{side.mean():.3f} ± {side.std():.3f}" for side in (ours, theirs))
            rows.append((title, heading, *sides, paired_difference(ours, theirs)))
    means = {way: wide["test_accuracy", way].mean().sort_values(ascending=False) for way in WAYS}
    order = "\n".join(f"- {way}: {', '.join(MODELS[model] for model in means[way].index)}" for way in WAYS)
    headings = ("model", "score", *(f"{way}, mean ± sd" for way in WAYS), "difference [95 %]")
    seeds = f"Seeds {', '.join(map(str, wide.index))}. Order by mean accuracy on the test split, best first:"
    return f"{render(headings, rows)}\n{seeds}\n\n{order}\n"


def paired_difference(ours: pd.Series, theirs: pd.Series) -> str:
    """Return the mean difference of pairs with its 95 % interval by Student's t; a dash for fewer than two."""
    if len(ours) < 2:
        return "–"
    low, high = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    return f"{(ours - theirs).mean():+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    with reporting("equality"):
        main()
