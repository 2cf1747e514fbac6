"""`ser predict`: hears what is asked for, and writes it."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ser.adaptation.adapter import Adapter
from ser.inference.adapting import adapt_each, adapt_speakers, adapter_of, read_speakers
from ser.inference.bundles import Bundle, find_bundle
from ser.inference.hearing import HearingSettings, hear_files, hear_sound
from ser.inference.inputs import find_files
from ser.inference.journal import Journal
from ser.inference.outputs.about import About
from ser.inference.outputs.formats import OF_ONE, print_found, write_file, write_folder
from ser.inference.outputs.names import unique_names
from ser.inference.outputs.records import row_record
from ser.inference.progress import progress
from ser.inference.rows import Heard, Problem, RecordingError
from ser.inference.settings import STANDARD_INPUT, PredictSettings
from ser.inference.standard_input import open_standard_input
from ser.inference.streaming import follow


def predict(settings: PredictSettings) -> list[Problem]:
    """Hear and write; return what could not be heard, after listing it on standard error."""
    bundle = find_bundle(settings.model)
    about = describe(bundle, settings)
    adapter = adapter_of(bundle) if settings.adapt else None
    try:
        if settings.streams:
            problems = _stream(settings, bundle, about)
        elif settings.paths == [STANDARD_INPUT]:
            problems = _predict_stream_as_file(settings, bundle, about, adapter)
        else:
            problems = _predict_files(settings, bundle, about, adapter)
    except ModuleNotFoundError as error:
        raise ValueError(f"this needs the package {error.name}. Install it: `pip install {error.name}`") from error
    if problems:
        listed = "".join(f"\n  {one.name}: {one.reason}. {one.remedy}" for one in problems)
        print(f"ser: {len(problems)} could not be heard:{listed}", file=sys.stderr)
    return problems


def describe(bundle: Bundle, settings: PredictSettings) -> About:
    """Return what the outputs say of the model and the settings."""
    least = bundle.min_confidence if settings.min_confidence is None else settings.min_confidence
    licence = str(bundle.config.get("licence", "see the model's card"))
    rate_hz, revision = bundle.sample_rate_hz, str(bundle.config["revision"])
    return About(bundle.name, revision, licence, rate_hz, settings.window_s, settings.hop_s, least)


def _hearing(settings: PredictSettings) -> HearingSettings:
    separate = settings.channels == "separate"
    return HearingSettings(settings.window_s, settings.hop_s, separate, settings.timeline is not None)


def _stream(settings: PredictSettings, bundle: Bundle, about: About) -> list[Problem]:
    """Print a line a hop while standard input comes in."""
    _ = bundle.session  # before the first hop, not in it
    try:
        sound = open_standard_input(settings.raw)
        for row in follow(sound, bundle, settings.window_s, settings.hop_s, settings.channels == "separate"):
            print(json.dumps({"recording": STANDARD_INPUT} | row_record(row, about.min_confidence)), flush=True)
    except RecordingError as error:
        return [Problem("standard input", error.reason, error.remedy)]
    return []


def _predict_stream_as_file(
    settings: PredictSettings, bundle: Bundle, about: About, adapter: Adapter | None
) -> list[Problem]:
    try:
        sound = open_standard_input(settings.raw)
        found = hear_sound(STANDARD_INPUT, sound, bundle, _hearing(settings))
    except RecordingError as error:
        return [Problem("standard input", error.reason, error.remedy)]
    if adapter is not None:
        found = next(adapt_each([found], adapter, settings.window_s))
    list(_drawn([found], settings, about, [STANDARD_INPUT]))
    if settings.out is None:
        print_found(settings.output_format, [found], about, sys.stdout)
    else:
        write_file(settings.output_format, [found], about, Path(settings.out))
    return []


def _predict_files(settings: PredictSettings, bundle: Bundle, about: About, adapter: Adapter | None) -> list[Problem]:
    paths = find_files(settings.paths)
    adapt = _adaptation(paths, settings, bundle, adapter)
    if settings.out is None and settings.output_format in OF_ONE and len(paths) > 1:
        raise ValueError(f"{settings.output_format} holds one recording: give --out a folder for these {len(paths)}")
    with progress(len(paths)) as bar:

        def hear(chosen: list[Path]) -> Iterator[Heard | Problem]:
            found = adapt(_hear(chosen, bundle, settings, bar.sound))
            return bar.files(_drawn(found, settings, about, list(map(str, paths))))

        if settings.out is None:
            return _print(hear(paths), settings, about)
        return _write(paths, hear, settings, about, Path(settings.out))


def _adaptation(
    paths: list[Path], settings: PredictSettings, bundle: Bundle, adapter: Adapter | None
) -> Callable[[Iterable[Heard | Problem]], Iterable[Heard | Problem]]:
    """Return what becomes of everything heard, by --adapt; ValueError lists recordings without a speaker."""
    if adapter is None:
        return lambda found: found
    if settings.speakers is None:
        return lambda found: adapt_each(found, adapter, settings.window_s)
    speakers = read_speakers(Path(settings.speakers), [str(path) for path in paths])
    kept, revision = None if settings.voices is None else Path(settings.voices), str(bundle.config["revision"])
    return lambda found: adapt_speakers(found, speakers, adapter, settings.window_s, kept, revision)


def _hear(
    paths: list[Path], bundle: Bundle, settings: PredictSettings, passed: Callable[[float], object]
) -> Iterator[Heard | Problem]:
    if settings.jobs > 1 and len(paths) > 1:
        from ser.inference.processes import hear_in_processes  # one process needs nothing of it

        return hear_in_processes(paths, bundle, _hearing(settings), min(settings.jobs, len(paths)))
    return hear_files(paths, bundle, _hearing(settings), passed)


def _print(found: Iterable[Heard | Problem], settings: PredictSettings, about: About) -> list[Problem]:
    problems: list[Problem] = []

    def noting() -> Iterator[Heard | Problem]:
        for one in found:
            problems.extend([one] if isinstance(one, Problem) else [])
            yield one

    print_found(settings.output_format, noting(), about, sys.stdout)
    return problems


def _write(
    paths: list[Path],
    hear: Callable[[list[Path]], Iterator[Heard | Problem]],
    settings: PredictSettings,
    about: About,
    out: Path,
) -> list[Problem]:
    """Hear what no stopped run has heard, then write all together."""
    asked = dataclasses.asdict(about) | {"channels": settings.channels, "timeline": settings.timeline}
    journal = Journal(out, asked | {"adapt": settings.adapt}, embeddings=settings.output_format == "parquet")
    if settings.adapt == "speaker":  # whose recordings are heard together, or anew
        journal.delete()
        journal = Journal(out, asked | {"adapt": settings.adapt}, embeddings=settings.output_format == "parquet")
    problems = []
    for one in hear([path for path in paths if not journal.holds(path)]):
        if isinstance(one, Heard):
            journal.add(one)
        else:
            problems.append(one)
    found: Iterable[Any] = [*problems] if len(problems) == len(paths) else _chain(journal.read(paths), problems)
    if settings.writes_folder(len(paths)):
        write_folder(settings.output_format, found, about, out, [str(path) for path in paths])
    else:
        write_file(settings.output_format, found, about, out)
    journal.delete()
    return problems


def _chain(heard: Iterator[Heard], problems: list[Problem]) -> Iterator[Heard | Problem]:
    yield from heard
    yield from problems


def _drawn(
    found: Iterable[Heard | Problem], settings: PredictSettings, about: About, names: list[str]
) -> Iterator[Heard | Problem]:
    """Pass on what is found, and draw it if a picture is wanted; of several recordings, one each."""
    stems = unique_names(names)
    for one in found:
        if settings.timeline is not None and isinstance(one, Heard):
            from ser.inference.timeline import draw

            picture = Path(settings.timeline)
            several = picture.with_name(f"{picture.stem}-{stems[one.name]}{picture.suffix}")
            draw(one, about, several if len(names) > 1 else picture)
        yield one
