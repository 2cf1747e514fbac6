# `make` lists the targets. Each sets up .venv first, where it is missing, unusable or older than the requirements.

PYTHON ?= python3
SEEDS ?= 42 43 44
HEAD ?= workspace
OUT ?= report
ARGS ?=
# Processes: of tests (a file's tests stay in one, as they share what they prepare); of a search, one unless it is given
WORKERS ?= 2

BIN := .venv/bin
INSTALLED := .venv/.installed
# The commands in dvc.yaml say `python`, and shall get that of .venv
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# A terminal that cannot show a letter shows `?`
export PYTHONIOENCODING := :replace
# DVC asks for the name of the user, whom a container may not know
export LOGNAME ?= $(shell id -un 2>/dev/null || id -u)
# A git hook names its repository to its commands; ours are for this one
unexport $(filter-out GIT_CONFIG%,$(shell git rev-parse --local-env-vars 2>/dev/null))

# A relative path is one from where the user stands, which `make -C` and the stages leave
define absolute
ifneq ($(filter-out /% ~%,$(firstword $($(1)))),)
override $(1) := $(PWD)/$($(1))
export $(1)
endif
endef
$(foreach name,RAVDESS_SOURCE RAVDESS_SONG_SOURCE RAVDESS_CACHE ENCODER_SOURCE EMODB_SOURCE URDU_SOURCE CREMA_D_SOURCE \
	TESS_SOURCE SAVEE_SOURCE,$(eval $(call absolute,$(name))))

OLDEST := import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed (tested: 3.11 to 3.13), \
	found %s at %s. Name another: make PYTHON=python3.12" % (sys.version.split()[0], sys.executable))
# Nothing where .venv cannot be used: no such folder, a Python that is gone or too old, commands that name a folder
# which was renamed
USABLE := $(shell $(BIN)/python -c '$(OLDEST)' 2>/dev/null && $(BIN)/pip --version 2>/dev/null)
ifeq ($(USABLE),)
.PHONY: $(INSTALLED)
endif

.PHONY: help page serve demo repro results deps verify seeds report summary bench bench-profile equality tune lock-check push test test-all lint clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## Run the whole pipeline on a small synthetic corpus, offline, in .demo/
	$(BIN)/python -m scripts.demo

repro: $(INSTALLED)  ## Run what changed on RAVDESS (RAVDESS_SOURCE=archive or folder: no download)
	$(BIN)/python -m scripts.mend
	$(BIN)/dvc repro

page: $(INSTALLED)  ## Build the page in site/dist/ (needs npm; docs/PAGE.md)
	$(BIN)/python -m scripts.page $(ARGS)

serve: $(INSTALLED)  ## Answer on http://127.0.0.1:8000/ (ARGS="--port 80"; docs/SERVICE.md)
	$(BIN)/python -m ser.inference serve $(ARGS)

results: $(INSTALLED)  ## Run what changed in every project, studies included, in order (ARGS=--dry-run: say what)
	$(BIN)/python -m scripts.results $(ARGS)

deps: $(INSTALLED)  ## Write the lists of code in every dvc.yaml anew, after an import has changed
	$(BIN)/python -m scripts.deps

verify: $(INSTALLED)  ## Rerun the last commit in a clone and compare (UNTIL="split precompute_mfcc": that far)
	$(BIN)/python -m scripts.verify $(if $(UNTIL),--until $(UNTIL)) $(ARGS)

seeds: $(INSTALLED)  ## Repeat it with SEEDS="42 43 44" as experiments seed-42, …; summarise them in metrics/seeds.json
	$(BIN)/python -m scripts.seeds $(SEEDS)
	$(BIN)/python -m scripts.summarise_seeds $(SEEDS)

report: $(INSTALLED)  ## Compare with BASE=<rev> in report/; fails by policy.yaml (HEAD=<rev>, OUT=folder)
	@test -n "$(BASE)" || { echo "make report BASE=<rev>: a commit, branch, tag or experiment to compare with"; exit 2; }
	$(BIN)/python -m scripts.report --base "$(BASE)" --head "$(HEAD)" --out "$(OUT)" $(ARGS)

summary:  ## Show the last report; in CI on the page of the run
	@cat "$(OUT)/report.md" >> "$${GITHUB_STEP_SUMMARY:-/dev/stdout}"

lock-check: $(INSTALLED)  ## Name what changed since the runs behind each dvc.lock; needs no data
	$(BIN)/python -m scripts.check_lock

push: $(INSTALLED)  ## Push results and runs to the default remote (docs/REMOTE.md)
	$(BIN)/python -m scripts.push

bench: $(INSTALLED)  ## Measure speed and memory against the plain ways (ARGS="steps --repeats 5": some of it)
	$(BIN)/python -m benchmarks $(ARGS)

bench-profile: $(INSTALLED)  ## The same, with where the time goes
	$(BIN)/python -m benchmarks --profile $(ARGS)

equality: SEEDS = 42 43 44 45 46
equality: $(INSTALLED)  ## Train all models by SEEDS, as the stages and in plain PyTorch: are the scores equal? (hours)
	$(BIN)/python -m benchmarks.equality $(SEEDS) $(ARGS)

tune: WORKERS = 1
tune: $(INSTALLED)  ## Search hyperparameters: MODEL=compact TRIALS=40 (WORKERS=2; ARGS=--dry-run: params stay)
	@test -n "$(MODEL)" -a -n "$(TRIALS)" || { echo "make tune MODEL=<model> TRIALS=<in all>: docs/TUNING.md"; exit 2; }
	$(BIN)/python -m studies.tuning $(MODEL) $(TRIALS) --workers $(WORKERS) $(ARGS)

test: $(INSTALLED)  ## Run the tests, but for the slow ones (ARGS="-k split": some of them)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-all: $(INSTALLED)  ## Run the tests, slow ones included
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "" $(ARGS)

lint: $(INSTALLED)  ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean:  ## Remove the demo and tool caches; results, DVC's cache and .venv stay
	rm -rf .demo dvc_plots report .pytest_cache .ruff_cache

$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c '$(OLDEST)'
	$(if $(USABLE),,rm -rf .venv)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	touch $@
