"""Puts `experiments/` and `data/`, which lie at the top of the repository, into the package as vatt/shipped.

All else is in pyproject.toml, which cannot say this.
"""

from pathlib import Path

from setuptools import find_packages, setup

FOLDERS = sorted(
    {path.parent.as_posix() for top in ("experiments", "data") for path in Path(top).rglob("*.*")}
)
MAPPED = {f"vatt.shipped.{folder.replace('/', '.')}": folder for folder in FOLDERS}

setup(
    packages=[*find_packages(include=["vatt*"]), "vatt.shipped", *MAPPED],
    package_dir={"vatt.shipped": "data", **MAPPED},
    package_data={name: ["*.gin", "*.json", "*.md"] for name in MAPPED},
)
