"""Write the audio branch: crossval/runs/<protocol>/<model>, encoders/embeddings/original.pt → fusion/audio.parquet."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from crossval.runs import CLIPS, RUNS, log_probabilities, read_runs
from encoders.copies import EMBEDDINGS, EmbeddedClips
from encoders.waveforms import SAMPLE_RATE_HZ
from fusion.branches import write_branch
from stages.ser.errors import reporting
from stages.ser.files import read_table
from stages.ser.params import build, check, read_params

PARAMS = Path("fusion/params.yaml")
ENCODER_PARAMS = Path("encoders/params.yaml")
COPY = "original"
BRANCH = Path("fusion/audio.parquet")


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """Whose predictions are handed over, and which layer of the encoder is the embedding."""

    protocol: str
    model: str
    seed: int
    layer: int

    def __post_init__(self) -> None:
        check(self.layer >= 0, "layer", self.layer, "0 or more")


def main() -> None:
    with reporting("export"):
        settings = build(ExportSettings, read_params(PARAMS, "export"), "export", str(PARAMS))
        clips = read_table(CLIPS, ("clip", "actor"), clip=str).sort_values("clip")
        runs = choose_runs(read_runs(settings.protocol, settings.model), clips["clip"], settings)
        about = {
            "modality": "audio",
            "model": settings.model,
            "protocol": settings.protocol,
            "encoder": read_params(ENCODER_PARAMS, "encoder")["name"],
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
            "embedding": choose_layer(EmbeddedClips.read([COPY], runs.assign(split="test")), settings.layer),
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
            f"{RUNS / settings.protocol / settings.model}: expected each clip of {CLIPS} in one test fold of seed "
            f"{settings.seed}, {len(wrong)} are not, first {wrong[:5]}; the seeds are {sorted(set(runs['seed']))}. Run "
            "its missing folds, or change `export` in fusion/params.yaml; random splits cannot be handed over."
        )
    return chosen.set_index("clip").loc[clips].reset_index()


def calibrate(runs: pd.DataFrame) -> np.ndarray:
    """Return the log-probabilities (clip, emotions) at the temperature that each run fitted on its validation clips."""
    return log_softmax(log_probabilities(runs) / runs["temperature"].to_numpy()[:, None], axis=1)


def choose_layer(clips: EmbeddedClips, layer: int) -> np.ndarray:
    """Return the mean over time of a layer of the first copy, (clip, width)."""
    last = clips.embeddings.shape[2] - 1
    check(layer <= last, "export.layer", layer, f"0 to {last}, as {EMBEDDINGS / COPY}.pt has")
    return clips.embeddings[0, :, layer, 0]


def name_utterance(clip: str) -> str:
    """Return a RAVDESS name without its first field, the modality: what sound and video of an utterance share."""
    return clip.partition("-")[2]


if __name__ == "__main__":
    main()
