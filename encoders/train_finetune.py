"""Fine-tune on one fold: encoders/{inputs,weights} → crossval/runs/<protocol>/<model>_finetuned/<fold>-<seed>.*."""

from pathlib import Path

import torch

from crossval.runs import Run, join_logits, write_run
from encoders.attentive import AttentiveHead
from encoders.finetune import AugmentedLogMel, FineTuned, FinetuneSettings, rate_groups, unfreeze
from encoders.fitting import fit_copies, predict_copies
from encoders.sequences import CopiedClips
from encoders.tunable import load_tunable
from stages.ser.emotions import EMOTIONS
from stages.ser.errors import reporting
from stages.ser.params import build, read_params
from stages.ser.runtime import RunSettings, prepare, resolve_precision

PARAMS = Path("encoders/params.yaml")
INPUTS = Path("encoders/inputs")
WEIGHTS = Path("encoders/weights")


def build_network(weights: Path, settings: FinetuneSettings, device: torch.device) -> FineTuned:
    """Return the pretrained encoder, as far as it learns, with an untrained head."""
    encoder = load_tunable(weights)
    unfreeze(encoder, settings)
    head = AttentiveHead(settings.head, *encoder.shape, len(EMOTIONS))
    return FineTuned(encoder, head, resolve_precision(settings.precision, device))


def train_finetuned(
    inputs: CopiedClips, chosen: torch.Tensor, weights: Path, settings: FinetuneSettings, seed: int
) -> tuple[torch.Tensor, FineTuned]:
    """Train on the clips of a mask (clip,); return the log-probabilities (clip, emotions) of all, and the network."""
    device = prepare(RunSettings(seed, settings.threads, batch_norm_clips=0))
    network, train = build_network(weights, settings, device).to(device), inputs.part(chosen)
    network.head.mixture.fit(network.each_states(train, device))
    groups, change = rate_groups(network, settings), AugmentedLogMel(settings.augmentation)
    fitted = fit_copies(network, groups, train, settings.schedule, settings.augmentation.mixup, seed, device, change)
    return predict_copies(fitted, inputs, device), fitted


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_finetune"):
        values, runs, speeds = read_params(PARAMS, "train_finetune", "runs", "speeds")
        settings = build(FinetuneSettings, values, "train_finetune", str(PARAMS))
        clips = run.clips()
        inputs = CopiedClips.read([INPUTS / f"{copy}.pt" for copy in speeds], clips)
        (validated, _), (tested, network) = (
            train_finetuned(inputs, torch.tensor(clips["split"].isin(parts).to_numpy()), WEIGHTS, settings, run.seed)
            for parts in (["train"], ["train", "val"])
        )
        facts = {"layer_weights": network.head.mixture.weights.tolist(), "mode": settings.mode}
        facts["trained_weights"] = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
        write_run(run.path(f"{runs['model']}_finetuned"), clips, join_logits(clips, validated, tested), **facts)


if __name__ == "__main__":
    main()
