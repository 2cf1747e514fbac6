"""Imported before numpy: its matrix products run on one core, as the models do; `--jobs` takes the others."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
