"""Score all runs: runs/, tables/ → results/{scores,recall,corpora}.csv, results/scores.md, plots/matrix.png."""

from pathlib import Path

import pandas as pd

from ser.corpora.any_table import has_speakers
from ser.corpora.clips import split_off_others
from ser.evaluation.markdown import render
from ser.evaluation.plotting import save_figure
from ser.storage.errors import reporting
from ser.storage.files import replacing, write_table
from ser.storage.params import read_value
from studies.outside.corpora.matrix_figure import draw_matrix
from studies.outside.corpora.protocols import ADAPTED, COMPACT, others_of
from studies.outside.corpora.scores import read_run, recall_of_each, score, temperature_of
from studies.outside.corpora.settings import PARAMS, PROJECT, emotions_of, read_corpus, read_studied
from studies.outside.corpora.titles import CAVEATS, caveats_of, title_of

RESULTS, FIGURE = PROJECT / "results", PROJECT / "plots/matrix.png"
DIGITS = 4
ABOUT = ["protocol", "model", "train", "test"]
COLUMNS = ("model", "trained on", "tested on", "emotions", "chance", "UAR [95 %]", "accuracy", "ECE", "ECE, scaled")
PROTOCOLS = ("within", "across", f"across, {ADAPTED}", "left_out", f"left_out, {ADAPTED}")


def main() -> None:
    with reporting("compare"):
        compare(read_studied(), [read_value(PARAMS, "encoder.name", str), COMPACT])


def compare(studied: tuple[str, ...], models: list[str]) -> None:
    """Write tables and the figure; runs that there are not yet are listed."""
    corpora = {name: read_corpus(name) for name in studied}
    write_table(describe(corpora), RESULTS / "corpora.csv", DIGITS)
    runs, missing = read_all(corpora, models)
    if not runs:
        raise ValueError(f"{PROJECT}/runs: has no run of {', '.join(studied)}; run `dvc repro` there")
    rows, recalls = [], []
    for facts, table in runs:
        about = {"protocol": protocol_of(facts), "model": facts["model"]}
        about |= {"train": " + ".join(facts["train"]), "test": facts["test"]}
        rows.append(about | score(table, temperature_for(facts, runs)))
        recalls.append(recall_of_each(table).assign(**about))
    scores, recall = pd.DataFrame(rows), pd.concat(recalls)[[*ABOUT, "emotion", "clips", "recall", "low", "high"]]
    write_table(scores, RESULTS / "scores.csv", DIGITS)
    write_table(recall, RESULTS / "recall.csv", DIGITS)
    with replacing(RESULTS / "scores.md") as temporary:
        temporary.write_text(format_scores(scores, recall, missing, studied), encoding="utf-8")
    save_figure(draw_matrix(scores, studied, models, caveats_of(studied)), FIGURE)
    print(scores[[*ABOUT, "chance", "uar", "uar_low", "uar_high", "ece"]].to_string(index=False))
    if missing:
        print("not run yet:", *missing, sep="\n  ")


def read_all(corpora: dict[str, pd.DataFrame], models: list[str]) -> tuple[list[tuple[dict, pd.DataFrame]], list[str]]:
    """Return the runs of these corpora and models, in the order of tables, and the names of those that are missing."""
    found, missing = [], []
    for protocol in PROTOCOLS:
        for model in models:
            for path, test in paths_of(protocol, model, list(corpora)):
                if path.exists():
                    found.append(read_run(path, corpora[test].set_index("clip")["actor"]))
                else:
                    missing.append(path.relative_to(PROJECT / "runs").with_suffix("").as_posix())
    return found, missing


def paths_of(protocol: str, model: str, studied: list[str]) -> list[tuple[Path, str]]:
    """Return the table of each run of a protocol and a model, with its test corpus."""
    base, _, adapted = protocol.partition(", ")
    folder, end = PROJECT / f"runs/{base}/{model}", f"-{adapted}.csv" if adapted else ".csv"
    if base == "within":
        return [(folder / f"{name}.csv", name) for name in studied]
    if base == "left_out":
        return [(folder / name / f"{name}{end}", name) for name in studied if others_of(name, tuple(studied))]
    return [(folder / train / f"{test}{end}", test) for train in studied for test in others_of(train, tuple(studied))]


def protocol_of(facts: dict) -> str:
    return f"{facts['protocol']}, {ADAPTED}" if facts["adapted"] else facts["protocol"]


def temperature_for(facts: dict, runs: list[tuple[dict, pd.DataFrame]]) -> float | None:
    """Return the temperature of the training corpora's own out-of-fold predictions; None within, or where they lack."""
    own = [
        table
        for other, table in runs
        if other["protocol"] == "within" and other["model"] == facts["model"] and other["test"] in facts["train"]
    ]
    return temperature_of(own) if facts["protocol"] != "within" and len(own) == len(facts["train"]) else None


def describe(corpora: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row a corpus: clips of the eight emotions and of each other one, speakers, rates, durations."""
    rows = []
    for name, clips in corpora.items():
        known, others = split_off_others(clips)
        speakers = known["actor"].nunique() if has_speakers(clips) else "unknown"
        counts = known["emotion"].value_counts()
        rows.append(
            {
                "corpus": name,
                "clips": len(known),
                "speakers": speakers,
                "emotions": "; ".join(f"{emotion} {counts[emotion]}" for emotion in counts.index.sort_values()),
                "left_out": "; ".join(f"{emotion} {count}" for emotion, count in others.items()),
                "rates_hz": "; ".join(str(rate) for rate in sorted(set(known["sample_rate_hz"]))),
                "mean_s": known["duration_s"].mean(),
                "caveat": CAVEATS.get(name, ""),
            }
        )
    return pd.DataFrame(rows)


def format_scores(scores: pd.DataFrame, recall: pd.DataFrame, missing: list[str], studied: tuple[str, ...]) -> str:
    """Return Markdown: a table of scores and one of recalls for each protocol."""
    parts = ["# Other corpora\n\nWritten by the stage `compare`; docs/CORPORA.md says what the figures mean.\n"]
    parts += [f"{caveat}.\n" for caveat in caveats_of(studied)]
    for protocol in PROTOCOLS:
        rows = [cells_of(row) for row in scores[scores["protocol"] == protocol].to_dict("records")]
        if rows:
            parts.append(f"## {protocol}\n\n{render(COLUMNS, rows)}")
            parts.append(f"Recall:\n\n{format_recall(recall[recall['protocol'] == protocol])}")
    if missing:
        parts.append("Not run yet: " + ", ".join(missing) + ".\n")
    return "\n".join(parts)


def format_recall(recall: pd.DataFrame) -> str:
    """Return a row a run, a column an emotion; empty where a corpus has none of its clips."""
    emotions, rows = emotions_of(recall), []
    for (model, train, test), run in recall.groupby(["model", "train", "test"], sort=False):
        found = run.set_index("emotion")["recall"]
        cells = [f"{found[emotion]:.2f}" if emotion in found else "" for emotion in emotions]
        rows.append([model, trained_on(train), title_of(test), *cells])
    return render(("model", "trained on", "tested on", *emotions), rows)


def cells_of(row: dict) -> list[str]:
    scaled = "" if pd.isna(row["ece_scaled"]) else f"{row['ece_scaled']:.3f}"
    uar = f"{row['uar']:.3f} [{row['uar_low']:.3f}, {row['uar_high']:.3f}]"
    figures = [f"{row['chance']:.3f}", uar, f"{row['accuracy']:.3f}", f"{row['ece']:.3f}", scaled]
    return [row["model"], trained_on(row["train"]), title_of(row["test"]), str(row["emotions"]), *figures]


def trained_on(names: str) -> str:
    return " + ".join(title_of(name) for name in names.split(" + "))


if __name__ == "__main__":
    main()
