"""Damaged, edited and unsafe files, a full disk, two runs at once: an error or a right rerun (docs/DAMAGE.md)."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from scripts.children import dvc, environment
from tests.pipeline import copy_finished, locked_md5, output_digests
from tests.test_tensors import Payload


@pytest.fixture
def project(demo_project, tmp_path) -> Path:
    """A finished run, to be damaged."""
    return copy_finished(demo_project, tmp_path / "project")


def cached(project: Path, path: str) -> Path:
    """The file in DVC's cache that holds an output."""
    md5 = locked_md5(project, path)
    return project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def overwrite(path: Path, content: bytes) -> None:
    """Put another file in its place, as editors do; what is linked to the old one stays."""
    path.unlink()
    path.write_bytes(content)


def flip(path: Path) -> None:
    """Change one byte in the middle of a file, in place: all that is linked to it changes too."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def repro(project: Path) -> subprocess.CompletedProcess[str]:
    """Run `dvc repro`, whatever comes of it."""
    return dvc(project, "repro", check=False, capture_output=True)


def test_a_damaged_cache_file_is_made_anew(project, demo_project):
    flip(cached(project, "data/features/mel.pt"))
    (project / "data/features/mel.pt").unlink(missing_ok=True)
    ran = repro(project)
    assert "Running stage 'precompute_mel'" in ran.stdout
    assert output_digests(project) == output_digests(demo_project)


@pytest.mark.parametrize("path", ["data/clips.csv", "data/splits.csv", "data/predictions/cnn.csv", "metrics/cnn.json"])
def test_a_hand_edited_output_is_made_anew(path, project, demo_project):
    content = (project / path).read_bytes()
    overwrite(project / path, content.replace(b"1", b"2"))
    assert path in dvc(project, "status", capture_output=True).stdout
    repro(project)
    assert output_digests(project) == output_digests(demo_project)


@pytest.mark.parametrize("path", ["data/features/mel.pt", "models/cnn/weights.pt", "data/embeddings.pt"])
def test_a_truncated_output_is_made_anew(path, project, demo_project):
    overwrite(project / path, (project / path).read_bytes()[:-1000])
    repro(project)
    assert output_digests(project) == output_digests(demo_project)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "malicious"])
def test_a_stage_run_by_hand_refuses_a_damaged_or_unsafe_file(damage, project, tmp_path):
    mel = project / "data/features/mel.pt"
    content = mel.read_bytes()
    mel.unlink()
    if damage == "truncated":
        mel.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        mel.write_bytes(content)
        flip(mel)
    else:
        torch.save({"clips": [], "features": Payload(f"touch {tmp_path / 'ran'}")}, mel)
    command = [sys.executable, "-m", "stages.train_cnn"]
    ran = subprocess.run(command, cwd=project, text=True, capture_output=True)
    assert ran.returncode == 1
    assert "train_cnn: data/features/mel.pt: not a readable tensor file" in ran.stderr
    assert "Delete it and run `dvc repro`" in ran.stderr
    assert not (tmp_path / "ran").exists()


def test_a_second_run_at_once_is_told_of_the_first(project, demo_project):
    shutil.rmtree(project / ".dvc/cache/runs")
    (project / "data/features/mel.pt").unlink()
    cached(project, "data/features/mel.pt").unlink()
    command = [sys.executable, "-m", "dvc", "repro"]
    with subprocess.Popen(command, cwd=project, env=environment(), stdout=subprocess.DEVNULL) as first:
        while not list(project.glob(".dvc/tmp/rwlock")) or "precompute_mel" not in _running(project):
            assert first.poll() is None
            time.sleep(0.01)
        second = repro(project)
    assert first.returncode == 0
    assert second.returncode != 0
    assert "dvc" in second.stderr and "busy" in second.stderr
    assert output_digests(project) == output_digests(demo_project)


def _running(project: Path) -> str:
    return (project / ".dvc/tmp/rwlock").read_text(encoding="utf-8")


@pytest.fixture
def small_disk(tmp_path):
    """An empty file system of 40 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(small_disk, project):
    """The clips fit, the features do not."""
    shutil.copytree(project / "data/raw", small_disk / "data/raw")
    for folder in ("ser", "stages"):
        shutil.copytree(project / folder, small_disk / folder)
    for name in ("params.yaml", "data/clips.csv"):
        shutil.copy2(project / name, small_disk / name)
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free - 2_000_000))
    command = [sys.executable, "-m", "stages.precompute_mel"]
    ran = subprocess.run(command, cwd=small_disk, text=True, capture_output=True)
    assert ran.returncode == 1
    last_line = ran.stderr.splitlines()[-1]
    assert "precompute_mel: data/features/mel.pt: could not be written ([Errno 28]" in last_line
    assert "Make room on its disk and run `dvc repro`" in last_line
    assert "Traceback" not in ran.stderr
    assert not list(small_disk.glob("data/features/*"))
    assert not list(small_disk.glob("data/features/.*"))
