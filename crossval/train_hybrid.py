"""Train CNN-LSTM on one fold, and LightGBM on its embeddings, alone (the design's way) and beside functionals:

data/features/{mel,logmel}.pt → crossval/runs/<protocol>/{hybrid,hybrid_functionals}/<fold>-<seed>.{csv,json}.
"""

import torch

from crossval.boosted import boost, read_functionals
from crossval.extractor import train_and_embed
from crossval.runs import Run, write_run
from stages.ser.errors import reporting


def main() -> None:
    run = Run.from_arguments(__doc__)
    with reporting("train_hybrid"):
        clips = run.clips()
        embeddings, epoch = train_and_embed(clips, run.seed)
        both = torch.cat([embeddings, read_functionals(clips)], dim=1)
        for model, features in (("hybrid", embeddings), ("hybrid_functionals", both)):
            scores, trees = boost(features, clips, run.seed)
            write_run(run.path(model), clips, scores, best_epoch=epoch, trees=trees)


if __name__ == "__main__":
    main()
