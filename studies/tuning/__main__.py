"""Search a model's hyperparameters: features, studies/tuning/params.yaml → results/<model>/, changed params."""

import argparse
from pathlib import Path

from ser.evaluation.plotting import label, save_figure
from ser.storage.errors import reporting
from ser.storage.files import write_json, write_table
from studies.tuning.figures import draw_history, draw_importances
from studies.tuning.models import MODELS, plan
from studies.tuning.outcome import measure_importances, summarise, tabulate
from studies.tuning.proposal import propose, show_difference
from studies.tuning.search import Search, run

RESULTS = Path("studies/tuning/results")
DIGITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m studies.tuning", description=__doc__)
    parser.add_argument("model", help=f"one of {', '.join(MODELS)}")
    parser.add_argument("trials", type=int, help="finished trials that the study shall have in all")
    parser.add_argument("--workers", type=int, default=1, help="processes; with several, the order of trials varies")
    parser.add_argument("--dry-run", action="store_true", help="leave the params as they are")
    arguments = parser.parse_args()
    if arguments.trials < 1 or arguments.workers < 1:
        parser.error(f"trials and workers are 1 or more, found {arguments.trials} and {arguments.workers}")
    with reporting("tune"):
        search = plan(arguments.model)
        print(f"study: {search.path}", flush=True)
        best = report(arguments.model, search, arguments.trials, arguments.workers)
        print(conclude(arguments.model, search, best, arguments.dry_run))


def report(name: str, search: Search, trials: int, workers: int) -> dict:
    """Run the search, write its tables and figures, and return the best trial."""
    study = run(search, trials, workers)
    table, folder = tabulate(study, search), RESULTS / name
    best = summarise(table, search) | {"importances": measure_importances(study)}
    write_table(table, folder / "trials.csv", DIGITS)
    write_json(best, folder / "best.json")
    start = f"UAR {best['baseline_uar']:.3f} at the start, mean of {len(search.settings.folds)} folds"
    save_figure(draw_history(table, f"Search for {label(name)}: {start}"), folder / "history.png")
    if best["importances"]:
        complete = best["trials"]["complete"]
        figure = draw_importances(best["importances"], f"{label(name)}, {complete} complete trials")
        save_figure(figure, folder / "importances.png")
    return best


def conclude(name: str, search: Search, best: dict, dry_run: bool) -> str:
    """Write the best trial's values into the params, unless they are there already; say what became of it."""
    params, section = MODELS[name].params, MODELS[name].section
    said = (
        f"{RESULTS / name}: best trial {best['trial']}, UAR {best['uar']:.4f} on validation speakers, "
        f"{best['gain']:+.4f} on the values at the start"
    )
    if best["baseline"] or best["values"] == search.present:
        return f"{said}. {params} stays as it is."
    if dry_run:
        return f"{said}. {section} of {params} would get {best['values']}."
    propose(params, section, best["values"])
    return f"{said}, now proposed in {params}: docs/TUNING.md says how to decide on it.\n" + show_difference(params)


if __name__ == "__main__":
    main()
