"""Train logistic regression on all speakers: an encoder's embeddings and weights → release/trained/encoder."""

from pathlib import Path

from release.settings import TRAINED, read_encoder
from ser.corpora.clip_table import read_clips
from ser.data.embeddings import EmbeddedClips
from ser.encoders.extraction import Copy
from ser.models.encoder import save_encoder_model
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params

ENCODER_PARAMS = Path("studies/encoders/params.yaml")
EMBEDDINGS = Path("studies/encoders/embeddings")
WEIGHTS = Path("studies/encoders/weights")
CLIPS = Path("data/clips.csv")


def main() -> None:
    with reporting("train_encoder"):
        encoder = read_encoder().name
        values, waveform, speeds = read_params(ENCODER_PARAMS, "train_logistic", "waveform", "speeds")
        settings = build(LogisticSettings, values, "train_logistic", str(ENCODER_PARAMS))
        copies = tuple(
            build(Copy, waveform | {"ratio": ratio}, "waveform", str(ENCODER_PARAMS)) for ratio in speeds.values()
        )
        clips = read_clips(CLIPS, "clip", "emotion").assign(split="train")
        embedded = EmbeddedClips.read([EMBEDDINGS / encoder / f"{name}.pt" for name in speeds], clips)
        head = LogisticHead.train(*embedded.stacked(), settings)
        save_encoder_model(head, WEIGHTS / encoder, copies, TRAINED / "encoder")


if __name__ == "__main__":
    main()
