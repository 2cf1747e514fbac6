"""Embed every clip with the trained CNN-LSTM: models/extractor, data/features/mel.pt → data/embeddings.pt."""

from pathlib import Path

from ser.models.extractor import Extractor
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.storage.tensors import load_tensors, save_tensors
from ser.training.runtime import RunSettings, set_up_torch

PARAMS = Path("params.yaml")
MODEL = Path("models/extractor")
MEL = Path("data/features/mel.pt")
EMBEDDINGS = Path("data/embeddings.pt")


def main() -> None:
    with reporting("extract_features"):
        device = set_up_torch(build(RunSettings, read_params(PARAMS, "train"), "train").threads)
        mel = load_tensors(MEL, ("clips", "features"))
        embeddings = Extractor.load(MODEL, device).embed(mel["features"])
        save_tensors({"clips": mel["clips"], "features": embeddings}, EMBEDDINGS)


if __name__ == "__main__":
    main()
