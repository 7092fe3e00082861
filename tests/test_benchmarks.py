"""All benchmarks by one command: every script is in it, what is there is kept, what fails is named."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.fixture
def every(monkeypatch):
    spec = importlib.util.spec_from_file_location("benchmarks_all", ROOT / "benchmarks" / "all.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_benchmark_is_in_it(every):
    runnable = {path.name for path in SCRIPTS if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
    started = {words[0] for words in every.COMMANDS.values()}
    assert started == runnable - {"all.py"} - every.BY_HAND


def test_its_arguments_are_those_of_the_scripts(every):
    for name, (script, *words) in every.COMMANDS.items():
        text = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
        for word in words:
            if word.startswith("--"):
                assert f'"{word}"' in text, (name, word)


def test_what_is_there_is_kept_and_what_failed_is_named(every, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(every, "ROOT", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "good.py").write_text("import sys; print('figure', *sys.argv[1:])")
    (tmp_path / "benchmarks" / "bad.py").write_text("print('half'); raise SystemExit(3)")
    out = tmp_path / "out"
    commands = {"good": ("good.py", "--to", "OUT/here"), "bad": ("bad.py",)}
    assert every.measure_all(commands, out) == ["bad"]
    text = (out / "good.txt").read_text()
    assert f"figure --to {out}/here" in text and re.search(r"took: \d+ s, exit status 0", text)
    assert all(f"{key}: " in text for key in ("command", "commit", "processor", "started", "load"))
    assert "half" in (out / "bad.failed.txt").read_text() and not (out / "bad.txt").exists()
    (tmp_path / "benchmarks" / "bad.py").write_text("print('whole')")
    (tmp_path / "benchmarks" / "good.py").write_text("raise SystemExit(1)")  # must not run again
    assert every.measure_all(commands, out) == []
    assert "whole" in (out / "bad.txt").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["bad.txt", "good.txt"]
    assert "good is there" in capsys.readouterr().out


def test_its_list_names_every_command(every, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["all.py", "--list"])
    assert every.main() == 0
    assert len(capsys.readouterr().out.splitlines()) == len(every.COMMANDS)
