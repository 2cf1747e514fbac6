"""Heads on all frames, and fine-tuning: padding does not matter, the seed decides, they learn."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch

from scripts.demo import ROOT
from ser.corpora.emotions import EMOTIONS
from ser.data.augmentation import Augmentation
from ser.data.copies import CopiedClips
from ser.data.masks import mask_of
from ser.encoders.loading import load_encoder
from ser.encoders.tunable import TunableWhisper, load_hearing, load_tunable
from ser.models.attentive import Attentive, Settings, predict_copies
from ser.models.finetuned import (
    MODES,
    AugmentedLogMel,
    FineTuned,
    Finetuned,
    FinetuneSettings,
    rate_groups,
    unfreeze,
)
from ser.networks.attentive import AttentiveConfig, AttentiveHead, LayerMixture, drop_frames
from ser.storage.params import ParamsError, build, read_params
from ser.storage.tensors import save_tensors
from ser.training.runtime import resolve_precision
from ser.training.schedule import ScheduleSettings
from studies.encoders.inputs import inputs_of
from studies.encoders.twice import fit_twice
from tests.tiny_encoders import save_encoder, speechlike

CPU = torch.device("cpu")
LAYERS, WIDTH = 3, 12
CONFIG = AttentiveConfig(width=0, heads=2, frame_dropout=0.1, dropout=0.1)
SCHEDULE = ScheduleSettings(30, 8, 0.02, 0.2, 0.01, 0.0, 0.9, 5.0)


def clips(number: int, copies: int = 2, seed: int = 0, noise: float = 1.0) -> CopiedClips:
    """Clips (frames, layers, width) in float16 whose emotion shows in some of the frames of layer 1."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % len(EMOTIONS)
    made = []
    for _ in range(copies):
        lengths = torch.randint(5, 20, (number,), generator=generator).tolist()
        states = [noise * torch.randn(length, LAYERS, WIDTH, generator=generator) for length in lengths]
        for clip, label in zip(states, labels.tolist(), strict=True):
            clip[::2, 1, label] += 4
        made.append([clip.half() for clip in states])
    return CopiedClips(made, labels)


def attentive(config: AttentiveConfig = CONFIG, seed: int = 0) -> AttentiveHead:
    torch.manual_seed(seed)
    return AttentiveHead(config, LAYERS, WIDTH, len(EMOTIONS))


def fitted(
    data: CopiedClips, schedule: ScheduleSettings = SCHEDULE, seed: int = 0, mixup: float = 0.0
) -> AttentiveHead:
    return Attentive.train(data, Settings(1, mixup, schedule, CONFIG), seed, CPU).network


def predict(network: torch.nn.Module, data: CopiedClips) -> torch.Tensor:
    return predict_copies(network, data, CPU)


def accuracy(network: torch.nn.Module, data: CopiedClips) -> float:
    return (predict(network, data).argmax(dim=1) == data.labels).float().mean().item()


def all_of(data: CopiedClips, copy: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.arange(len(data.labels))
    return data.batch(torch.full_like(rows, copy), rows)


# Copies


def test_copies_are_read_in_the_order_of_the_clips(tmp_path):
    for copy, scale in (("a", 1.0), ("b", 2.0)):
        content = {"clips": ["x", "y"], "frames": scale * torch.arange(5.0).half(), "lengths": torch.tensor([2, 3])}
        save_tensors(content, tmp_path / f"{copy}.pt")
    paths = [tmp_path / "a.pt", tmp_path / "b.pt"]
    data = CopiedClips.read(paths, pd.DataFrame({"clip": ["y", "x"], "emotion": ["sad", "calm"]}))
    assert [[clip.tolist() for clip in copy] for copy in data.copies] == [[[2, 3, 4], [0, 1]], [[4, 6, 8], [0, 2]]]
    assert [EMOTIONS[label] for label in data.labels.tolist()] == ["sad", "calm"]
    with pytest.raises(ValueError, match=r"a\.pt: lacks 1 clips, first \['z'\]"):
        CopiedClips.read(paths, pd.DataFrame({"clip": ["z"], "emotion": ["sad"]}))


def test_a_batch_takes_each_clip_from_its_copy_and_pads_it():
    data = clips(4)
    copies, rows = torch.tensor([1, 0, 1]), torch.tensor([3, 0, 2])
    frames, lengths = data.batch(copies, rows)
    assert (frames.dtype, frames.shape[1]) == (torch.float32, int(lengths.max()))
    for index, (copy, row) in enumerate(zip(copies.tolist(), rows.tolist(), strict=True)):
        assert torch.equal(frames[index, : lengths[index]], data.copies[copy][row].float())
        assert frames[index, lengths[index] :].eq(0).all()


def test_a_part_has_the_chosen_clips_of_all_copies():
    data = clips(4)
    part = data.part(torch.tensor([False, True, False, True]))
    assert part.labels.tolist() == [1, 3]
    assert all(part.copies[copy][index] is data.copies[copy][row] for copy in (0, 1) for index, row in ((0, 1), (1, 3)))


# The attentive head


@pytest.mark.parametrize("width", [0, 8])
@pytest.mark.parametrize("training", [False, True])
def test_a_clip_padded_further_has_the_same_logits(width, training):
    config = dataclasses.replace(CONFIG, width=width, frame_dropout=0.0, dropout=0.0)
    head = attentive(config).train(training)
    torch.nn.init.normal_(head.pool.scores.weight)
    frames, lengths = all_of(clips(6))
    expected = head(frames, lengths)
    rubbish = 1000 * torch.randn(6, 9, LAYERS, WIDTH)
    torch.testing.assert_close(head(torch.cat([frames, rubbish], dim=1), lengths), expected, atol=1e-5, rtol=1e-5)


def test_a_clip_does_not_depend_on_its_batch():
    head, data = attentive(), clips(5)
    together = predict(head, data)
    alone = [predict(head, data.part(torch.arange(5) == row)) for row in range(5)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_predictions_are_the_mean_of_the_copies_log_probabilities():
    head, data = attentive().eval(), clips(5)
    expected = sum(head(*all_of(data, copy)).log_softmax(dim=1) for copy in (0, 1)) / 2
    torch.testing.assert_close(predict(head, data), expected, atol=1e-5, rtol=1e-5)


def test_the_mixture_is_a_weighted_sum_of_standardised_layers():
    mixture, data = LayerMixture(LAYERS, WIDTH), clips(8, noise=3.0)
    mixture.fit(data.copies[0])
    states = torch.cat(data.copies[0]).float()
    torch.testing.assert_close(mixture.mean, states.mean(dim=0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mixture.sd, states.std(dim=0, correction=0), atol=1e-4, rtol=1e-4)
    mixture.scores.data = torch.tensor([0.5, -1.0, 2.0])
    standardised = (states - mixture.mean) / mixture.sd
    expected = torch.einsum("flw,l->fw", standardised, torch.tensor([0.5, -1.0, 2.0]).softmax(dim=0))
    torch.testing.assert_close(mixture(states[None])[0], expected, atol=1e-4, rtol=1e-4)


def test_dropped_frames_are_of_the_clip_and_never_all():
    torch.manual_seed(0)
    mask = mask_of(torch.tensor([1, 1, 400]), 500)
    kept = drop_frames(mask, 0.3)
    assert kept[:2].sum(dim=1).tolist() == [1, 1]
    assert not kept[~mask].any()
    assert 240 < int(kept[2].sum()) < 320


def test_the_head_overfits_eight_clips_and_knows_others():
    data = clips(8)
    network = fitted(data)
    assert accuracy(network, data) == 1
    assert accuracy(fitted(clips(32)), clips(16, seed=1)) > 0.8


def test_the_layer_that_knows_weighs_most():
    weights = fitted(clips(32)).mixture.weights
    assert weights.argmax() == 1
    assert weights.sum().item() == pytest.approx(1)


def test_the_seed_decides_all_and_mixup_changes_it():
    short, data = dataclasses.replace(SCHEDULE, epochs=2), clips(16)
    first, again, other = (predict(fitted(data, short, seed), data) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, predict(fitted(data, short, 1, mixup=0.5), data))


def test_the_outcome_is_the_average_of_the_weights():
    data = clips(16)
    last, averaged = (
        fitted(data, dataclasses.replace(SCHEDULE, epochs=2, averaging_decay=decay)).mixture.scores
        for decay in (0.0, 0.9)
    )
    assert not torch.equal(last, averaged)


def test_a_loss_that_is_no_number_is_an_error():
    data = clips(8)
    data.copies[0][0][:] = torch.nan
    with pytest.raises(ValueError, match="the training loss of epoch 1 is nan: lower the learning rate"):
        fitted(data)


def test_held_out_clips_are_predicted_by_trainings_without_them():
    data = clips(6)
    table = pd.DataFrame({"split": ["train", "val", "test", "train", "test", "val"]})
    seen = []

    def train(known: CopiedClips) -> Attentive:
        seen.append(known.labels.tolist())
        return Attentive(attentive(seed=len(seen)), CONFIG, (LAYERS, WIDTH), CPU)

    logits, last = fit_twice(table, data, train)
    assert seen == [[0, 3], [0, 1, 3, 5]]
    assert logits[[0, 3]].eq(0).all()
    assert torch.equal(logits[[2, 4]], last.logits(data.part(torch.tensor(table["split"].eq("test")))))
    first = predict(attentive(seed=1), data.part(torch.tensor(table["split"].eq("val"))))
    assert torch.equal(logits[[1, 5]], first)


def test_a_run_trains_by_its_section_of_the_params():
    values = read_params(ROOT / "studies/encoders/params.yaml", "train_attentive")
    values["schedule"]["epochs"] = 2
    settings, data = build(Settings, values, "train_attentive"), clips(16)
    first, again, other = (Attentive.train(data, settings, seed, CPU).logits(data) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [("heads", 0, "1 or more"), ("width", -1, "0"), ("dropout", 1.0, "0 to below 1"), ("frame_dropout", -0.1, "0 to")],
)
def test_impossible_heads_are_refused(key, value, allowed):
    with pytest.raises(ParamsError, match=f"{key} is {value}; allowed: {allowed}"):
        dataclasses.replace(CONFIG, **{key: value})


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ParamsError, match="heads is 5; allowed: a divisor of 12"):
        attentive(dataclasses.replace(CONFIG, heads=5))


# Fine-tuning

VALUES = read_params(ROOT / "studies/encoders/params.yaml", "train_finetune") | {"threads": 1, "precision": "float32"}
VALUES |= {"encoder_learning_rate": 0.002, "layer_decay": 0.5, "last_layers": 1}
VALUES["schedule"] = dataclasses.asdict(SCHEDULE)
VALUES["head"] = dataclasses.asdict(CONFIG)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return save_encoder("whisper", tmp_path_factory.mktemp("weights") / "whisper")


@pytest.fixture(scope="module")
def heard(weights) -> CopiedClips:
    """What Whisper hears of eight clips, an emotion each, in two copies."""
    hear = load_hearing(weights)
    copies = [[hear(speechlike(0.3 + 0.03 * clip + copy / 50, clip)) for clip in range(8)] for copy in range(2)]
    return CopiedClips(copies, torch.arange(8))


def settings_of(mode: str, **changes: object) -> FinetuneSettings:
    return build(FinetuneSettings, VALUES | {"mode": mode} | changes, "train_finetune")


def finetuned(weights: Path, heard: CopiedClips, mode: str, epochs: int = 2, seed: int = 1) -> FineTuned:
    settings = settings_of(mode, schedule=VALUES["schedule"] | {"epochs": epochs})
    return Finetuned.train(heard, weights, settings, seed, CPU).network


def network_of(weights: Path, mode: str, **changes: object) -> FineTuned:
    torch.manual_seed(0)
    encoder, settings = load_tunable(weights), settings_of(mode, **changes)
    unfreeze(encoder, settings)
    head = AttentiveHead(settings.head, *encoder.shape, len(EMOTIONS))
    return FineTuned(encoder, head, resolve_precision(settings.precision, CPU))


def learning(network: torch.nn.Module) -> set[str]:
    return {name for name, weight in network.named_parameters() if weight.requires_grad}


@torch.inference_mode()
def test_states_in_a_padded_batch_are_those_of_each_clip_alone(weights, heard):
    encode, encoder = load_encoder(weights), load_tunable(weights)
    states, lengths = encoder(*all_of(heard))
    for clip in range(8):
        expected = encode(speechlike(0.3 + 0.03 * clip, clip)).transpose(0, 1)
        assert lengths[clip] == len(expected)
        torch.testing.assert_close(states[clip, : lengths[clip]], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_clip_padded_further_has_the_same_logits_when_fine_tuned(mode, weights, heard):
    network = network_of(weights, mode).eval()
    torch.nn.init.normal_(network.head.pool.scores.weight)
    inputs, lengths = all_of(heard)
    expected = network(inputs, lengths)
    for padding in (1, 2, 37):
        rubbish = 1000 * torch.randn(8, padding, inputs.shape[2])
        torch.testing.assert_close(
            network(torch.cat([inputs, rubbish], dim=1), lengths), expected, atol=1e-5, rtol=1e-5
        )


def test_adapters_alone_learn_and_the_pretrained_weights_stay(weights, heard):
    network = finetuned(weights, heard, "lora")
    assert all(name.startswith("head.") or "lora_" in name for name in learning(network))
    pretrained = dict(load_tunable(weights).named_parameters())
    trained = dict(network.encoder.named_parameters())
    assert [name for name in pretrained if name not in trained] != []  # those with adapters
    for name, weight in pretrained.items():
        base = trained.get(name)
        base = trained[".base_layer.".join(name.rsplit(".", 1))] if base is None else base
        assert torch.equal(base, weight), name
    assert all(trained[name].abs().sum() > 0 for name in trained if "lora_B" in name)


def test_every_product_of_every_layer_has_an_adapter_that_gets_gradients(weights, heard):
    network = network_of(weights, "lora")
    network(*all_of(heard)).square().sum().backward()
    with_gradient = {name for name, weight in network.encoder.named_parameters() if weight.grad is not None}
    assert len([name for name in with_gradient if "lora_A" in name]) == 2 * len(TunableWhisper.adapted)
    assert all("lora_" in name for name in with_gradient)


def test_adapters_start_as_no_change(weights, heard):
    torch.testing.assert_close(
        network_of(weights, "lora").encoder(*all_of(heard)), load_tunable(weights)(*all_of(heard))
    )


def test_the_last_layers_learn_and_those_below_do_not(weights):
    names = {name.removeprefix("encoder.encoder.") for name in learning(network_of(weights, "last"))}
    encoder = {name for name in names if not name.startswith("head.")}
    assert {name.split(".")[0] for name in encoder} == {"layers", "layer_norm"}
    assert {name.split(".")[1] for name in encoder if name.startswith("layers")} == {"1"}


def test_all_weights_learn_but_the_positions(weights):
    network = network_of(weights, "all")
    frozen = {name for name, _ in network.named_parameters()} - learning(network)
    assert frozen == {"encoder.encoder.embed_positions.weight"}


@pytest.mark.parametrize(
    ("mode", "rates"), [("all", [0.002, 0.001, 0.0005]), ("last", [0.002]), ("lora", [0.002, 0.001])]
)
def test_each_layer_learns_slower_than_the_one_above_it(mode, rates, weights):
    network = network_of(weights, mode)
    head, *encoder = rate_groups(network, settings_of(mode))
    assert head["lr"] == SCHEDULE.peak_learning_rate
    assert [group["lr"] for group in encoder] == pytest.approx(rates)
    grouped = [id(weight) for group in (head, *encoder) for weight in group["params"]]
    assert sorted(grouped) == sorted(id(weight) for weight in network.parameters() if weight.requires_grad)
    top = {id(weight) for weight in network.encoder.levels[-1][0].parameters()}
    assert {id(weight) for weight in encoder[0]["params"]} & top


@pytest.mark.parametrize("mode", MODES)
def test_fine_tuning_overfits_eight_clips(mode, weights, heard):
    network = finetuned(weights, heard, mode, epochs=40)
    assert accuracy(network, heard) == 1
    assert network.head.mixture.weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("mode", MODES)
def test_the_seed_decides_fine_tuning(mode, weights, heard):
    first, again, other = (predict(finetuned(weights, heard, mode, seed=seed), heard) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bfloat16_is_for_the_encoder_and_near_float32(weights, heard):
    exact, rounded = (network_of(weights, "all", precision=precision) for precision in ("float32", "bfloat16"))
    states, _ = rounded.states(*all_of(heard))
    assert states.dtype == torch.float32
    torch.testing.assert_close(states, exact.states(*all_of(heard))[0], atol=0.1, rtol=0.1)


def test_augmentation_sees_decibels(heard):
    off = dict.fromkeys((field.name for field in dataclasses.fields(Augmentation)), 0)
    inputs, lengths = all_of(heard)
    generator = torch.Generator().manual_seed(1)
    same, _ = AugmentedLogMel(Augmentation(**off))(inputs, lengths, generator)
    torch.testing.assert_close(same, inputs, atol=1e-5, rtol=1e-5)
    louder, _ = AugmentedLogMel(Augmentation(**off | {"gain_db": 4.0}))(inputs, lengths, generator)
    gains = (louder - inputs).flatten(1)
    torch.testing.assert_close(gains, gains[:, :1].expand_as(gains), atol=1e-5, rtol=0)
    assert 0.02 < gains.abs().max() <= 0.1  # 4 dB are 0.4 powers of ten, of which Whisper's log-mel has a quarter


def test_inputs_are_kept_frame_by_frame(heard):
    content = inputs_of(iter(heard.copies[0]))
    assert torch.equal(content["frames"], torch.cat(heard.copies[0]))
    assert content["lengths"].tolist() == heard.lengths[0].tolist()


def test_more_last_layers_than_there_are_is_an_error(weights):
    with pytest.raises(ParamsError, match="last_layers is 3; allowed: 1 to 2, the encoder's"):
        network_of(weights, "last", last_layers=3)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("mode", "first", "lora or last or all"),
        ("precision", "float8", "auto or float32 or bfloat16"),
        ("last_layers", 0, "1 or more"),
        ("layer_decay", 0.0, "above 0 to 1"),
        ("encoder_learning_rate", 1.0, "between 0 and 1"),
    ],
)
def test_impossible_fine_tuning_is_refused(key, value, allowed):
    with pytest.raises(ParamsError, match=f"train_finetune.{key} is {value!r}; allowed: {allowed}"):
        build(FinetuneSettings, VALUES | {key: value}, "train_finetune")


@pytest.mark.parametrize(("key", "value"), [("rank", 0), ("alpha", 0.0), ("dropout", 1.0)])
def test_impossible_adapters_are_refused(key, value):
    lora = VALUES["lora"] | {key: value}
    with pytest.raises(ParamsError, match=f"{key} is {value}; allowed: "):
        build(FinetuneSettings, VALUES | {"lora": lora}, "train_finetune")
