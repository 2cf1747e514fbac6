"""Say for what sound YAMNet takes the clips: data/raw, weights/<encoder> → tables/sounds/<encoder>.csv."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ser.corpora.clip_table import read_clips
from ser.corpora.emotions import EMOTIONS
from ser.encoders.extraction import each_clip
from ser.encoders.yamnet import SPEECH, Yamnet
from ser.storage.errors import reporting
from ser.storage.files import write_table
from studies.encoders.copies import CLIPS, RAW, WEIGHTS, read_copy

TABLES = Path("studies/encoders/tables/sounds")
COPY, DIGITS = "original", 4
# Of AudioSet's classes in the published order: speech first, then shouts, laughter, crying, singing and groans
VOICE, SILENCE = range(36), 494


def table_of(scores: np.ndarray, emotions: pd.Series) -> pd.DataFrame:
    """Return a row an emotion, and one of all clips: the mean score of Speech, and shares of clips by their top class.

    scores: (clip, classes), means over the patches; emotions: (clip,).
    """
    top = scores.argmax(axis=1)
    groups = {"speech": top == SPEECH, "other_voice": np.isin(top, VOICE) & (top != SPEECH), "silence": top == SILENCE}
    groups["other"] = ~np.any([*groups.values()], axis=0)
    rows = []
    for emotion in (*(emotion for emotion in EMOTIONS if (emotions == emotion).any()), "all"):
        chosen = np.ones(len(top), bool) if emotion == "all" else (emotions == emotion).to_numpy()
        shares = {f"top_{name}": float(group[chosen].mean()) for name, group in groups.items()}
        score = float(scores[chosen, SPEECH].mean())
        rows.append({"emotion": emotion, "clips": int(chosen.sum()), "speech_score": score} | shares)
    return pd.DataFrame(rows)


def mean_scores(network: Yamnet) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what turns a waveform into its classes' scores (521,), means over the patches."""
    return lambda waveform: network.scores(waveform).mean(dim=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help="a folder of weights of YAMNet")
    encoder = parser.parse_args().encoder
    with reporting("sounds"):
        copy, network = read_copy(COPY), Yamnet.load(WEIGHTS / encoder)
        clips = read_clips(CLIPS, "clip", "path", "emotion")
        scores = torch.stack([*each_clip([RAW / path for path in clips["path"]], mean_scores(network), copy)])
        table = table_of(scores.numpy(), clips["emotion"])
        write_table(table, TABLES / f"{encoder}.csv", DIGITS)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
