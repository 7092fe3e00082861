"""What `vatt completion` prints knows every verb and option, and bash completes by it."""

import re
import shutil
import subprocess

import pytest

from docs.generators import text_of
from vatt import cli

# Completes the words that follow, as bash does after a press of the tabulator.
_PRESS = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
_shtab_vatt "$1" "${!#}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_script_knows_every_verb_and_option(shell, capsys):
    text = script(shell, capsys)
    names = {*cli.VERBS, *re.findall(r"^  (--[a-z_-]+)", text_of("cli.md"), re.MULTILINE)}
    assert "--processes" in names and len(names) > 80
    assert not {name for name in names if name not in text}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("",), set(cli.VERBS)),
        (("se",), {"search", "serve"}),
        (("prepare", "kinetics"), {"kinetics400", "kinetics600", "kinetics700"}),
        (("doctor", "--e"), {"--environment"}),
        (("train", "--engine", ""), {"tensorflow", "jax"}),
        (("report", "here/a"), {"here/a.html"}),
    ],
)
def test_bash_completes(words, expected, tmp_path, capsys):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/a.html").touch()
    (tmp_path / "script").write_text(script("bash", capsys))
    command = ["bash", "--norc", "-c", _PRESS, "bash", "./script", "vatt", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert set(done.stdout.split()) == expected, done.stderr


def test_zsh_reads_its_script(tmp_path, capsys):
    if shutil.which("zsh") is None:
        pytest.skip("no zsh on this machine")
    (tmp_path / "_vatt").write_text(script("zsh", capsys))
    subprocess.run(["zsh", "-n", "_vatt"], cwd=tmp_path, check=True, timeout=60)


def test_another_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["completion", "fish"])
    assert ended.value.code == 2 and "invalid choice: 'fish'" in capsys.readouterr().err
