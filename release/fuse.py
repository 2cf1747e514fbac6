"""Fuse CompactNet and the encoder fold by fold: the runs of both in ../studies → release/runs."""

from release.settings import FUSED_RUNS, MEMBERS, runs_of
from ser.evaluation.fused_runs import fuse_runs
from ser.storage.errors import reporting
from ser.storage.files import replacing_folder


def main() -> None:
    with reporting("fuse"), replacing_folder(FUSED_RUNS) as temporary:
        fuse_runs({member: runs_of(member) for member in MEMBERS}, temporary)


if __name__ == "__main__":
    main()
