"""An export in every runtime: distance from the golden embeddings, milliseconds of one clip and of 32.

    python benchmarks/runtimes.py --model runs/pretrain

Each runtime has an environment of its own, made here from the registry of packages, with NumPy and nothing
else, but Keras and this project where Keras computes; and one thread, where that can be set. Milliseconds are
of the processor, since other work on the machine lengthens those of the wall.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from one_runtime import ROWS, RUNTIMES

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
    "litert": ("ai-edge-litert",),
    "saved_model": ("tensorflow",),
    "jax": (str(ROOT), "keras", "safetensors", "jax"),
    "torch": (str(ROOT), "keras", "safetensors", "torch"),
}
FORMATS = ("saved_model", "keras", "litert", "onnx")


def main():
    """Prints a row of Markdown for each runtime and modality."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, metavar="RUN")
    parser.add_argument("--only", nargs="+", choices=RUNTIMES, default=list(RUNTIMES), metavar="RUNTIME")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "export"
        command = [sys.executable, "-m", "vatt", "export", arguments.model, str(out), "--formats", *FORMATS]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        print("| runtime | encoder | gap | " + " | ".join(f"{rows} clips, ms" for rows in ROWS) + " |")
        print("|---|---|---|" + "---:|" * len(ROWS))
        for name in arguments.only:
            measured = measure(name, Path(folder) / name, out)
            runtime = measured.pop("runtime")
            for modality, found in measured.items():
                times = [f"{1000 * found[str(rows)]['processor']:.2f}" for rows in ROWS]
                print(f"| {runtime} | {modality} | {found['gap']:.0e} | {' | '.join(times)} |", flush=True)


def measure(name, environment, out):
    """What `one_runtime` prints in an environment that has only NumPy and the runtime."""
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "numpy", *PACKAGES[name]]
    subprocess.run(command, check=True, stdout=sys.stderr)
    command = [python, "-I", ROOT / "benchmarks" / "one_runtime.py", name, out, "--timed"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=environment)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
