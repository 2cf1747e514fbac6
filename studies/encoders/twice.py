"""Two trainings on a fold: the first predicts validation clips; the second learns from them too and is tested."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import pandas as pd
import torch

from ser.corpora.emotions import EMOTIONS
from ser.data.copies import CopiedClips


class Head(Protocol):
    def logits(self, clips: CopiedClips) -> torch.Tensor: ...


Trained = TypeVar("Trained", bound=Head)


def fit_twice(
    table: pd.DataFrame, clips: CopiedClips, train: Callable[[CopiedClips], Trained]
) -> tuple[torch.Tensor, Trained]:
    """Return the logits (clip, emotions) of a table of clips (column split), and the model that was trained last.

    Clips of val are predicted after a training on the split train, those of test after one on train and val; clips of
    train are not, and have zeros.
    """
    logits = torch.zeros(len(table), len(EMOTIONS))
    for known, asked in ((["train"], "val"), (["train", "val"], "test")):
        trained, predicted = (torch.tensor(table["split"].isin(parts).to_numpy()) for parts in (known, [asked]))
        model = train(clips.part(trained))
        logits[predicted] = model.logits(clips.part(predicted))
    return logits, model
