"""Pretrained encoders: what they hear, the hidden states of every family, and what their DVC project declares."""

import functools
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import torchaudio
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoFeatureExtractor, AutoModel, WhisperModel

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.embeddings import EmbeddedClips
from ser.encoders.extraction import Copy, each_clip, join_clips, pool, to_half_precision
from ser.encoders.loading import FAMILIES, load_encoder
from ser.encoders.waveforms import change_speed, trim_silence
from ser.models.boosted import BoostedHead
from ser.models.logistic import LogisticHead, LogisticSettings
from ser.storage.params import ParamsError, build, read_params
from ser.storage.tensors import load_tensors, save_tensors
from ser.storage.yaml12 import read_yaml
from ser.training.boosting import BoostingSettings
from studies.comparison.found_runs import RUNS
from studies.encoders.copies import read_copy, write_copy
from studies.encoders.embed import embeddings_of
from studies.encoders.frames import frames_of
from studies.encoders.layers import score_layers
from tests.pipeline import code_of, declared_files, declared_params, module_of, read_leaves, stages_of
from tests.tiny_encoders import (
    FRAME_MS,
    LAYERS,
    POSITIONS,
    WAVEFORM_FAMILIES,
    WIDTH,
    save_encoder,
    save_pipeline,
    speechlike,
)

ENCODERS = ROOT / "studies/encoders"
STAGES = stages_of(ENCODERS)
VARS = {name: value for part in read_yaml(ENCODERS / "dvc.yaml")["vars"][1:] for name, value in part.items()}
ONE_OF_EACH = list({name.partition("@")[0]: name for name in STAGES}.values())
WHISPER = ROOT.parent / "shared/encoders/whisper-tiny.en"
PARAMS = "waveform: {trim_db: 35.0}\nspeeds: {original: [1, 1], slower: [16, 15], odd: [16]}\n"
ORIGINAL, SLOWER = Copy(35.0, (1, 1)), Copy(35.0, (16, 15))
LOGISTIC = LogisticSettings(inverse_penalty=0.01, iterations=500)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A random encoder of each family."""
    base = tmp_path_factory.mktemp("encoders")
    return {family: save_encoder(family, base / family) for family in FAMILIES}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with four clips and settings, as working directory."""
    monkeypatch.chdir(tmp_path)
    for index, duration_s in enumerate((0.31, 0.5, 0.31, 0.74)):
        soundfile.write(f"{index}.wav", speechlike(duration_s, index).numpy(), 16000, subtype="FLOAT")
    Path("studies/encoders").mkdir(parents=True)
    Path("studies/encoders/params.yaml").write_text(PARAMS)
    return tmp_path


def test_every_family_is_tested():
    assert set(FAMILIES) == {"whisper", "wav2vec2-bert", "audio-spectrogram-transformer", *WAVEFORM_FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_states_have_all_layers_and_the_clips_own_length(family, folders):
    encode = load_encoder(folders[family])
    for duration_s in (0.4, 0.73):
        states = encode(speechlike(duration_s, 1))
        assert (states.shape[0], states.shape[2], states.dtype) == (LAYERS + 1, WIDTH, torch.float32)
        assert abs(states.shape[1] - 1000 * duration_s / FRAME_MS.get(family, 20)) <= 1.5
        assert states.isfinite().all()


@pytest.mark.parametrize("family", WAVEFORM_FAMILIES)
@torch.inference_mode()
def test_states_are_those_of_transformers(family, folders):
    waveform = speechlike(0.5, 3)
    model = AutoModel.from_pretrained(folders[family]).eval()
    values = (
        waveform if family == "wavlm" else (waveform - waveform.mean()) / (waveform.var(correction=0) + 1e-7).sqrt()
    )
    expected = model(values[None], output_hidden_states=True)
    states = load_encoder(folders[family])(waveform)
    torch.testing.assert_close(states, torch.cat(expected.hidden_states), atol=1e-5, rtol=1e-5)
    if not family.startswith("sew"):  # it brings its states back to 20 ms
        torch.testing.assert_close(states[-1:], expected.last_hidden_state, atol=1e-5, rtol=1e-5)


def whisper_of_positions(folder: Path, positions: int) -> nn.Module:
    """Transformers' own encoder, with a table of so few positions that it takes no more frames."""
    model = WhisperModel.from_pretrained(folder, dtype=torch.float32).encoder.eval()
    model.embed_positions = nn.Embedding.from_pretrained(model.embed_positions.weight[:positions])
    model.config.max_source_positions = positions
    return model


@torch.inference_mode()
def whisper_reference(folder: Path, waveform: torch.Tensor) -> torch.Tensor:
    features = whisper_log_mel(waveform)
    expected = whisper_of_positions(folder, features.shape[1] // 2)(features[None], output_hidden_states=True)
    return torch.cat(expected.hidden_states)


def whisper_log_mel(waveform: torch.Tensor) -> torch.Tensor:
    """The log-mel (bands, frames) that Whisper's paper describes, of torch and torchaudio."""
    window = torch.hann_window(400)
    power = torch.stft(waveform, 400, 160, window=window, return_complex=True)[:, :-1].abs().square()
    filters = torchaudio.functional.melscale_fbanks(201, 0, 8000, 80, 16000, norm="slaney", mel_scale="slaney")
    logs = (filters.T @ power).clamp_min(1e-10).log10()
    return (logs.clamp_min(logs.max() - 8) + 4) / 4


@torch.inference_mode()
def test_whisper_on_the_real_length_is_its_encoder_on_a_shorter_position_table(folders):
    waveform = speechlike(0.64, 2)
    states = load_encoder(folders["whisper"])(waveform)
    torch.testing.assert_close(states, whisper_reference(folders["whisper"], waveform), atol=1e-4, rtol=1e-4)


def test_log_mel_without_padding_is_that_of_the_padded_clip_but_at_its_end(folders):
    extractor = AutoFeatureExtractor.from_pretrained(folders["whisper"])
    waveform = speechlike(0.64, 2)
    padded = torch.from_numpy(extractor(waveform.numpy(), sampling_rate=16000)["input_features"][0])
    own = whisper_log_mel(waveform)
    torch.testing.assert_close(own[:, :-2], padded[:, : own.shape[1] - 2], atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(not WHISPER.exists(), reason="there is no ../shared/encoders")
@torch.inference_mode()
def test_real_whisper_hears_clips_at_their_own_length():
    encode = load_encoder(WHISPER)
    first, second = speechlike(1.0, 1), speechlike(0.7, 2)
    states = encode(first)
    assert states.shape == (5, 50, 384)
    torch.testing.assert_close(states, whisper_reference(WHISPER, first), atol=1e-3, rtol=1e-3)
    assert encode(second).shape == (5, 35, 384)
    assert torch.equal(encode(first), states)


def test_loading_says_nothing(folders, capfd):
    load_encoder(folders["whisper"])
    assert capfd.readouterr() == ("", "")


@torch.inference_mode()
def test_torchaudio_pipelines_give_their_own_layers(tmp_path, monkeypatch):
    folder = save_pipeline("TINY", tmp_path / "tiny", monkeypatch)
    (folder / "config.json").write_text('{"model_type": "torchaudio", "pipeline": "TINY"}')
    waveform = speechlike(0.5, 1)
    states = load_encoder(folder)(waveform)
    assert states.shape == (LAYERS + 1, 24, WIDTH)
    model = torchaudio.pipelines.TINY.get_model(dl_kwargs={"model_dir": str(folder)})
    expected, _ = model.extract_features(waveform[None])
    torch.testing.assert_close(states[1:], torch.cat(expected))
    first = model.model.encoder.transformer.layers[0](states[:1])[0]
    torch.testing.assert_close(first, states[1:2])


def test_a_pipeline_with_more_than_tensors_is_refused(tmp_path, monkeypatch):
    folder = save_pipeline("TINY", tmp_path / "tiny", monkeypatch)
    (folder / "config.json").write_text('{"model_type": "torchaudio", "pipeline": "TINY"}')
    torch.save({"weights": functools.partial(print, "run")}, folder / "tiny.pth")
    with pytest.raises(Exception, match="Weights only load failed"):
        load_encoder(folder)


def test_an_unknown_family_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(
        ValueError, match=r"model_type is 'bert'; known are \['audio-spectrogram-transformer', .*'whisper'\] and torch"
    ):
        load_encoder(tmp_path)


def test_missing_weights_of_the_encoder_are_named(tmp_path):
    folder = save_encoder("whisper", tmp_path / "whisper")
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".encoder.layers.1.fc" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"lacks 4 weights of a whisper encoder, first \['encoder\.layers\.1\.fc1\.bias"
    ):
        load_encoder(folder)


@torch.inference_mode()
def test_a_clip_too_short_or_too_long_is_an_error(folders):
    encode = load_encoder(folders["whisper"])
    with pytest.raises(ValueError, match="a waveform has 399 samples; encoders need 400"):
        encode(torch.zeros(399))
    with pytest.raises(ValueError, match=f"a clip has 201 frames; Whisper hears {POSITIONS} frames"):
        encode(torch.zeros(64320))
    assert encode(torch.zeros(64000)).shape[1] == POSITIONS


@pytest.mark.parametrize("family", ["whisper", "wavlm", "wav2vec2-bert", "audio-spectrogram-transformer"])
def test_a_clip_does_not_depend_on_those_beside_it(family, folders, project):
    paths = [project / f"{index}.wav" for index in range(4)]
    together = list(each_clip(paths, load_encoder(folders[family]), ORIGINAL))
    for path, states in zip(paths, together, strict=True):
        [alone] = each_clip([path], load_encoder(folders[family]), ORIGINAL)
        assert torch.equal(alone, states)


def test_twice_gives_equal_bytes(folders, project):
    paths = [project / f"{index}.wav" for index in range(4)]
    for _ in range(2):
        states = list(each_clip(paths, load_encoder(folders["whisper"]), SLOWER))
        save_tensors(embeddings_of(iter(states)), project / "embeddings.pt")
        save_tensors(frames_of(iter(states)), project / "frames.pt")
        written = [(project / f"{name}.pt").read_bytes() for name in ("embeddings", "frames")]
        (project / "before").mkdir(exist_ok=True)
        for name, content in zip(("embeddings", "frames"), written, strict=True):
            before = project / "before" / name
            assert not before.exists() or before.read_bytes() == content
            before.write_bytes(content)


def test_a_clip_that_cannot_be_encoded_is_named(folders, project):
    soundfile.write("short.wav", np.ones(200), 16000)
    with pytest.raises(ValueError, match=r"short\.wav: a waveform has 200 samples"):
        list(each_clip([Path("short.wav")], load_encoder(folders["whisper"]), ORIGINAL))


def test_a_copy_is_made_as_the_params_say(project):
    assert read_copy("slower") == SLOWER
    waveform = torch.cat([torch.zeros(1600), speechlike(0.4, 1)])
    assert torch.equal(SLOWER(waveform), change_speed(trim_silence(waveform, 35.0), (16, 15)))


def test_a_copy_without_a_speed_is_named(project):
    with pytest.raises(
        ValueError,
        match=r"^studies/encoders/params\.yaml: speeds has no 'quicker'; it has \['odd', 'original', 'slower'\]",
    ):
        read_copy("quicker")


def test_a_written_copy_has_the_clips_in_their_order(folders, project, monkeypatch):
    Path("data/raw").mkdir(parents=True)
    Path("studies/encoders/weights").mkdir()
    Path("studies/encoders/weights/tiny").symlink_to(folders["whisper"])
    names = ["clip-3", "clip-0", "clip-2"]
    for name in names:
        Path(f"{name[-1]}.wav").rename(f"data/raw/{name}.wav")
    pd.DataFrame({"clip": names, "path": [f"{name}.wav" for name in names]}).to_csv("data/clips.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["embed", "tiny", "slower"])
    write_copy("embed", "", Path("out"), load_encoder, embeddings_of)
    content = load_tensors(Path("out/tiny/slower.pt"), ("clips", "embeddings"))
    paths = [Path(f"data/raw/{name}.wav") for name in names]
    expected = [pool(states) for states in each_clip(paths, load_encoder(folders["whisper"]), SLOWER)]
    assert content["clips"] == names
    assert torch.equal(content["embeddings"], torch.stack(expected))


def test_pooling_keeps_mean_and_deviation_of_each_layer():
    states = torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(1))
    pooled = pool(states)
    assert pooled.shape == (3, 2, 4)
    np.testing.assert_allclose(pooled[:, 0], states.numpy().mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(pooled[:, 1], states.numpy().std(axis=1), atol=1e-6)


def test_frames_are_in_half_precision_unless_they_overflow():
    states = torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(to_half_precision(states), states.transpose(0, 1).half())
    joined = join_clips([states[0], states[1, :20]])
    assert torch.equal(joined["frames"], torch.cat([states[0], states[1, :20]]))
    assert joined["lengths"].tolist() == [50, 20]
    with pytest.raises(ValueError, match="hidden states reach 70003, more than float16 holds"):
        to_half_precision(states + 70000 * (states == states.amax()))


def test_silence_at_both_ends_is_cut_and_within_stays():
    sound, gap = 0.1 * torch.ones(1600), torch.zeros(3200)
    padded = torch.cat([torch.zeros(1600), sound, gap, sound, torch.zeros(1650)])
    assert torch.equal(trim_silence(padded, 35.0), torch.cat([sound, gap, sound]))


def test_trimming_keeps_what_lies_less_than_its_decibels_below():
    levels_db = torch.tensor([-50.0, -36.0, -34.0, 0.0, -34.9, -40.0, -35.1])
    waveform = (10 ** (levels_db / 20)).repeat_interleave(160)
    assert torch.equal(trim_silence(waveform, 35.0), waveform[320:800])
    assert torch.equal(trim_silence(waveform * 1e-3, 35.0), waveform[320:800] * 1e-3)


def test_a_waveform_that_ends_within_a_stretch_keeps_its_end():
    waveform = torch.ones(1000)
    assert torch.equal(trim_silence(waveform, 35.0), waveform)
    assert torch.equal(trim_silence(torch.zeros(1000), 35.0), torch.zeros(1000))


@pytest.mark.parametrize(("ratio", "samples"), [([16, 15], 17067), ([15, 16], 15000), ([1, 1], 16000)])
def test_copies_are_as_long_as_their_speed_says(ratio, samples):
    waveform = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)
    copy = change_speed(waveform, ratio)
    assert len(copy) == samples
    expected = torchaudio.functional.resample(waveform, ratio[1], ratio[0])
    torch.testing.assert_close(copy, expected, atol=1e-5, rtol=0)
    spectrum = torch.fft.rfft(copy[:15000] * torch.hann_window(15000)).abs()
    pitch_hz = spectrum.argmax() * 16000 / 15000
    assert pitch_hz == pytest.approx(440 * ratio[1] / ratio[0], abs=1.1)


@pytest.mark.parametrize("ratio", [(0, 1), (16,), (16, 101)])
def test_an_impossible_speed_is_named(ratio):
    with pytest.raises(ParamsError, match=re.escape(f"ratio is {ratio}; allowed: two numbers from 1 to 100")):
        Copy(35.0, ratio)


def test_an_impossible_copy_of_the_params_is_named(project):
    with pytest.raises(ParamsError, match=r"^studies/encoders/params\.yaml: waveform\.ratio is \(16,\); allowed: two"):
        read_copy("odd")
    with pytest.raises(ParamsError, match=r"trim_db is 0\.0; allowed: more than 0 dB"):
        Copy(0.0, (1, 1))


# Heads


def clusters(copies_: int = 3, clips: int = 160, width: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Features (copy, clip, layers, 2, width) of clusters that overlap, less so in layer 1, and the clips' labels."""
    generator = np.random.default_rng(1)
    labels = np.arange(clips) % len(EMOTIONS)
    noise = generator.normal(size=(copies_, clips, 2, 2, width)) * np.array([4.0, 1.0])[:, None, None]
    return (noise + generator.normal(size=(len(EMOTIONS), 2, 2, width))[labels]).astype(np.float32), labels


def test_embeddings_are_put_in_the_order_of_the_clips(tmp_path):
    save_tensors({"clips": ["a", "b", "c"], "embeddings": torch.arange(3.0).view(3, 1, 1, 1)}, tmp_path / "slow.pt")
    table = pd.DataFrame({"clip": ["c", "a"], "emotion": ["sad", "calm"], "split": ["val", "train"]})
    read = EmbeddedClips.read([tmp_path / "slow.pt"] * 2, table)
    assert read.embeddings[..., 0, 0, 0].tolist() == [[2, 0], [2, 0]]
    assert [EMOTIONS[label] for label in read.labels] == ["sad", "calm"]
    assert read.part("train").embeddings.flatten().tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"slow\.pt: lacks 1 clips, first \['d'\]"):
        EmbeddedClips.read([tmp_path / "slow.pt"], table.replace("c", "d"))


def test_a_head_is_trained_on_all_copies_and_tested_on_their_mean():
    split = np.array(["train", "val", "test"])
    clips = EmbeddedClips(np.arange(12.0).reshape(2, 3, 1, 2, 1), np.array([4, 5, 6]), split)
    stacked, known = clips.part("train", "test").stacked()
    assert stacked.tolist() == [[0, 1], [4, 5], [6, 7], [10, 11]]
    assert known.tolist() == [4, 6, 4, 6]
    assert clips.predict(lambda copy: copy).tolist() == [[3, 4], [5, 6], [7, 8]]


def test_logistic_regression_gives_log_probabilities_whatever_the_scale():
    features, labels = clusters()
    flat = features[0].reshape(len(labels), -1)
    logs = LogisticHead.train(flat, labels, LOGISTIC).logits(flat)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, atol=1e-5)
    assert (logs.argmax(axis=1) == labels).mean() > 0.6
    scales = np.logspace(-2, 2, flat.shape[1], dtype=np.float32)
    scaled = LogisticHead.train(flat * scales, labels, LOGISTIC).logits(flat * scales)
    np.testing.assert_allclose(scaled, logs, atol=0.01)


def test_boosting_stops_on_validation_clips_and_is_fitted_again_with_as_many_trees():
    features, labels = clusters()
    clips = EmbeddedClips(features, labels, np.array(["train", "val"])[np.arange(160) % 5 % 2])
    values = read_params(ENCODERS / "params.yaml", "train_lgbm") | {"seed": 1, "threads": 1, "column_fraction": 0.5}
    settings = build(BoostingSettings, values, "train_lgbm")
    train, val = (clips.part(part).stacked() for part in ("train", "val"))
    stopped = BoostedHead.train(train, val, settings)
    assert 1 <= stopped.trees < settings.estimators
    again = BoostedHead.train_trees(train, settings, stopped.trees)
    assert again.trees == stopped.trees
    assert (again.logits(val[0]).argmax(axis=1) == val[1]).mean() > 0.4
    np.testing.assert_allclose(again.logits(val[0]), stopped.logits(val[0]))


def test_layers_are_scored_on_validation_clips_alone():
    features, labels = clusters()
    split = np.array(["train", "train", "val", "test"])[np.arange(160) // 40]
    clips = EmbeddedClips(features, labels, split)
    scores = score_layers(clips, LOGISTIC)
    assert len(scores) == 3
    assert scores[1] > scores[0] + 0.2
    features[:, split == "test"] = np.nan
    assert score_layers(clips, LOGISTIC) == scores


# The project


def resolved(files: set[str]) -> set[str]:
    return {(ENCODERS / file).resolve().relative_to(ROOT.resolve()).as_posix() for file in files}


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_stage_declares_the_code_it_imports_and_no_other(name):
    declared = {file for file in resolved(declared_files(STAGES[name])) if file.endswith(".py")}
    assert declared == code_of(STAGES[name], ROOT)


def test_every_stage_says_what_it_does():
    assert [name for name, stage in STAGES.items() if not stage.desc] == []


def test_every_param_is_declared():
    leaves = {leaf for leaf in read_leaves(ENCODERS) if not leaf.startswith("seeds.")}  # those name stages
    assert set().union(*(declared_params(stage, leaves) for stage in STAGES.values())) == leaves


@pytest.mark.parametrize(
    ("stage", "folder", "heads"),
    [
        ("embed", "embeddings", ("logistic", "lgbm", "layers")),
        ("frames", "frames", ("attentive",)),
        ("inputs", "inputs", ("finetune",)),
    ],
)
def test_every_copy_is_made_and_read_by_the_heads(stage, folder, heads):
    copies = read_params(ENCODERS / "params.yaml", "speeds").keys()
    made = VARS["encoders" if stage == "embed" else "every_head"]
    assert {name.partition("@")[2] for name in STAGES if name.startswith(f"{stage}@")} == {
        f"{encoder}-{copy}" for encoder in made for copy in copies
    }
    for name in [name for name in STAGES if name.startswith(heads)]:
        encoder = STAGES[name].cmd.split(module_of(STAGES[name]))[1].split()[0]
        read = {file for file in declared_files(STAGES[name]) if file.startswith(f"{folder}/")}
        assert read == {f"{folder}/{encoder}/{copy}.pt" for copy in copies}, name


def test_runs_join_the_comparison_and_are_kept_in_git():
    outs = {out.def_path: out for name, stage in STAGES.items() if name.startswith("l") for out in stage.outs}
    assert "runs/luna/whisper/1-1.csv" in outs
    assert "runs/stratified/whisper/10-1.json" in outs
    assert ENCODERS / "runs" in {ROOT / folder for folder in RUNS}
    assert [path for path, out in outs.items() if out.use_cache] == []
