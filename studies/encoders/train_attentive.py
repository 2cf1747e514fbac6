"""Train an attentive head on one fold: frames/<encoder> → runs/<protocol>/<encoder>_attentive/<fold>-<seed>.*."""

from pathlib import Path

from ser.data.copies import CopiedClips
from ser.evaluation.fold_predictions import write_run
from ser.models.attentive import Attentive, Settings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.training.runtime import set_up_torch
from studies.encoders.head_run import HeadRun
from studies.encoders.twice import fit_twice

PARAMS = Path("studies/encoders/params.yaml")
FRAMES = Path("studies/encoders/frames")


def main() -> None:
    head = HeadRun.from_arguments(__doc__)
    with reporting("train_attentive"):
        values, speeds = read_params(PARAMS, "train_attentive", "speeds")
        settings = build(Settings, values, "train_attentive", str(PARAMS))
        device = set_up_torch(settings.threads)
        clips = head.run.clips()
        frames = CopiedClips.read(head.copies(FRAMES, speeds), clips)
        logits, model = fit_twice(clips, frames, lambda known: Attentive.train(known, settings, head.run.seed, device))
        shares = model.network.mixture.weights.tolist()
        write_run(head.path("attentive"), clips, logits, layer_weights=shares)


if __name__ == "__main__":
    main()
