"""Push results, the run cache and the reports of each run in it to the default remote, for `dvc repro --pull`.

`dvc push --run-cache` does not push the reports, the outputs with `cache: false` that DVC's cache keeps for each run. A
training has one, its history. Without it the training is not restored from the remote: it trains again.
"""

import contextlib

from dvc.exceptions import DvcException
from dvc.repo import Repo

from ser.storage.errors import reporting


def main() -> None:
    try:
        with Repo() as repo:
            files, runs = push(repo)
    except DvcException as error:
        raise SystemExit(f"push: {error}") from error
    print(f"{files} files pushed, and {runs} runs")


def push(repo: Repo) -> tuple[int, int]:
    """Push all that a clone needs; return how many files were not there yet, and how many runs may be restored."""
    files = repo.push()
    runs = repo.stage_cache.push(None)
    with contextlib.chdir(repo.root_dir):  # where DVC expects the outputs of runs
        used = repo.stage_cache.get_used_objs(runs)
    for odb, objects in used.items():
        here = {item for item in objects if (odb or repo.cache.local).exists(item.value)}
        files += len(repo.cloud.push(here, odb=odb).transferred)
    return files, len(runs)


if __name__ == "__main__":
    with reporting("push"):
        main()
