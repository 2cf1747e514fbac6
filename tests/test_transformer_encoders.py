"""Encoders of transformers other than Whisper: inputs, AST at any length, classifiers' checkpoints, fine-tuning."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    AutoModelForAudioClassification,
    Wav2Vec2FeatureExtractor,
)

from scripts.demo import ROOT
from ser.data.copies import CopiedClips
from ser.encoders.extraction import Copy
from ser.encoders.loading import FAMILIES, load_encoder
from ser.encoders.tunable import load_hearing, load_tunable
from ser.models.encoder import EncoderModel, save_encoder_model
from ser.models.finetuned import MODES, FineTuned, Finetuned, FinetuneSettings, MaskedInputs, _with_head
from ser.storage.params import ParamsError, build, read_params
from tests.tiny_encoders import CONVOLUTIONS, LAYERS, SHAPE, WIDTH, save_encoder, save_pipeline, speechlike

AST, BERT = "audio-spectrogram-transformer", "wav2vec2-bert"
OTHERS = [family for family in FAMILIES if family != "whisper"]
TUNED = ["wav2vec2", "wavlm", "data2vec-audio", BERT, AST]
CPU = torch.device("cpu")
VALUES = read_params(ROOT / "studies/encoders/params.yaml", "train_finetune") | {
    "threads": 1,
    "precision": "float32",
    "encoder_learning_rate": 0.001,
    "schedule": {
        "epochs": 2,
        "batch_size": 8,
        "peak_learning_rate": 0.02,
        "warmup_fraction": 0.2,
        "weight_decay": 0.01,
        "label_smoothing": 0.0,
        "averaging_decay": 0.5,
        "gradient_norm": 5.0,
    },
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("encoders")
    return {family: save_encoder(family, base / family) for family in OTHERS}


def settings_of(mode: str, epochs: int = 2) -> FinetuneSettings:
    return build(FinetuneSettings, VALUES | {"mode": mode, "schedule": VALUES["schedule"] | {"epochs": epochs}})


def heard(folder: Path) -> CopiedClips:
    hear = load_hearing(folder)
    clips = [hear(speechlike(0.3 + 0.05 * clip, clip)) for clip in range(8)]
    return CopiedClips([clips], torch.arange(8))


@torch.inference_mode()
def test_ast_at_its_own_length_is_transformers_model(folders):
    waveform = speechlike(1.075, 1)  # 106 frames of 10 ms
    extractor = AutoFeatureExtractor.from_pretrained(folders[AST])
    model = AutoModel.from_pretrained(folders[AST]).eval()
    expected = model(**extractor(waveform.numpy(), sampling_rate=16000, return_tensors="pt"), output_hidden_states=True)
    states = load_encoder(folders[AST])(waveform)
    assert states.shape == (LAYERS + 1, 10, WIDTH)
    patches = torch.cat([*expected.hidden_states[:-1], expected.last_hidden_state])[:, 2:]
    torch.testing.assert_close(states, patches.view(LAYERS + 1, 12, 10, WIDTH).mean(dim=1), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_a_shorter_clip_has_the_first_places_of_ast(folders):
    encode, extractor = load_encoder(folders[AST]), AutoFeatureExtractor.from_pretrained(folders[AST])
    assert extractor.max_length == 106
    states = encode(speechlike(0.575, 1))
    assert states.shape[1] == 5
    torch.testing.assert_close(states[0], encode(speechlike(1.075, 1))[0, :5], atol=0.02, rtol=0.02)


@torch.inference_mode()
def test_a_clip_that_ast_cannot_hear_is_an_error(folders):
    encode = load_encoder(folders[AST])
    with pytest.raises(ValueError, match="a clip has 15 frames of 10 ms; AST needs 16 or more"):
        encode(torch.zeros(2799))
    with pytest.raises(ValueError, match="a clip has 11 frames of 100 ms; this AST hears 10"):
        encode(torch.zeros(400 + 115 * 160))


@torch.inference_mode()
@pytest.mark.parametrize("frames", [40, 41])
def test_wav2vec2_bert_hears_whole_pairs_of_frames(frames, folders):
    waveform = speechlike((400 + (frames - 1) * 160) / 16000, 1)
    extractor = AutoFeatureExtractor.from_pretrained(folders[BERT])
    inputs = extractor(waveform.numpy(), sampling_rate=16000, return_tensors="pt")
    model = AutoModel.from_pretrained(folders[BERT]).eval()
    expected = torch.cat(model(**inputs, output_hidden_states=True).hidden_states)
    states = load_encoder(folders[BERT])(waveform)
    assert states.shape == (LAYERS + 1, 20, WIDTH)
    torch.testing.assert_close(states, expected[:, :20], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_a_checkpoint_with_an_emotion_head_gives_its_encoders_states(tmp_path):
    torch.manual_seed(1)
    config = AutoConfig.for_model("wav2vec2", **SHAPE, **CONVOLUTIONS, vocab_size=8, num_labels=4)
    model = AutoModelForAudioClassification.from_config(config)
    model.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    waveform = speechlike(0.5, 2)
    normal = (waveform - waveform.mean()) / (waveform.var(correction=0) + 1e-7).sqrt()
    expected = model.eval().wav2vec2(normal[None]).last_hidden_state
    torch.testing.assert_close(load_encoder(tmp_path)(waveform)[-1:], expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("family", OTHERS)
def test_states_in_a_padded_batch_are_those_of_each_clip_alone(family, folders):
    encode, hear, encoder = (load(folders[family]) for load in (load_encoder, load_hearing, load_tunable))
    waveforms = [speechlike(duration_s, index) for index, duration_s in enumerate((0.4, 0.7, 0.55))]
    inputs = [hear(waveform) for waveform in waveforms]
    padded = pad_sequence(inputs, batch_first=True, padding_value=1000.0)
    states, lengths = encoder.train()(padded, torch.tensor([len(clip) for clip in inputs]))
    assert states.shape[2:] == encoder.shape
    for waveform, clip, length in zip(waveforms, states, lengths, strict=True):
        expected = encode(waveform).transpose(0, 1)
        assert length == len(expected)
        torch.testing.assert_close(clip[:length], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", OTHERS)
def test_every_level_and_every_adapter_gets_gradients(family, folders):
    clips = heard(folders[family])
    for mode in ("all", "lora"):
        network = _network(folders[family], mode)
        network(*clips.batch(torch.zeros(8, dtype=torch.long), torch.arange(8))).square().sum().backward()
        learning = {name: part for name, part in network.encoder.named_parameters() if part.requires_grad}
        if mode == "lora":
            assert learning
            assert all("lora_" in name for name in learning)
            assert [name for name, part in learning.items() if "lora_B" in name and part.grad is None] == []
        else:
            levels = network.encoder.levels
            assert len(levels) == LAYERS + 1
            assert all(
                any(part.grad is not None for module in level for part in module.parameters()) for level in levels
            )


def _network(folder: Path, mode: str) -> FineTuned:
    return _with_head(load_tunable(folder), settings_of(mode), CPU)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", TUNED)
def test_a_fine_tuned_encoder_is_the_same_after_saving(family, mode, folders, tmp_path):
    clips = heard(folders[family])
    model = Finetuned.train(clips, folders[family], settings_of(mode), 1, CPU)
    model.save(tmp_path, folders[family])
    logits = model.logits(clips)
    assert logits.isfinite().all()
    torch.testing.assert_close(Finetuned.load(tmp_path).logits(clips), logits, atol=1e-6, rtol=0)
    again = Finetuned.train(clips, folders[family], settings_of(mode), 1, CPU)
    assert torch.equal(again.logits(clips), logits)


@pytest.mark.parametrize("family", ["wav2vec2", BERT])
def test_fine_tuning_overfits_eight_clips(family, folders):
    clips = heard(folders[family])
    model = Finetuned.train(clips, folders[family], settings_of("last", epochs=30), 1, CPU)
    assert (model.logits(clips).argmax(dim=1) == clips.labels).double().mean() == 1


def test_batch_norm_keeps_its_averages(folders):
    clips = heard(folders["wav2vec2-conformer"])
    before = {name: value.clone() for name, value in load_tunable(folders["wav2vec2-conformer"]).named_buffers()}
    network = Finetuned.train(clips, folders["wav2vec2-conformer"], settings_of("all"), 1, CPU).network
    after = dict(network.encoder.named_buffers())
    averages = [name for name in before if "running" in name]
    assert averages
    assert all(torch.equal(before[name], after[name]) for name in averages)


def test_waveforms_are_masked_in_time_alone():
    augmentation = dataclasses.replace(settings_of("last").augmentation, masks=1, time_mask_fraction=0.5)
    waveforms, lengths = torch.randn(4, 1000, 1), torch.full((4,), 1000)
    masked, same = MaskedInputs(augmentation)(waveforms, lengths, torch.Generator().manual_seed(1))
    assert torch.equal(same, lengths)
    changed = ((masked - waveforms).abs() > 1e-5).flatten(1)
    assert 0 < changed.sum() <= 4 * 500
    for clip in changed:  # one stretch each
        assert (np.diff(np.flatnonzero(clip)) == 1).all()


def test_spectrograms_are_masked_in_bands_too():
    augmentation = dataclasses.replace(settings_of("last").augmentation, masks=1, time_mask_fraction=0.0, band_mask=10)
    inputs = torch.randn(4, 50, 40)
    masked, _ = MaskedInputs(augmentation)(inputs, torch.full((4,), 50), torch.Generator().manual_seed(1))
    bands = (masked - inputs).abs() > 1e-5
    assert 0 < bands.any(dim=1).sum() <= 40


def test_what_speaks_of_decibels_is_refused_for_other_inputs():
    augmentation = dataclasses.replace(settings_of("last").augmentation, gain_db=3.0)
    with pytest.raises(ParamsError, match=r"augmentation\.gain_db is 3\.0; allowed: 0 for an encoder whose inputs"):
        MaskedInputs(augmentation)


def test_a_torchaudio_pipeline_cannot_be_fine_tuned_and_the_way_is_named(tmp_path, monkeypatch):
    folder = save_pipeline("TINY", tmp_path / "tiny", monkeypatch)
    (folder / "config.json").write_text('{"model_type": "torchaudio", "pipeline": "TINY"}')
    for load in (load_tunable, load_hearing):
        with pytest.raises(
            ValueError, match="cannot be fine-tuned here; the same encoders are on the Hugging Face hub"
        ):
            load(folder)


@pytest.mark.parametrize("family", ["wav2vec2", BERT])
def test_a_fine_tuned_encoder_hears_recordings_as_one_folder(family, folders, tmp_path):
    waveforms = [speechlike(0.4, 1), speechlike(0.6, 2)]
    copies = (Copy(60.0, (1, 1)), Copy(60.0, (16, 15)))
    head = Finetuned.train(heard(folders[family]), folders[family], settings_of("last", epochs=1), 1, CPU)
    save_encoder_model(head, folders[family], copies, tmp_path / "model")
    hear = load_hearing(folders[family])
    clips = [[hear(copy(waveform)) for waveform in waveforms] for copy in copies]
    expected = head.logits(CopiedClips(clips, torch.zeros(2, dtype=torch.long)))
    torch.testing.assert_close(EncoderModel.load(tmp_path / "model").logits(waveforms), expected, atol=1e-5, rtol=0)
