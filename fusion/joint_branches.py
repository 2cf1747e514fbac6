"""Branch files of any modality as the branches of a joint representation (`ser.models.joint`)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from fusion.branches import read_column
from ser.corpora.emotions import EMOTION_INDEX
from ser.data.branches import BranchClips


def joint_clips(branches: Mapping[str, pa.Table], utterances: Sequence[str]) -> BranchClips:
    """Return the embeddings of these utterances in branches by their modality; NaN where a branch lacks one.

    Not the log-probabilities: those of one fold come from models that trained on the speakers of another. ValueError
    lists utterances that no branch labels, or that branches label differently.
    """
    index, numbers, labels = pd.Index(utterances), {}, pd.DataFrame(index=pd.Index(utterances))
    for name, table in branches.items():
        rows = index.get_indexer(read_column(table, "utterance"))
        embedding = read_column(table, "embedding")
        numbers[name] = np.full((1, len(index), embedding.shape[1]), np.nan, dtype=np.float32)
        numbers[name][0, rows[rows >= 0]] = embedding[rows >= 0]
        labels[name] = (
            table.select(["utterance", "emotion"]).to_pandas().set_index("utterance")["emotion"].reindex(index)
        )
    odd = labels.index[labels.nunique(axis=1) != 1].tolist()
    if odd:
        raise ValueError(f"{[*branches]}: {len(odd)} utterances have no label or several, first {odd[:5]}")
    emotions = labels.bfill(axis=1).iloc[:, 0].map(EMOTION_INDEX)
    return BranchClips(
        {name: torch.from_numpy(values) for name, values in numbers.items()}, torch.tensor(emotions.to_numpy())
    )
