"""`ser predict`, `ser models`, `ser card`, `ser serve`: who sounds how, when, and how surely."""

import argparse
import os
import sys
from typing import Any

import ser.inference.one_core  # noqa: F401  (first: numpy reads the environment when it is imported)
from ser.inference.outputs.formats import FORMATS
from ser.inference.settings import DEFAULT_MODEL, PredictSettings, parse_raw

PREDICT = """
examples:
  ser predict clip.wav                             one line: what it sounds like
  ser predict call.m4a                             a timeline: a window of 3 s each second of speech
  ser predict call.m4a --timeline call.png         and a picture of it (or .svg)
  ser predict recordings/ 'more/**/*.mp3'          folders and patterns
  ser predict recordings/ --out all.csv --jobs 4   into a file, four at once; the same command goes on after a stop
  ser predict call.wav --channels separate         each channel for itself, such as both ends of a call
  ser predict call.wav --format audacity --out call.txt    labels for Audacity (textgrid: Praat, vtt: subtitles)
  ser predict a.wav b.wav --format vtt --out folder        these formats: a file each, in a folder
  ser predict recordings/ --out audio.parquet      an audio branch for fusion with others
  ser predict film.mp4 --window-s 2 --hop-s 0.5    finer in time, less sure
  ser predict call.wav --min-confidence 0.7        "uncertain" more often
  ser predict calls/ --adapt recording             by how each voice mostly sounds; see docs/VOICES.md first
  ser predict calls/ --adapt speaker --speakers who.csv --voices known.json    by speaker, kept for the next run
  ser predict call.wav --model folder/of/a/bundle  another model; `ser models` lists those at hand
  ffmpeg -i http://… -f wav - | ser predict -      a stream: a line of JSON each hop, while it comes in
  arecord -r 16000 -f S16_LE -t raw | ser predict - --raw 16000,1,s16    the same from a microphone
"""
SERVE = """
examples:
  ser serve                                        a page and a service on http://127.0.0.1:8000/, for this computer
  curl --form file=@clip.wav http://127.0.0.1:8000/v1/predict    what `ser predict clip.wav --format json` prints
  ser serve --host 0.0.0.0 --port 80               for others too; see docs/SERVICE.md first
  ser serve --model compact --model FOLDER         two models; a request may name one
  ser serve --allow-origin https://example.org     pages of that site may ask, too
"""
# Option: its least and most stand in ser/service/settings.py
LIMITS = {
    "max_mb": "MB of a request",
    "max_duration_s": "seconds of a recording",
    "timeout_s": "seconds that hearing one may take",
    "memory_mb": "MB of memory that hearing one may take",
    "at_once": "requests under way at once",
    "queue": "recordings that wait for a process",
    "connections": "connections at once",
}
DONE, FAILED, MISUSED, STOPPED = 0, 1, 2, 130  # exit status


def main(arguments: list[str] | None = None) -> None:
    """Run a command line; end with its exit status."""
    parsed = parse(arguments)
    try:
        status = run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = DONE
    except KeyboardInterrupt:
        print(
            "\nser: stopped." + (" The same command goes on." if getattr(parsed, "out", None) else ""), file=sys.stderr
        )
        status = STOPPED
    except (OSError, ValueError) as error:
        print(f"ser: {error}", file=sys.stderr)
        status = FAILED
    sys.exit(status)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read a command line; SystemExit says how it is wrong."""
    parser = argparse.ArgumentParser(prog="ser", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="predict | models | card | serve")
    raw = argparse.RawDescriptionHelpFormatter
    predict = commands.add_parser("predict", help="hear recordings", epilog=PREDICT, formatter_class=raw)
    predict.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, pattern, or - for standard input")
    predict.add_argument("--model", default=DEFAULT_MODEL, help="name or folder of a bundle (default: %(default)s)")
    predict.add_argument("--format", choices=FORMATS, help="default: by the suffix of --out, else table")
    predict.add_argument("--out", metavar="FILE", help="write there; a folder for audacity, textgrid, vtt of several")
    predict.add_argument("--timeline", metavar="PICTURE", help="draw it: .png or .svg")
    predict.add_argument("--window-s", type=float, default=3.0, help="seconds that an answer hears (default: 3)")
    predict.add_argument("--hop-s", type=float, default=1.0, help="seconds from one answer to the next (default: 1)")
    predict.add_argument(
        "--min-confidence", type=float, metavar="P", help='below it: "uncertain" (default: the model\'s)'
    )
    predict.add_argument(
        "--channels", choices=("mix", "separate"), default="mix", help="their mean, or each for itself"
    )
    predict.add_argument("--jobs", type=int, default=1, metavar="N", help="files at once (default: 1)")
    predict.add_argument(
        "--raw",
        type=parse_raw,
        metavar="HZ,CHANNELS,FORMAT",
        help="what - holds, if no WAV: u8 s16 s24 s32 f32 f64 alaw mulaw",
    )
    predict.add_argument(
        "--adapt",
        choices=("recording", "speaker"),
        help="hear all of it first, then answer by how this voice mostly sounds. A voice that is angry throughout "
        "comes out as neutral: only for voices that are heard in several moods (default: off)",
    )
    predict.add_argument("--speakers", metavar="TABLE", help="CSV with path and speaker, for --adapt speaker")
    predict.add_argument("--voices", metavar="FILE", help="small JSON file of voices, kept and added to by each run")
    example = "example:\n  ser models"
    commands.add_parser("models", help="list the models with their figures", epilog=example, formatter_class=raw)
    example = "example:\n  ser card compact"
    card = commands.add_parser("card", help="print a model's card", epilog=example, formatter_class=raw)
    card.add_argument("model", metavar="MODEL", help="name or folder of a bundle")
    _add_serve(commands)
    return parser.parse_args(arguments)


def _add_serve(commands: Any) -> None:
    """Options without a default here have one in ser/service/settings.py."""
    serve = commands.add_parser(
        "serve",
        help="answer requests over HTTP",
        epilog=SERVE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    serve.add_argument("--host", help="address to listen at (default: 127.0.0.1, for this computer alone)")
    serve.add_argument("--port", type=int, help="0: any that is free (default: 8000)")
    serve.add_argument("--model", action="append", help=f"name or folder of a bundle (default: {DEFAULT_MODEL})")
    serve.add_argument("--workers", type=int, metavar="N", help="processes that hear (default: one a processor)")
    serve.add_argument("--page", metavar="FOLDER", help="the page's files (default: those that came with this package)")
    serve.add_argument("--allow-origin", action="append", metavar="ORIGIN", help="of another site's page that may ask")
    for name, meaning in LIMITS.items():
        serve.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"most {meaning}")


def run(parsed: argparse.Namespace) -> int:
    """Run a parsed command line and return the exit status."""
    if parsed.command == "models":
        from ser.inference.models import describe_all

        print(describe_all())
        return DONE
    if parsed.command == "card":
        from ser.inference.bundles import find_bundle

        print(find_bundle(parsed.model).card)
        return DONE
    if parsed.command == "serve":
        _serve({key: value for key, value in vars(parsed).items() if key != "command"})
        return DONE
    from ser.inference.predicting import predict

    values = {key: value for key, value in vars(parsed).items() if key != "command"}
    return FAILED if predict(PredictSettings(**values)) else DONE


def _serve(values: dict[str, Any]) -> None:
    if not sys.platform.startswith("linux"):
        raise ValueError("`ser serve` needs Linux. Elsewhere, run it in a container (docs/SERVICE.md).")
    try:
        from ser.service.serving import serve
        from ser.service.settings import ServeSettings
    except ModuleNotFoundError as error:
        raise ValueError(f"`ser serve` needs the package {error.name}. Install it: `pip install '.[serve]'`") from error
    serve(ServeSettings(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}))
