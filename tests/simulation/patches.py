"""The mutants as files: what each breaks, which seeds caught it last, and how it is laid over a copy of the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent / "mutants"
TREE = ("wsmon", "tests/__init__.py", "tests/simulation")
_SEEDS = re.compile(r"^Seeds:(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate breakage: a unified diff under a head of two lines."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def breaks(self) -> str:
        """The sentence that the patch begins with."""
        return self.text.splitlines()[0].strip()

    @property
    def hints(self) -> list[int]:
        """Seeds that are tried first; they only save time, and any other that catches it will do."""
        found = _SEEDS.search(self._head)
        return [int(seed) for seed in found[1].split()] if found else []

    @property
    def _head(self) -> str:
        return self.text.partition("\n--- ")[0]

    @property
    def files(self) -> list[str]:
        """The files that it changes."""
        return re.findall(r"^--- a/(\S+)$", self.text, re.MULTILINE)

    def noted(self, seed: int) -> str:
        """Its text with another hint."""
        rest = self.text.partition("\n--- ")[2]
        return f"{self.breaks}\nSeeds: {seed}\n\n--- {rest}"

    def apply(self, tree: Path) -> str:
        """Lay it over a copy; what `git apply` has against it, empty where it fits."""
        done = subprocess.run(
            ["git", "apply", "-C1", "--whitespace=nowarn", str(self.path)],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
            # A copy inside of another repository would be passed over without a word.
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
        )
        return done.stderr.strip() if done.returncode else ""


def mutants(folder: Path = PATCHES) -> list[Mutant]:
    """All of a folder, by name."""
    return [Mutant(path, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.patch"))]


def copy_tree(target: Path) -> None:
    """What a simulation needs of the code."""
    for name in TREE:
        made = target / name
        made.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, made, ignore=shutil.ignore_patterns("__pycache__", "mutants"))
        else:
            shutil.copy2(ROOT / name, made)
