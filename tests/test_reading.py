"""Recordings of many formats → samples, or a refusal in one line."""

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from ser.inference.decoders import wav
from ser.inference.reading import open_recording
from ser.inference.rows import RecordingError

RATE_HZ = 48_000
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
STEREO = np.stack([TONE, -0.5 * TONE], axis=1)
# libsndfile's name of format and subtype, and how far samples may be off
STORED = {
    ("WAV", "PCM_U8"): 1e-2,
    ("WAV", "PCM_16"): 1e-4,
    ("WAV", "PCM_24"): 1e-6,
    ("WAV", "PCM_32"): 1e-6,
    ("WAV", "FLOAT"): 1e-6,
    ("WAV", "DOUBLE"): 1e-6,
    ("WAV", "ALAW"): 2e-2,
    ("WAV", "ULAW"): 2e-2,
    ("WAV", "IMA_ADPCM"): 0.1,
    ("WAVEX", "PCM_24"): 1e-6,
    ("RF64", "PCM_16"): 1e-4,
    ("W64", "PCM_16"): 1e-4,
    ("AIFF", "PCM_16"): 1e-4,
    ("AIFF", "FLOAT"): 1e-6,
    ("AU", "PCM_16"): 1e-4,
    ("CAF", "PCM_16"): 1e-4,
    ("FLAC", "PCM_16"): 1e-4,
    ("FLAC", "PCM_24"): 1e-6,
    ("OGG", "VORBIS"): 0.1,
    ("OGG", "OPUS"): 0.1,
    ("MP3", "MPEG_LAYER_III"): 0.1,
}
FILMED = {
    "a.m4a": "aac",
    "a.mp4": "aac",
    "a.webm": "libopus",
    "a.mka": "flac",
    "a.ogg": "libopus",
    "a.mov": "pcm_s16le",
}


def read(path: Path) -> tuple[np.ndarray, int]:
    sound = open_recording(path)
    blocks = list(sound.blocks)
    assert all(block.dtype == np.float32 and block.shape[1] == sound.channels for block in blocks)
    return np.concatenate(blocks), sound.sample_rate_hz


def write_film(path: Path, codec: str, sound: np.ndarray = STEREO, seconds: int = 1) -> None:
    """Write (time, 2) at RATE_HZ with FFmpeg, so many times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE_HZ, layout="stereo")
        samples = np.ascontiguousarray(np.tile(sound, (seconds, 1)).T.astype(np.float32))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        size = stream.codec_context.frame_size or 1024
        converter = av.AudioResampler(stream.format, "stereo", RATE_HZ, frame_size=size)
        for part in [*converter.resample(frame), *converter.resample(None), None]:
            container.mux(stream.encode(part))


@pytest.mark.parametrize(("kind", "subtype"), STORED, ids=" ".join)
def test_files_of_libsndfile_give_their_samples(tmp_path, kind, subtype):
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, STEREO, RATE_HZ, format=kind, subtype=subtype)
    samples, rate_hz = read(path)
    assert rate_hz == RATE_HZ
    assert 0 <= len(samples) - len(STEREO) <= 2048  # some formats store whole blocks
    middle = slice(2_000, 40_000)
    np.testing.assert_allclose(samples[middle], STEREO[middle], rtol=0, atol=STORED[kind, subtype])


@pytest.mark.parametrize("name", FILMED)
def test_files_of_ffmpeg_give_their_sound(tmp_path, name):
    write_film(tmp_path / name, FILMED[name])
    samples, rate_hz = read(tmp_path / name)
    assert rate_hz == RATE_HZ
    assert abs(len(samples) - RATE_HZ) <= 2048
    spectrum = np.abs(np.fft.rfft(samples[:RATE_HZ, 0]))
    assert spectrum.argmax() * RATE_HZ / min(len(samples), RATE_HZ) == pytest.approx(440, abs=1)
    assert samples[5_000:40_000].std(axis=0) == pytest.approx(STEREO[5_000:40_000].std(axis=0), rel=0.05)


@pytest.mark.parametrize("rate_hz", [4_000, 11_025, 44_099, 192_000])
@pytest.mark.parametrize("channels", [1, 3, 32])
def test_any_rate_and_number_of_channels_is_read(tmp_path, rate_hz, channels):
    sound = np.random.default_rng(0).uniform(-1, 1, (rate_hz // 5, channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, rate_hz, subtype="FLOAT")
    samples, found_hz = read(tmp_path / "a.wav")
    assert found_hz == rate_hz
    np.testing.assert_array_equal(samples, sound)


@pytest.mark.parametrize("tag", ["ALAW", "ULAW"])
def test_every_code_of_the_telephone_formats_is_decoded_as_libsndfile_does(tmp_path, tag):
    path, codes = tmp_path / "a.wav", bytes(range(256)) * 8
    soundfile.write(path, np.zeros(len(codes)), 8_000, subtype=tag)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"data") + 8] + codes)
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(read(path)[0][:, 0], expected)


def wav_file(**changes: int) -> bytes:
    """A WAV file of 16 bits, whose header's fields may say something else."""
    fields = {"tag": 1, "channels": 1, "rate": 16_000, "second": 32_000, "frame": 2, "bits": 16, "data": 8_000}
    fields |= changes
    samples = (np.sin(np.arange(4_000)) * 9_000).astype("<i2").tobytes()
    order = ("tag", "channels", "rate", "second", "frame", "bits")
    form = struct.pack("<HHIIHH", *(fields[name] for name in order))
    return (
        b"RIFF"
        + struct.pack("<I", 36 + 8_000)
        + b"WAVEfmt \x10\0\0\0"
        + form
        + struct.pack("<4sI", b"data", fields["data"])
        + samples
    )


@pytest.mark.parametrize("unknown", [0, 0xFFFFFFFF])
def test_a_size_that_the_writer_did_not_know_means_up_to_the_end(tmp_path, unknown):
    (tmp_path / "a.wav").write_bytes(wav_file(data=unknown))
    assert len(read(tmp_path / "a.wav")[0]) == 4_000


REFUSED = {
    "empty": (b"", "empty: 0 bytes"),
    "text": (b"I am no recording. " * 99, "no recording that can be decoded"),
    "cut": (wav_file()[:-10], "cut short: 10 bytes fewer than its header says"),
    "ends in its header": (wav_file()[:30], "ends within its header"),
    "a rate that bytes a second contradict": (wav_file(rate=48_000), "its header contradicts itself"),
    "channels that the frame contradicts": (wav_file(channels=2), "its header contradicts itself"),
    "too low a rate": (wav_file(rate=2_000, second=4_000), "has 2000 samples a second; 4000 to 192000 are heard"),
    "too short": (wav_file(data=800)[:-7_200], r"lasts 0.03 s; at least 0.1 s are needed"),
    "a playlist": (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "no recording that can be decoded"),
    "a list of files": (b"ffconcat version 1.0\nfile a.wav\n", "no recording that can be decoded"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_heard_is_refused_in_one_line_that_says_what_to_do(tmp_path, what):
    content, message = REFUSED[what]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(RecordingError, match=message) as refused:
        read(tmp_path / "a.wav")
    assert "\n" not in str(refused.value)
    assert len(refused.value.remedy) > 5


@pytest.mark.parametrize("share", [0.6, 0.99])  # the last page of Ogg begins before the latter
@pytest.mark.parametrize("kind", ["FLAC", "OGG", "AIFF"])
def test_a_file_that_was_cut_is_refused(tmp_path, kind, share):
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (RATE_HZ, 1)), RATE_HZ, format=kind)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(RecordingError, match=r"cut short|damaged"):
        read(path)


@pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.mka"])
def test_a_film_that_was_cut_is_refused(tmp_path, name):
    path = tmp_path / name
    write_film(path, FILMED[name], seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(RecordingError, match=r"cut short|decoded"):
        read(path)


@pytest.mark.parametrize("sample", [np.nan, np.inf, 1e30])
def test_samples_that_are_no_numbers_are_refused(tmp_path, sample):
    sound = TONE.astype(np.float32)
    sound[100] = sample
    soundfile.write(tmp_path / "a.wav", sound, RATE_HZ, subtype="FLOAT")
    with pytest.raises(RecordingError, match="no finite numbers"):
        read(tmp_path / "a.wav")


def test_33_channels_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((16_000, 33)), 16_000)
    with pytest.raises(RecordingError, match="has 33 channels; 1 to 32 are heard"):
        read(tmp_path / "a.wav")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(RecordingError, match=r"No such file|Is a directory"):
            read(path)


def test_raw_samples_are_refused_with_the_way_to_hear_them(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(32_000))
    with pytest.raises(RecordingError, match="--raw 16000,1,s16"):
        read(tmp_path / "a.raw")


def test_large_files_come_in_blocks(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((3_000_000, 1), np.int16), 16_000)
    assert max(len(block) for block in open_recording(tmp_path / "a.wav").blocks) <= 2**20


def test_a_pipe_that_gives_single_bytes_gives_the_same_samples():
    class Trickle(io.BytesIO):
        def read1(self, size: int = -1) -> bytes:
            return self.read(1)

    file = Trickle(wav_file())
    sound = wav.read_samples(file, wav.read_header(file))
    expected = (np.sin(np.arange(4_000)) * 9_000).astype(np.int16) / np.float32(2**15)
    np.testing.assert_array_equal(np.concatenate(list(sound.blocks))[:, 0], expected)
