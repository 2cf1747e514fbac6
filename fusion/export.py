"""Write the audio branch: studies/*/runs/<protocol>/<model>, an encoder's embeddings → fusion/audio.parquet."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from fusion.branches import write_branch
from ser.corpora.clip_table import read_clips
from ser.data.embeddings import EmbeddedClips
from ser.encoders.waveforms import SAMPLE_RATE_HZ
from ser.evaluation.runs import log_probabilities, read_runs
from ser.storage.errors import reporting
from ser.storage.params import build, check, read_params, read_value

PARAMS = Path("fusion/params.yaml")
ENCODER_PARAMS = Path("studies/encoders/params.yaml")
STUDIES = Path("studies")
EMBEDDINGS = Path("studies/encoders/embeddings")
COPY = "original"
CLIPS = Path("data/clips.csv")
BRANCH = Path("fusion/audio.parquet")


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """Whose predictions are handed over, and which layer of which encoder is the embedding."""

    project: str
    protocol: str
    model: str
    seed: int
    encoder: str
    layer: int

    def __post_init__(self) -> None:
        check(self.layer >= 0, "layer", self.layer, "0 or more")

    @property
    def runs(self) -> Path:
        """The folder of the model's runs."""
        return STUDIES / self.project / "runs" / self.protocol / self.model

    @property
    def embeddings(self) -> Path:
        """The file of the encoder's embeddings."""
        return EMBEDDINGS / self.encoder / f"{COPY}.pt"


def main() -> None:
    with reporting("export"):
        settings = build(ExportSettings, read_params(PARAMS, "export"), "export", str(PARAMS))
        clips = read_clips(CLIPS, "clip", "actor").sort_values("clip")
        runs = choose_runs(read_runs(settings.runs), clips["clip"], settings)
        about = {
            "modality": "audio",
            "model": settings.model,
            "protocol": settings.protocol,
            "encoder": read_value(ENCODER_PARAMS, f"sources.{settings.encoder}.name", str),
            "embedding_layer": settings.layer,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "simulated": False,
        }
        columns = {
            "utterance": [name_utterance(clip) for clip in runs["clip"]],
            "clip": runs["clip"],
            "speaker": [f"{actor:02}" for actor in clips["actor"]],
            "fold": runs["fold"],
            "seed": runs["seed"],
            "emotion": runs["emotion"],
            "log_probabilities": calibrate(runs),
            "embedding": choose_layer(EmbeddedClips.read([settings.embeddings], runs.assign(split="test")), settings),
        }
        write_branch(BRANCH, about, columns)
        print(f"{BRANCH}: {len(runs)} clips of {clips['actor'].nunique()} speakers")


def choose_runs(runs: pd.DataFrame, clips: pd.Series, settings: ExportSettings) -> pd.DataFrame:
    """Return the test rows of one training seed, in the order of the clips.

    One seed, not the mean over seeds: its temperature was fitted to it, its figures stand in the run's JSON, and one
    training a fold is what would be deployed. ValueError names clips that are not in exactly one test fold of it.
    """
    chosen = runs[runs["seed"] == settings.seed]
    tested = chosen["clip"].value_counts()
    wrong = sorted(set(clips) ^ set(tested.index) | set(tested.index[tested > 1]))
    if wrong:
        raise ValueError(
            f"{settings.runs}: expected each clip of {CLIPS} in one test fold of seed "
            f"{settings.seed}, {len(wrong)} are not, first {wrong[:5]}; the seeds are {sorted(set(runs['seed']))}. Run "
            "its missing folds, or change `export` in fusion/params.yaml; random splits cannot be handed over."
        )
    return chosen.set_index("clip").loc[clips].reset_index()


def calibrate(runs: pd.DataFrame) -> np.ndarray:
    """Return the log-probabilities (clip, emotions) at the temperature that each run fitted on its validation clips."""
    return log_softmax(log_probabilities(runs) / runs["temperature"].to_numpy()[:, None], axis=1)


def choose_layer(clips: EmbeddedClips, settings: ExportSettings) -> np.ndarray:
    """Return the mean over time of a layer of the first copy, (clip, width)."""
    last = clips.embeddings.shape[2] - 1
    check(settings.layer <= last, "export.layer", settings.layer, f"0 to {last}, as {settings.embeddings} has")
    return clips.embeddings[0, :, settings.layer, 0]


def name_utterance(clip: str) -> str:
    """Return a RAVDESS name without its first field, the modality: what sound and video of an utterance share."""
    return clip.partition("-")[2]


if __name__ == "__main__":
    main()
