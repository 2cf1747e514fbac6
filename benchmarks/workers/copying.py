"""Copies this project with other params: what that imports shall not count as memory of the process that measures."""

import json
import sys
from pathlib import Path

from scripts.demo import copy_project


def main() -> None:
    folder, overrides = sys.argv[1:]
    copy_project(Path(folder), json.loads(overrides))


if __name__ == "__main__":
    main()
