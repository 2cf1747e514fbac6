"""Fine-tune on one fold: encoders/{inputs,weights} → crossval/runs/<protocol>/<model>_finetuned/<fold>-<seed>.*."""

from pathlib import Path

import torch

from crossval.runs import Run, write_run
from encoders.attentive import AttentiveHead
from encoders.finetune import AugmentedLogMel, FineTuned, FinetuneSettings, rate_groups, unfreeze
from encoders.fitting import fit_copies, fit_twice
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


def train_finetuned(train: CopiedClips, weights: Path, settings: FinetuneSettings, seed: int) -> FineTuned:
    """Return a network that was trained on all these clips (frames, bands), from the weights in a folder on."""
    device = prepare(RunSettings(seed, settings.threads, batch_norm_clips=0))
    network = build_network(weights, settings, device).to(device)
    network.head.mixture.fit(network.each_states(train, device))
    groups, change = rate_groups(network, settings), AugmentedLogMel(settings.augmentation)
    return fit_copies(network, groups, train, settings.schedule, settings.augmentation.mixup, seed, device, change)


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_finetune"):
        values, runs, speeds = read_params(PARAMS, "train_finetune", "runs", "speeds")
        settings = build(FinetuneSettings, values, "train_finetune", str(PARAMS))
        clips = run.clips()
        inputs = CopiedClips.read([INPUTS / f"{copy}.pt" for copy in speeds], clips)
        logits, network = fit_twice(clips, inputs, lambda train: train_finetuned(train, WEIGHTS, settings, run.seed))
        facts = {"layer_weights": network.head.mixture.weights.tolist(), "mode": settings.mode}
        facts["trained_weights"] = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
        write_run(run.path(f"{runs['model']}_finetuned"), clips, logits, **facts)


if __name__ == "__main__":
    main()
