"""Rows and profiles → the text of RESULTS.md."""

import dataclasses
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.table import HEADINGS, Row
from ser.evaluation.markdown import render

METHOD = """\
Each ratio is measured in one run: both sides in turn, each time in a process of its own, {repeats} times (complete
runs once); the figures are medians, the ratio that of each pair with its smallest and largest in brackets. Both sides
do the same work, which is checked: features agree within 1e-4 of their norm clip by clip, networks, in float32 and
without dropout, within 1e-4 of logits and gradients with equal weights. librosa's own resampler is another filter than
the design's: there the check starts at the resampled waveforms, of every tenth clip. "The design" is the specification
that this pipeline was built to, with its networks and hyperparameters; the goals were set with it, by measurements on
another processor.

- *Features*: from WAV files to `.pt` files, without starting Python and importing, which all sides do and the table of
  stages lists. Threads are as each side sets them: two on two cores for ours, torch's default for its peers, but one
  for torch beside librosa, which is faster.
- *Training steps*: the medians of steps 9 to 24 of real trainings on the real features, from new weights. Gradients
  that vanish over the steps of an LSTM become denormal numbers; the plain way does not flush them to zero, and how many
  there are changes with the weights. So where trained weights are at hand, `models/lstm/weights.pt`, another row starts
  the plain way from them (ours takes equally long wherever it starts).
- *Complete run*: ours is `dvc repro` in a new copy of the project, from the clips' archive or folder to the
  pictures, one epoch of CompactNet included; theirs is `benchmarks/notebook.py` on clips already unpacked, without
  CompactNet. Where it says extrapolated, both were run with two epochs of each network, and the second epoch stands for
  those that follow. `--complete` runs both in full.
- *Hearing*: `ser predict` from WAV files to answers, with the released bundles that are there, on one core. "Through
  PyTorch" is `load_model(folder).predict` of a model of the same kind, a clip at a time. Clips by the corpus are timed
  without starting and importing. The hour is of clips with pauses of half a second to three. A stream gets the
  end of a hop, and 5 ms more that resampling needs, 0.1 s after the rest; the answer is late by what passes from there
  to its line.
- *The service*: `ser serve` with two processes that hear, and 16 clients on the same machine for a minute, each with
  one request at a time. Every answer is compared with the command's. The ratio is clips a second against those of
  the whole command on all clips. A client that is told 503 asks again.
- *On a GPU*: all trainings are the stages' work one after another, without starting Python and importing. A step is
  timed over a third of each of three epochs, its kernels by torch's profiler over the next third; kernels that run
  beside one another, as those of an LSTM's two directions may, can add up to more than the step.
- *Peak memory* is that of the largest process.
- Whether the models that both ways train are equally good is the question of `make equality`:
  [EQUALITY.md](EQUALITY.md), on a GPU [EQUALITY_GPU.md](EQUALITY_GPU.md).
- Why no figure goes much lower: [LIMITS.md](LIMITS.md).
"""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the rows were measured on and with."""

    corpus: str
    clips: int
    repeats: int
    load: float


def compose(setting: Setting, rows: Sequence[Row], profiles: dict[str, str]) -> str:
    """Return the whole report: setting, table, method, and a section for each profile."""
    where = f"{setting.corpus}, {setting.clips} clips. {machine.describe()}"
    busy = f"Load before the first measurement: {setting.load:.2f} processes."
    command = "make bench-profile" if profiles else "make bench"
    parts = ["# Speed", f"`{command}` wrote this. {where} {busy}", render(HEADINGS, [row.cells() for row in rows])]
    parts += ["## How it is measured", METHOD.format(repeats=setting.repeats)]
    for title, text in profiles.items():
        parts += [f"## {title}", text]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
