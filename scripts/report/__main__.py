"""Compare two revisions' dvc.lock, params, metrics and plots → report.md and report.html; fail by policy.yaml."""

import argparse
import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_render.exceptions import DvcRenderError

from scripts.checkout import require_git
from scripts.report.comparison import compare
from scripts.report.markdown import write_markdown
from scripts.report.page import write_page
from scripts.report.revisions import WORKSPACE
from scripts.report.tables import failures, verdict
from ser.storage.errors import reporting


def main() -> None:
    parser = argparse.ArgumentParser(prog="report", description=__doc__)
    parser.add_argument("--base", required=True, help="commit, branch, tag or experiment to compare with")
    parser.add_argument("--head", default=WORKSPACE, help="the revision to judge (default: the files as they are)")
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder to write to (default: report)")
    parser.add_argument("--policy", type=Path, default=Path("policy.yaml"), help="default: policy.yaml")
    parser.add_argument("--report-only", action="store_true", help="exit with 0 whatever the verdict")
    arguments = parser.parse_args()
    try:
        require_git(Path.cwd())
        with Repo() as repo:
            comparison = compare(repo, arguments.base, arguments.head, arguments.policy)
    except (OSError, ValueError, DvcException, DvcRenderError) as error:
        raise SystemExit(f"report: {error}") from error
    markdown = write_markdown(comparison, arguments.out)
    page = write_page(comparison, arguments.out)
    print(f"{verdict(comparison)}\n{markdown}\n{page}")
    sys.exit(bool(failures(comparison)) and not arguments.report_only)


if __name__ == "__main__":
    with reporting("report"):
        main()
