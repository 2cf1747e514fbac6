"""Pages opened in headless Chromium: what is drawn on them, and what their scripts complain of."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Nothing but the page: no first steps, no updates, no calls home
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
# For a page that is opened once, and read
ONCE = [
    "--enable-logging=stderr",  # the console's messages
    "--virtual-time-budget=30000",  # lets timers and promises run to their end
]
SVG = "{http://www.w3.org/2000/svg}"


class Page(NamedTuple):
    """A page after its scripts have run."""

    dom: str
    messages: list[str]  # of the console: errors of scripts and of loading among them


def open_page(path: Path, profile: Path) -> Page:
    """Open a local page with a new, empty profile."""
    run = _chromium(path, profile, "--dump-dom")
    return Page(run.stdout, re.findall(r":CONSOLE[:(]\d+\)?\] \"(.*)\", source: ", run.stderr))


def take_screenshot(path: Path, profile: Path, picture: Path, width: int = 1300, height: int = 4000) -> None:
    """Save the top of a local page as a PNG, that many pixels wide and high."""
    _chromium(path, profile, f"--screenshot={picture}", f"--window-size={width},{height}")


def _chromium(path: Path, profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [CHROMIUM, *FLAGS, *ONCE, f"--user-data-dir={profile}", *arguments, path.resolve().as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)


class Drawing(NamedTuple):
    """A plot as Vega drew it."""

    marks: int  # lines, bars, cells, …; without axes, titles and legends
    texts: set[str]
    numbers_are_finite: bool


def read_drawings(dom: str) -> dict[str, list[Drawing]]:
    """Return what is drawn in each place that has an id, by that id; a place with nothing has an empty list."""
    drawings: dict[str, list[Drawing]] = {}
    for part in re.split(r"<div [^>]*?(?=\bid=)", dom)[1:]:
        (name,) = re.findall(r'^id="([^"]*)"', part) or [""]
        drawings[name] = [
            _read_drawing(svg) for svg in re.findall(r'<svg [^>]*class="marks".*?</svg>', part, re.DOTALL)
        ]
    return drawings


def _read_drawing(text: str) -> Drawing:
    svg = ET.fromstring(text.replace("&nbsp;", " "))
    groups = [group for group in svg.iter(f"{SVG}g") if "role-mark" in group.get("class", "").split()]
    geometry = " ".join(
        value for element in svg.iter() for name, value in element.items() if name in ("d", "transform")
    )
    return Drawing(
        marks=sum(len(group) for group in groups),
        texts={"".join(text.itertext()) for text in svg.iter(f"{SVG}text")},
        numbers_are_finite=not re.search(r"nan|infinity|undefined|null", geometry, re.IGNORECASE),
    )
