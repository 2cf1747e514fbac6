"""`python -m stages.fetch`: three ways in, one result, clean errors, nothing half-written."""

import hashlib
import shutil
from pathlib import Path

import pytest

from ser.corpora.corpus import CorpusError
from ser.corpora.ravdess import all_names
from ser.corpora.synthesis import SyntheticCorpus, write_corpus
from stages import fetch

REAL = Path(__file__).parents[2] / "shared" / "ravdess" / "Audio_Speech_Actors_01-24.zip"


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """A folder of 60 clips that stand for the real corpus."""
    folder = tmp_path_factory.mktemp("clips")
    write_corpus(SyntheticCorpus(actors=1, seed=1), folder)
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch, clips) -> Path:
    """A project folder whose manifest lists `clips`; it is the working directory."""
    root = tmp_path / "project"
    (root / "data/manifests").mkdir(parents=True)
    lines = [f"{hashlib.md5((clips / path).read_bytes()).hexdigest()}  {path}\n" for path in all_names(1)]
    (root / "data" / "manifests" / "ravdess.md5").write_text("".join(lines), encoding="utf-8")
    for variable in ("RAVDESS_SOURCE", "RAVDESS_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(root)
    choose("ravdess")
    return root


def choose(corpus: str, actors: int = 1, seed: int = 1) -> None:
    text = f"corpus: {{name: {corpus}}}\nsynthetic: {{actors: {actors}, seed: {seed}}}\n"
    Path("params.yaml").write_text(text, encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_nothing_written(project: Path) -> None:
    assert [path.name for path in (project / "data").iterdir()] == ["manifests"]


@pytest.fixture
def archive(tmp_path, clips) -> Path:
    return Path(shutil.make_archive(str(tmp_path / "corpus"), "zip", clips))


def test_three_ways_in_give_the_same_files(project, clips, archive, monkeypatch, capsys):
    monkeypatch.setattr(fetch, "download", lambda cache: archive)
    fetch.main()
    downloaded = tree(Path("data/raw"))
    assert downloaded == tree(clips)
    for source in (archive, clips):
        monkeypatch.setenv("RAVDESS_SOURCE", str(source))
        fetch.main()
        assert tree(Path("data/raw")) == downloaded
    monkeypatch.delenv("RAVDESS_SOURCE")
    assert "60 clips of RAVDESS in data/raw" in capsys.readouterr().out
    choose("synthetic")
    fetch.main()
    assert tree(Path("data/raw")) == downloaded
    assert "60 synthetic clips" in capsys.readouterr().out


def test_downloads_are_kept_where_ravdess_cache_says(project, archive, tmp_path, monkeypatch):
    caches = []
    monkeypatch.setattr(fetch, "download", lambda cache: caches.append(cache) or archive)
    fetch.main()
    monkeypatch.setenv("RAVDESS_CACHE", str(tmp_path / "cache"))
    fetch.main()
    assert caches[0].name == "ravdess"
    assert caches[1] == tmp_path / "cache"


def test_the_synthetic_corpus_needs_neither_manifest_nor_source(project, monkeypatch):
    choose("synthetic", seed=2)
    Path("data/manifests/ravdess.md5").unlink()
    monkeypatch.setenv("RAVDESS_SOURCE", "/nowhere")
    fetch.main()
    assert len(tree(Path("data/raw"))) == 60


def test_what_was_there_before_is_replaced(project, clips, monkeypatch):
    Path("data/raw/Actor_09").mkdir(parents=True)
    Path("data/raw/Actor_09/old.wav").write_bytes(b"old")
    monkeypatch.setenv("RAVDESS_SOURCE", str(clips))
    fetch.main()
    assert tree(Path("data/raw")) == tree(clips)


def test_a_source_that_is_not_the_corpus_leaves_nothing_behind(project, clips, tmp_path, monkeypatch):
    shutil.copytree(clips, tmp_path / "copy")
    missing, altered, *_ = all_names(1)
    (tmp_path / "copy" / missing).unlink()
    (tmp_path / "copy" / altered).write_bytes(b"RIFF")
    monkeypatch.setenv("RAVDESS_SOURCE", str(tmp_path / "copy"))
    with pytest.raises(SystemExit, match=f"(?s)fetch: .*{missing}: missing.*{altered}: truncated"):
        fetch.main()
    assert_nothing_written(project)


@pytest.mark.parametrize("variable", ["RAVDESS_SOURCE", "RAVDESS_CACHE"])
def test_a_relative_path_is_refused_for_stages_run_elsewhere(variable, project, monkeypatch):
    monkeypatch.setenv(variable, "my clips")
    with pytest.raises(
        SystemExit, match=f"fetch: {variable}=my clips: expected a whole path, as from `realpath 'my clips'`"
    ):
        fetch.main()
    assert_nothing_written(project)


def test_a_link_in_the_place_of_the_clips_is_refused_before_the_work(project, clips, monkeypatch):
    (project / "data/raw").symlink_to(clips)
    monkeypatch.setattr(fetch, "download", lambda cache: pytest.fail("it downloads"))
    with pytest.raises(SystemExit, match=f"fetch: data/raw is a link to {clips}; remove it"):
        fetch.main()


def test_an_unreachable_archive_leaves_nothing_behind(project, monkeypatch):
    def fail(cache: Path) -> Path:
        raise CorpusError("could not download")

    monkeypatch.setattr(fetch, "download", fail)
    with pytest.raises(SystemExit, match="fetch: could not download"):
        fetch.main()
    assert_nothing_written(project)


def test_an_interrupted_fetch_leaves_nothing_behind(project, clips, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("RAVDESS_SOURCE", str(clips))
    monkeypatch.setattr(fetch, "copy_clips", interrupt)
    with pytest.raises(SystemExit, match="130"):
        fetch.main()
    assert_nothing_written(project)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("corpus: {name: iemocap}\nsynthetic: {actors: 1, seed: 1}", "corpus.name is 'iemocap'; allowed: ravdess, "),
        ("corpus: {name: ravdess}\nsynthetic: {actors: 99, seed: 1}", "actors is 99; allowed: 1 to 24"),
        ("corpus: {}\nsynthetic: {actors: 1, seed: 1}", "corpus.name: missing"),
        ("corpus: {name: ravdess}", "synthetic"),
    ],
)
def test_impossible_params_end_with_one_message(project, params, message):
    Path("params.yaml").write_text(params, encoding="utf-8")
    with pytest.raises(SystemExit, match=f"(?s)fetch: .*{message}"):
        fetch.main()
    assert_nothing_written(project)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="the real corpus is not beside the project")
def test_the_real_archive_passes_the_committed_manifest(project, monkeypatch):
    shutil.copy(Path(__file__).parents[1] / "data" / "manifests" / "ravdess.md5", "data/manifests")
    monkeypatch.setenv("RAVDESS_SOURCE", str(REAL))
    fetch.main()
    assert len(tree(Path("data/raw"))) == 1440
