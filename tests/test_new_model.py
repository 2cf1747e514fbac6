"""What a further model costs: its module, its script, its stage, its params, its name in the list and its loader."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import soundfile
import yaml

from scripts.children import dvc, environment
from ser.storage.yaml12 import read_yaml
from tests.pipeline import copy_finished

MODULE = '''"""AudioCNN once more."""

from ser.models.cnn import CNN, Settings as Settings


class Mini(CNN):
    name = "mini"
'''
IMPORT = "from ser.models.mini import Mini\n"
LOADER = '    "mini": functools.partial(_load_fixed_length, Mini, FixedMel),\n'
STAGE = """  train_mini:
    desc: Train a further model
    cmd: python -m scripts.run stages.train_mini
    params:
      - runtime
      - train
      - train_mini
    deps:
      - data/clips.csv
      - data/features/mel.pt
      - data/splits.csv
    outs:
      - data/predictions/mini.csv
      - models/mini
    plots:
      - plots/history/mini.csv:
          cache: false

  evaluate:
"""


def add_model(project: Path) -> dict[str, str]:
    """Add a model `mini` to a project; return each file that is new or edited, with its text, to be written."""
    read = {path: (project / path).read_text(encoding="utf-8") for path in ("dvc.yaml", "ser/models/loading.py")}
    script = (project / "stages/train_cnn.py").read_text(encoding="utf-8")
    params = read_yaml(project / "params.yaml")
    params["train_mini"] = params["train_cnn"]
    return {
        "ser/models/mini.py": MODULE,
        "stages/train_mini.py": script.replace("CNN,", "Mini,")
        .replace("CNN.train", "Mini.train")
        .replace("cnn", "mini"),
        "dvc.yaml": replaced(
            replaced(read["dvc.yaml"], "  evaluate:\n", STAGE), "hybrid, compact]", "hybrid, compact, mini]"
        ),
        "params.yaml": yaml.safe_dump(params, sort_keys=False),
        "ser/models/loading.py": replaced(
            replaced(read["ser/models/loading.py"], "from ser.models.store", f"{IMPORT}from ser.models.store"),
            '    "hybrid": _load_hybrid,\n',
            f'{LOADER}    "hybrid": _load_hybrid,\n',
        ),
    }


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.fixture(scope="module")
def project(demo_project, tmp_path_factory) -> Path:
    """A finished run to which a model was added and run."""
    project = copy_finished(demo_project, tmp_path_factory.mktemp("mini") / "project")
    files = add_model(project)
    assert len(files) == 5, "docs/COST_OF_CHANGE.md says how many"
    for path, text in files.items():
        (project / path).write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "scripts.deps"], cwd=project, env=environment(), check=True)
    printed = dvc(project, "repro", capture_output=True).stdout
    ran = {line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage")}
    assert ran == {"train_mini", "evaluate@mini", "compare"}
    return project


def test_a_further_model_stands_in_every_report(project):
    for table in ("metrics/comparison.csv", "plots/confusion.csv", "plots/roc.csv", "plots/history.csv"):
        assert "mini" in set(pd.read_csv(project / table)["model"])


def test_a_further_model_can_be_loaded_and_asked(project):
    code = """
import soundfile, sys
from pathlib import Path
from ser.models.loading import load_model
print(load_model(Path("models/mini")).predict([soundfile.read(sys.argv[1])[0]], [int(sys.argv[2])])[0].tolist())
"""
    clips = pd.read_csv(project / "data/clips.csv").iloc[0]
    path = project / "data/raw" / clips["path"]
    command = [sys.executable, "-c", code, str(path), str(soundfile.info(path).samplerate)]
    printed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    expected = pd.read_csv(project / "data/predictions/mini.csv").iloc[0, 3:].tolist()
    assert yaml.safe_load(printed) == pytest.approx(expected, abs=1e-4)
