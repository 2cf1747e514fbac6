"""Fine-tune on one fold: inputs/<encoder>, weights/<encoder> → runs/<protocol>/<encoder>_finetuned/<fold>-<seed>.*."""

from pathlib import Path

from ser.data.copies import CopiedClips
from ser.evaluation.fold_predictions import write_run
from ser.models.finetuned import Finetuned, FinetuneSettings
from ser.storage.errors import reporting
from ser.storage.params import build, read_params
from ser.training.runtime import set_up_torch
from studies.encoders.head_run import HeadRun
from studies.encoders.twice import fit_twice

PARAMS = Path("studies/encoders/params.yaml")
INPUTS = Path("studies/encoders/inputs")
WEIGHTS = Path("studies/encoders/weights")


def main() -> None:
    head = HeadRun.from_arguments(__doc__)
    with reporting("train_finetune"):
        values, speeds = read_params(PARAMS, "train_finetune", "speeds")
        settings = build(FinetuneSettings, values, "train_finetune", str(PARAMS))
        device = set_up_torch(settings.threads)
        clips, weights = head.run.clips(), WEIGHTS / head.encoder
        inputs = CopiedClips.read(head.copies(INPUTS, speeds), clips)
        logits, model = fit_twice(
            clips, inputs, lambda known: Finetuned.train(known, weights, settings, head.run.seed, device)
        )
        facts = {"layer_weights": model.network.head.mixture.weights.tolist(), "mode": settings.mode}
        facts["trained_weights"] = sum(weight.numel() for weight in model.network.parameters() if weight.requires_grad)
        write_run(head.path("finetuned"), clips, logits, **facts)


if __name__ == "__main__":
    main()
