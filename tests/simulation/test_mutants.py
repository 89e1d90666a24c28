"""The patches of the mutants fit the code as it stands; `make mutants` shows that each is caught."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from tests.simulation import mutants as tool
from tests.simulation.patches import PATCHES, ROOT, Mutant, mutants

ALL = mutants()


def test_there_are_enough_of_them() -> None:
    assert len(ALL) >= 15
    assert sorted(PATCHES.iterdir()) == [mutant.path for mutant in ALL], "something else than patches lies there"


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_it_fits_the_code_and_changes_what_it_does(mutant: Mutant, tmp_path: Path) -> None:
    assert mutant.files
    for name in mutant.files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    assert mutant.apply(tmp_path) == "", f"make {mutant.path} anew against the code as it stands"
    for name in mutant.files:
        before, after = (ast.dump(ast.parse((tree / name).read_text(encoding="utf-8"))) for tree in (ROOT, tmp_path))
        assert before != after, f"{name}: nothing but comments changes"
        compile((tmp_path / name).read_text(encoding="utf-8"), name, "exec")


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_it_says_what_it_breaks(mutant: Mutant) -> None:
    assert mutant.breaks
    assert not mutant.breaks.startswith(("---", "Seeds:"))
    assert all(seed < 200 for seed in mutant.hints)
    noted = Mutant(mutant.path, mutant.noted(7))
    assert (noted.hints, noted.breaks, noted.files) == ([7], mutant.breaks, mutant.files)
    assert noted.text.partition("\n--- ")[2] == mutant.text.partition("\n--- ")[2]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(made))
    return made


def test_a_mutant_is_caught_and_its_copy_is_gone(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mutant,) = (one for one in ALL if one.name == "tally-forgets-what-it-left")
    assert tool.hunt([mutant], 3, 1) == 0
    assert "tallies equal a count" in capsys.readouterr().out
    assert list(temporary.iterdir()) == []


def test_a_patch_that_fits_no_longer_is_told_of(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mutant,) = (one for one in ALL if one.name == "tally-forgets-what-it-left")
    stale = tmp_path / "stale.patch"
    stale.write_text(mutant.text.replace("delta[self.before.state] = -1", "delta[self.before.state] = -7"))
    assert tool.hunt([Mutant(stale, stale.read_text())], 3, 1) == 1
    assert "the patch does not apply" in capsys.readouterr().out
    assert list(temporary.iterdir()) == []


def test_whoever_is_interrupted_leaves_nothing_behind(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object, mutant: Mutant) -> object:
        raise KeyboardInterrupt(mutant.name)

    monkeypatch.setattr(tool.Hunt, "catch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tool.hunt(ALL, 3, 1)
    assert list(temporary.iterdir()) == []
