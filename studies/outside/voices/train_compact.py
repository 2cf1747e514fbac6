"""Train CompactNet on clips that are centred by speaker: data/features/logmel.pt → trained/compact/<fold>/."""

import argparse
from pathlib import Path

import torch

from ser.adaptation.speakers import Speakers
from ser.corpora.emotions import EMOTIONS
from ser.data.own_length import OwnLengthClips
from ser.models.compact import Compact, Settings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params, read_value
from ser.training.runtime import RunSettings, set_up_torch
from studies.outside.voices.answers import PARTS
from studies.outside.voices.centred import centre_each, mean_spectra
from studies.outside.voices.settings import LOGMEL, PARAMS, TRAINED, fold_clips

MODEL_PARAMS = Path("params.yaml")
CROSSVAL_PARAMS = Path("studies/crossval/params.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fold", type=int, help="of Luna-Jiménez's folds")
    fold = parser.parse_args().fold
    with reporting("train_compact"):
        settings = build(Settings, read_params(MODEL_PARAMS, "train_compact"), "train_compact")
        seed, threads = read_value(PARAMS, "compact.seed", int), read_value(CROSSVAL_PARAMS, "threads.compact", int)
        device = set_up_torch(threads)
        clips = fold_clips(fold)
        dataset = OwnLengthClips.from_cache(LOGMEL, clips)
        for part, known in PARTS.items():
            rows = torch.tensor(clips["split"].isin(known).to_numpy())
            train, actors = dataset[rows], clips["actor"].to_numpy()[rows.numpy()]
            speakers = Speakers.fit(mean_spectra(train), train.labels.numpy(), actors, len(EMOTIONS))
            centred = centre_each(train, actors, speakers)
            Compact.train(centred, None, settings, RunSettings(seed, threads), device).save(TRAINED / f"{fold}/{part}")


if __name__ == "__main__":
    main()
