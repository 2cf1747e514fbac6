"""data/{clips,splits}.csv, data/raw, data/features/mel.pt → plots/corpus/: what clips are and what networks see."""

from pathlib import Path

import pandas as pd
import soundfile

from ser.corpora.clip_table import read_clips, read_splits
from ser.evaluation import corpus_plots
from ser.evaluation.plotting import save_figure
from ser.storage.errors import reporting
from ser.storage.params import read_value
from ser.storage.tensors import load_tensors

FIGURES = Path("plots/corpus")


def main() -> None:
    with reporting("explore"):
        explore()


def explore() -> None:
    """Draw the figures of the corpus; ValueError if a table lacks columns or the test split has no clips."""
    shown = ("audio.sample_rate_hz", "mel.hop_samples", "mel.n_mels")
    mel_axes = corpus_plots.MelAxes(*(read_value(Path("params.yaml"), key, int) for key in shown))
    clips = read_clips(Path("data/clips.csv"), "clip", "path", "emotion", "actor", "statement", "intensity", "sex")
    tensors = load_tensors(Path("data/features/mel.pt"), ("clips", "features"))
    features = dict(zip(tensors["clips"], tensors["features"].numpy()[:, 0], strict=True))

    example = first_test_clip(clips, read_splits(Path("data/splits.csv")))
    wave, sample_rate_hz = soundfile.read(Path("data/raw", example["path"]), always_2d=True)
    speaker = "actor {actor} ({sex}), statement {statement}".format(**example)
    title = "Test clip {clip}: {emotion}, ".format(**example) + speaker
    mono, seen = wave.mean(axis=1), features[example["clip"]]
    waveform_and_mel = corpus_plots.draw_waveform_and_mel(mono, sample_rate_hz, seen, mel_axes, title)
    by_emotion = {row.emotion: features[row.clip] for row in like(clips, example).itertuples()}
    mel_by_emotion = corpus_plots.draw_mel_by_emotion(by_emotion, mel_axes, f"Emotions of {speaker}, normal intensity")

    save_figure(corpus_plots.draw_emotions_by_sex(clips), FIGURES / "emotions_by_sex.png")
    save_figure(corpus_plots.draw_sexes(clips), FIGURES / "sex.png")
    save_figure(waveform_and_mel, FIGURES / "waveform_and_mel.png")
    save_figure(mel_by_emotion, FIGURES / "mel_by_emotion.png")


def first_test_clip(clips: pd.DataFrame, splits: pd.DataFrame) -> pd.Series:
    """Return the row of the first clip of the test split."""
    chosen = clips[clips["clip"].isin(splits.loc[splits["split"] == "test", "clip"])]
    if chosen.empty:
        raise ValueError("data/splits.csv: no clip of data/clips.csv is in the split test")
    return chosen.iloc[0]


def like(clips: pd.DataFrame, example: pd.Series) -> pd.DataFrame:
    """Return the clips, one an emotion, that the example's speaker says with its words at normal intensity."""
    same = (clips["actor"] == example["actor"]) & (clips["statement"] == example["statement"])
    return clips[same & (clips["intensity"] == "normal")].drop_duplicates("emotion")


if __name__ == "__main__":
    main()
