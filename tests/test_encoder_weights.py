"""`python -m studies.encoders.fetch_weights <encoder>`: hub or folder, clean errors, no pickles, nothing half."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from scripts.demo import ROOT
from ser.encoders import weights
from ser.encoders.loading import load_encoder
from studies.encoders import fetch_weights
from tests.tiny_encoders import save_encoder, save_pipeline, serving, speechlike

FILES = ["config.json", "model.safetensors", "preprocessor_config.json"]
WEIGHTS = Path("studies/encoders/weights/small")
NOWHERE = "http://127.0.0.1:9"  # port of discard: nothing listens


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A folder `tiny` with a random Whisper, and files beside it that are not to be taken."""
    folder = save_encoder("whisper", tmp_path_factory.mktemp("source") / "tiny")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "modeling.py").write_text("code")
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project whose encoder `small` is org/tiny, as working directory; an empty cache and a hub that is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ENCODER_SOURCE", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", NOWHERE)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", ["fetch_weights", "small"])
    choose("org/tiny")
    return tmp_path


def choose(name: str) -> None:
    Path("studies/encoders").mkdir(parents=True, exist_ok=True)
    Path("studies/encoders/params.yaml").write_text(f"sources: {{small: {{name: '{name}', revision: main}}}}\n")


def written() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in WEIGHTS.iterdir()}


def assert_nothing_written() -> None:
    found = {path for path in Path("studies").rglob("*") if path.is_file()}
    assert found == {Path("studies/encoders/params.yaml")}
    assert not WEIGHTS.exists()
    assert not WEIGHTS.parent.exists() or not list(WEIGHTS.parent.iterdir())


def fetch_from(address: str) -> subprocess.CompletedProcess:
    """Run the script with a hub at this address and an empty cache."""
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(Path("home").absolute()), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "studies.encoders.fetch_weights", "small"]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)


def test_hub_and_folders_give_the_same_files(project, tiny, monkeypatch, capsys):
    with serving(tiny, "org/tiny") as address:
        assert fetch_from(address).returncode == 0
    downloaded = written()
    assert downloaded == {name: (tiny / name).read_bytes() for name in FILES}
    for source in (tiny, tiny.parent):
        monkeypatch.setenv("ENCODER_SOURCE", str(source))
        fetch_weights.main()
        assert written() == downloaded
    assert "org/tiny in studies/encoders/weights/small" in capsys.readouterr().out


def test_without_hub_and_folder_both_ways_are_named(project):
    with pytest.raises(SystemExit) as failure:
        fetch_weights.main()
    message = str(failure.value)
    assert message.startswith("fetch_weights: no weights: the Hugging Face hub (org/tiny, revision main) gave none")
    assert "ENCODER_SOURCE=/path/to/folder   takes org/tiny from a copy you have" in message
    assert "with a network" in message
    assert "see sources.<encoder>.name in studies/encoders/params.yaml\n" in message
    assert_nothing_written()


def test_a_model_that_the_hub_does_not_have_is_named(project, tiny, monkeypatch):
    with serving(tiny, "org/other") as address:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        with pytest.raises(SystemExit, match=r"\(org/tiny, revision main\) gave none"):
            fetch_weights.main()


def test_a_proxy_that_needs_a_further_package_is_named(project, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ImportError("Using SOCKS proxy, but the 'socksio' package is not installed.")

    monkeypatch.setattr(weights, "snapshot_download", fail)
    with pytest.raises(SystemExit, match=r"gave none \(Using SOCKS proxy, but the 'socksio' package is not installed"):
        fetch_weights.main()
    assert_nothing_written()


def test_a_folder_that_is_not_there_is_named(project, monkeypatch):
    for source, words in (
        ("/nowhere", "no such folder; expected one with model"),
        ("nowhere", "expected a whole path"),
    ):
        monkeypatch.setenv("ENCODER_SOURCE", source)
        with pytest.raises(SystemExit, match=f"ENCODER_SOURCE={source}: {words}"):
            fetch_weights.main()
    assert_nothing_written()


def test_all_that_a_folder_lacks_is_listed_and_pickles_are_refused(project, tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    (source / "pytorch_model.bin").write_bytes(b"pickle")
    monkeypatch.setenv("ENCODER_SOURCE", str(source))
    with pytest.raises(SystemExit) as failure:
        fetch_weights.main()
    assert str(failure.value).splitlines() == [
        f"fetch_weights: {source} is no encoder in the layout of Hugging Face:",
        "  config.json: missing",
        "  preprocessor_config.json: missing",
        "  model.safetensors: missing",
        "  pytorch_model.bin: there, but a pickle or of another library, and not loaded",
    ]
    assert_nothing_written()


def test_a_hub_with_pickles_only_is_refused(project, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    with serving(folder, "org/tiny") as address:
        finished = fetch_from(address)
    assert finished.returncode == 1
    assert "model.safetensors: missing" in finished.stderr
    assert list(Path("home").rglob("config.json"))
    assert not list(Path("home").rglob("*.bin"))
    assert_nothing_written()


def test_a_truncated_file_is_named(project, tiny, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny, tmp_path / "damaged")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-100])
    monkeypatch.setenv("ENCODER_SOURCE", str(folder))
    with pytest.raises(SystemExit, match=r"model\.safetensors: damaged"):
        fetch_weights.main()


def test_weights_in_several_files_are_taken_whole(project, tiny, tmp_path, monkeypatch):
    from transformers import WhisperForConditionalGeneration

    folder = tmp_path / "sharded"
    WhisperForConditionalGeneration.from_pretrained(tiny).save_pretrained(folder, max_shard_size="60KB")
    shutil.copy(tiny / "preprocessor_config.json", folder)
    monkeypatch.setenv("ENCODER_SOURCE", str(folder))
    fetch_weights.main()
    shards = set(json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"].values())
    assert len(shards) > 1
    assert written().keys() == {"config.json", "preprocessor_config.json", "model.safetensors.index.json", *shards}
    with torch.inference_mode():
        waveform = speechlike(0.4, 1)
        assert torch.equal(load_encoder(WEIGHTS)(waveform), load_encoder(tiny)(waveform))
    (folder / min(shards)).unlink()
    with pytest.raises(SystemExit, match=f"{min(shards)}: missing"):
        fetch_weights.main()


def test_an_index_that_leads_out_of_the_folder_is_refused(project, tiny, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny, tmp_path / "outside")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../secret.safetensors"}}')
    monkeypatch.setenv("ENCODER_SOURCE", str(folder))
    with pytest.raises(SystemExit, match=r"lead out of the folder: \['\.\./secret\.safetensors'\]"):
        fetch_weights.main()


def test_a_torchaudio_pipeline_comes_from_a_folder_or_a_server(project, tmp_path, monkeypatch):
    source = save_pipeline("TINY", tmp_path / "torchaudio", monkeypatch)
    choose("torchaudio:TINY")
    with serving(source, "none") as address:
        monkeypatch.setattr("ser.encoders.pipelines.URL", f"{address}/none/resolve/{'0' * 40}/")
        fetch_weights.main()
    downloaded = written()
    assert downloaded.keys() == {"config.json", "tiny.pth"}
    for path in (source, source / "tiny.pth"):
        monkeypatch.setenv("ENCODER_SOURCE", str(path))
        fetch_weights.main()
        assert written() == downloaded
    with torch.inference_mode():
        assert load_encoder(WEIGHTS)(speechlike(0.4, 1)).shape[0] == 3


def test_a_torchaudio_pipeline_that_cannot_be_had_names_both_ways(project, tmp_path, monkeypatch):
    save_pipeline("TINY", tmp_path / "torchaudio", monkeypatch)
    choose("torchaudio:TINY")
    monkeypatch.setattr("ser.encoders.pipelines.URL", f"{NOWHERE}/")
    with pytest.raises(SystemExit, match=r"tiny\.pth gave none[^$]*ENCODER_SOURCE=/path/to/folder   takes tiny\.pth"):
        fetch_weights.main()
    monkeypatch.setenv("ENCODER_SOURCE", "/nowhere")
    with pytest.raises(SystemExit, match=r"ENCODER_SOURCE=/nowhere: expected tiny\.pth"):
        fetch_weights.main()


def test_an_unknown_torchaudio_pipeline_is_named(project):
    choose("torchaudio:WAV2VEC3")
    with pytest.raises(
        SystemExit,
        match=r"sources\.<encoder>\.name in studies/encoders/params\.yaml is 'torchaudio:WAV2VEC3'; "
        r"torchaudio's pipelines are \['HUBERT",
    ):
        fetch_weights.main()


def test_an_encoder_without_a_source_is_named(project, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fetch_weights", "large"])
    with pytest.raises(SystemExit, match=r"studies/encoders/params\.yaml: sources has no 'large'; it has \['small'\]"):
        fetch_weights.main()
    assert_nothing_written()


def test_encoders_have_folders_of_their_own(project, tiny, monkeypatch):
    monkeypatch.setenv("ENCODER_SOURCE", str(tiny))
    fetch_weights.main()
    Path("studies/encoders/params.yaml").write_text("sources: {other: {name: org/tiny, revision: main}}\n")
    monkeypatch.setattr(sys, "argv", ["fetch_weights", "other"])
    fetch_weights.main()
    assert sorted(path.name for path in WEIGHTS.parent.iterdir()) == ["other", "small"]
