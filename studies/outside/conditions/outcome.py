"""What a model leaves of one fold: its predictions of each condition, and what its validation speakers decided."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

from ser.corpora.emotions import EMOTION_INDEX, EMOTIONS
from ser.evaluation.coverage import coverage_at
from ser.evaluation.fold_predictions import write_run
from ser.evaluation.predictions import write_predictions
from ser.evaluation.temperature import fit_temperature
from ser.storage.files import replacing_folder, write_json
from ser.storage.params import read_params, read_value
from studies.outside.conditions.settings import CLEAN_RUNS, PARAMS, RUNS

CLEAN = "clean"  # the test clips as they are, beside the conditions
FACTS = "facts.json"
DIGITS = 6  # of probabilities


def read_conditions() -> list[str]:
    """The names of the conditions."""
    return list(read_params(PARAMS, "conditions"))


def write_outcome(
    model: str,
    fold: int,
    clips: pd.DataFrame,
    tested: Mapping[str, torch.Tensor],
    validated: list[torch.Tensor],
    accuracy: float,
) -> None:
    """Write runs/<model>/<fold>/: <condition>.csv for each condition, and facts.json: temperature, min_confidence.

    And clean_runs/luna/<model>/<fold>-1.*, the clips as they are in the layout of other projects' runs.

    clips: the clips of a fold (clip, emotion, split); tested: logits (test clip, emotions) of each condition;
    validated: logits (validation clip, emotions) of each copy that is to decide, the clips as they are first.
    """
    test, val = (clips[clips["split"] == part] for part in ("test", "val"))
    labels = np.tile(val["emotion"].map(EMOTION_INDEX).to_numpy(), len(validated))
    logits = torch.cat(validated).double().numpy()
    temperature = fit_temperature(logits, labels)
    confidence = softmax(logits / temperature, axis=1).max(axis=1)
    chosen = coverage_at(confidence, logits.argmax(axis=1) == labels, accuracy)
    with replacing_folder(RUNS / model / str(fold)) as temporary:
        for condition, test_logits in tested.items():
            probabilities = test_logits.double().softmax(dim=1).numpy()
            write_predictions(test, probabilities, temporary / f"{condition}.csv", DIGITS)
        # 1 is reached by nothing: no confidence gave this accuracy
        facts = {"temperature": temperature, "min_confidence": min(chosen.min_confidence, 1.0)}
        write_json(facts, temporary / FACTS, DIGITS)
    clean = torch.zeros(len(clips), len(EMOTIONS), dtype=torch.float64)
    for part, part_logits in (("val", validated[0]), ("test", tested[CLEAN])):
        clean[torch.tensor((clips["split"] == part).to_numpy())] = part_logits.double()
    write_run(CLEAN_RUNS / "luna" / model / f"{fold}-1.csv", clips, clean)


def read_accuracy() -> float:
    """The accuracy that the most confident answers shall have."""
    return read_value(PARAMS, "score.accuracy", float)
