"""Score a model by number of unlabelled clips: answers/ → tables/<model>.csv, metrics/<model>.json and runs/.

runs/speaker_adapted/<model> has the answers after all unlabelled clips of a speaker; runs/luna/<model> has those after
none, of models that no other project has.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.adaptation.draws import Condition
from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation import statistics
from ser.evaluation.adapted import DrawSettings
from ser.evaluation.fold_predictions import DIGITS, write_run
from ser.evaluation.recall import uar
from ser.storage.errors import reporting
from ser.storage.files import write_json, write_table
from ser.storage.params import build, read_params
from studies.outside.voices.answers import PARTS, read_answers
from studies.outside.voices.pooling import pool_members
from studies.outside.voices.settings import FOLDS, PARAMS, PROTOCOL, fold_clips

OUT = Path("studies/outside/voices")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help=f"a key of `models` in {PARAMS}")
    model = parser.parse_args().model
    with reporting("score"):
        draws, models, unadapted = read_params(PARAMS, "draws", "models", "unadapted")
        if model not in models:
            raise ValueError(f"{PARAMS}: models has no {model!r}; it has {sorted(models)}")
        conditions = build(DrawSettings, draws, "draws", str(PARAMS)).conditions
        protocols = {"speaker_adapted": all_clips(conditions)} | ({PROTOCOL: 0} if model in unadapted["models"] else {})
        counts, folds, facts = score_folds(model, models[model], conditions, protocols)
        table = pd.DataFrame(curve_of(counts, folds, conditions))
        table.insert(0, "model", model)
        write_table(table, OUT / f"tables/{model}.csv", DIGITS)
        write_json(facts, OUT / f"metrics/{model}.json", DIGITS)
        print(table.to_string(index=False))


def score_folds(
    model: str, members: Sequence[str], conditions: Sequence[Condition], protocols: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """Pool a model's members on every fold, and write its runs: of each protocol, the condition with this index.

    Returns counts (condition, speaker, actual, predicted), means over the draws; the UAR (condition, repeat, fold); and
    what was chosen on each fold's validation speakers.
    """
    counts, folds, facts = [], [], {}
    for fold in FOLDS:
        clips = fold_clips(fold)
        answers = [read_answers(member, fold) for member in members]
        asked = pd.concat([clips[clips["split"] == part] for part in PARTS])
        labels, is_val = asked["emotion"].map(EMOTION_INDEX).to_numpy(), (asked["split"] == "val").to_numpy()
        pooled = pool_members([parts for parts, _ in answers], labels[is_val], conditions)
        for protocol, index in protocols.items():
            logits = np.concatenate([pooled.val[index][0], pooled.test[index][0]])
            write_run(OUT / f"runs/{protocol}/{model}/{fold}-1.csv", asked, torch.from_numpy(logits))
        found = count_draws(asked[~is_val], pooled.test)
        counts.append(found.mean(axis=1))
        folds.append(uar(found.sum(axis=2)))
        facts[str(fold)] = {
            "strengths": {
                name: {count: dataclasses.asdict(one) for count, one in chosen.items()}
                for name, (_, chosen) in zip(members, answers, strict=True)
            },
            "weights": pooled.weights,
        }
    return np.concatenate(counts, axis=1), np.stack(folds, axis=-1), facts


def count_draws(clips: pd.DataFrame, logits: np.ndarray) -> np.ndarray:
    """Count clips as (condition, repeat, speaker, actual, predicted); logits: (condition, repeat, clip, emotions)."""
    actual, speakers = clips["emotion"].map(EMOTION_INDEX).to_numpy(), clips["actor"].to_numpy()
    counted = [
        statistics.confusion_counts(np.zeros(len(clips)), speakers, actual, predicted, len(EMOTIONS))[0]
        for predicted in logits.argmax(axis=-1).reshape(-1, len(clips))
    ]
    return np.stack(counted).reshape(*logits.shape[:2], *counted[0].shape)


def curve_of(counts: np.ndarray, folds: np.ndarray, conditions: Sequence[Condition]) -> list[dict[str, object]]:
    """Return a row a condition: UAR with its interval over speakers, and what it is more than without adaptation.

    As every draw scores the same clips, the UAR of the mean counts is the mean UAR over the draws; sd is that of the
    draws' means over the folds.
    """
    before = statistics.resampled(counts[:1], uar)
    alone = uar(counts)
    rows = []
    for index, condition in enumerate(conditions):
        after = statistics.resampled(counts[index : index + 1], uar)
        pooled, difference = uar(counts[index].sum(axis=0)), alone[index] - alone[0]
        (low, high), (worse, better) = statistics.interval(after), statistics.interval(after - before)
        rows.append(
            {
                "draw": "dominated" if condition.dominated else "random",
                "clips": condition.count,
                "uar": pooled,
                "low": low,
                "high": high,
                "uar_mean_of_folds": folds[index].mean(),
                "sd_of_draws": folds[index].mean(axis=1).std(),
                "gain": pooled - uar(counts[0].sum(axis=0)),
                "gain_low": worse,
                "gain_high": better,
                "speakers_better": int((difference > 0).sum()),
                "speakers_worse": int((difference < 0).sum()),
            }
        )
    return rows


def all_clips(conditions: Sequence[Condition]) -> int:
    """Return which condition draws the most clips at random."""
    return max((one.count, index) for index, one in enumerate(conditions) if not one.dominated)[1]


if __name__ == "__main__":
    main()
