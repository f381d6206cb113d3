"""Copies train.py, conf/ and examples/ into the wheel; all else stands in pyproject.toml."""

from pathlib import Path
from shutil import copyfile, copytree, ignore_patterns, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("train.py", "conf", "examples/sweep.yaml", "examples/conf", "examples/mylab")


class BuildWithProject(build_py):
    """The package with seqlab/project_files, where seqlab.project finds them without a checkout."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the checkout itself is used
            return
        target = Path(self.build_lib) / "seqlab" / "project_files"
        rmtree(target, ignore_errors=True)
        for part in PARTS:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            if Path(part).is_dir():
                copytree(part, target / part, ignore=ignore_patterns("__pycache__"))
            else:
                copyfile(part, target / part)


setup(cmdclass={"build_py": BuildWithProject})
