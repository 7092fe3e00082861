"""A hundred kill -9 at random instants of every command that writes: what is lost, and is it the same after?

    python benchmarks/kills.py --out runs/kills
    python benchmarks/kills.py --out runs/kills --only index export --seed 1

Each job runs once undisturbed, in processes of its own. Then the same command runs in another folder, is
killed with all its processes at an instant drawn evenly over the undisturbed run's time, and is started
again, as often as `_jobs` says; at last it runs to its end. Where a run ended before its instant, the
next one begins in a new folder. An end must hold the files of the undisturbed run and no others: byte for
byte but for those that tell the time, checkpoints number for number. The server is killed while clients
upload and search; its index must be as it was.

Prints a row for each job; the exit status is 1 where one of them differs.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.prepare.media_maker import make_media  # noqa: E402
from vatt.environment import processor  # noqa: E402  (of this checkout, installed or not)

VIDEOS, VIDEO_SECONDS = 10, 6
STEPS = 24
TRAINING = (
    *("--gin_file=experiments/pretrain.gin", "--gin_file=experiments/overlay/tiny.gin"),
    *(f"--gin.TRAIN_STEPS={STEPS}", "--gin.CHECKPOINT_EVERY=3"),
)
# Runs the trainer on a number of logical devices of the CPU, which TensorFlow takes from a program alone.
ON_DEVICES = """\
import sys, tensorflow as tf
from vatt import main
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1]))
sys.exit(main.main(sys.argv[2:]))
"""
Digests = dict[str, str]
_LOSS = "loss of step "


@dataclass(frozen=True)
class Job:
    """A command that writes into a folder.

    Args:
        command: of the folder.
        digests: of the folder, name -> digest of what must be equal.
        kills: how many.
        environment: variables besides this process's.
    """

    command: Callable[[Path], list[str]]
    digests: Callable[[Path], Digests]
    kills: int
    environment: dict[str, str] = field(default_factory=dict)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for all that is written")
    parser.add_argument("--seed", type=int, default=0, help="of the instants (default: %(default)s)")
    parser.add_argument("--only", nargs="+", metavar="JOB", help="of the jobs these")
    args = parser.parse_args(arguments)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    jobs = _jobs(out)
    unknown = sorted(set(args.only or ()) - {*jobs, "serve"})
    if unknown:
        parser.error(f"--only takes {', '.join((*jobs, 'serve'))}. Received: {', '.join(unknown)}.")
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, seed {args.seed}")
    media, model = out / "media", out / "whole" / "train"
    if not media.is_dir():
        _make_media(media)
    is_equal = True
    for name, job in jobs.items():
        whole = out / "whole" / name
        draw = random.Random(f"{args.seed} {name}")
        if args.only and name not in args.only and name not in ("train", "index"):
            continue
        seconds = _undisturbed(job, whole)
        if not args.only or name in args.only:
            is_equal &= _killed(name, job, whole, out / "killed" / name, seconds, draw)
    if not args.only or "serve" in args.only:
        upload = next(media.glob("*.mp4"))
        is_equal &= _serve(out / "whole" / "index", model, upload, 10, random.Random(f"{args.seed} serve"))
    return 0 if is_equal else 1


def _jobs(out: Path) -> dict[str, Job]:
    media, model = str(out / "media"), str(out / "whole" / "train")

    def vatt(*given: str) -> Callable[[Path], list[str]]:
        return lambda folder: [sys.executable, "-m", "vatt", *(each.format(OUT=folder) for each in given)]

    def training(*options: str, devices: int = 1) -> Callable[[Path], list[str]]:
        program = ["-m", "vatt.main"] if devices == 1 else ["-c", ON_DEVICES, str(devices)]
        strategy = [f"--gin.run.strategy='{'one_device' if devices == 1 else 'mirrored'}'"]
        return lambda folder: [
            *(
                sys.executable,
                *program,
                *TRAINING,
                *([] if "--engine=jax" in options else strategy),
                *options,
            ),
            *(f"--model_dir={folder}", f"--data_dir={out / 'demo'}"),
        ]

    def on_jax(devices: int, kills: int) -> Job:
        return Job(
            training("--engine=jax", f"--gin.run.strategy='{'fsdp' if devices > 1 else 'data'}'"),
            _run_on_jax,
            kills,
            {
                "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
                "JAX_PLATFORMS": "cpu",
                "JAX_COMPILATION_CACHE_DIR": str(out / "compiled"),
            },
        )

    return {
        "prepare": Job(vatt("prepare", "folder", media, "{OUT}", "--clips_per_shard=2"), _set, 20),
        "train": Job(training(), _run, 12),
        "train_2": Job(training(devices=2), _run, 8),
        "train_4": Job(training(devices=4), _run, 8),
        "jax": on_jax(1, 8),
        "jax_2": on_jax(2, 6),
        "jax_4": on_jax(4, 6),
        "index": Job(vatt("index", media, "{OUT}", "--model", model), _index, 14),
        "export": Job(vatt("export", model, "{OUT}", "--formats", "saved_model", "safetensors"), _export, 8),
    }


def _undisturbed(job: Job, whole: Path) -> float:
    """Seconds of a run to its end, which is kept with the folder."""
    clock = whole.with_name(f"{whole.name}.seconds")
    if not clock.is_file():
        shutil.rmtree(whole, ignore_errors=True)
        whole.parent.mkdir(parents=True, exist_ok=True)
        _start(job, whole).communicate()
        shutil.rmtree(whole, ignore_errors=True)  # once more: caches are filled, as they are in what follows
        started = time.monotonic()
        process = _start(job, whole)
        output = process.communicate()[0]
        if process.returncode:
            sys.exit(f"{whole.name} failed undisturbed:\n{output}")
        clock.write_text(str(time.monotonic() - started))
    return float(clock.read_text())


def _killed(name: str, job: Job, whole: Path, folder: Path, seconds: float, draw: random.Random) -> bool:
    """Kills and resumes; whether the end is that of the undisturbed run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kills, rounds, problems = 0, 0, []
    began = time.monotonic()
    while kills < job.kills:
        place, rounds = folder / str(rounds), rounds + 1
        while True:
            process = _start(job, place)
            try:
                output = process.communicate(timeout=draw.uniform(0, seconds) if kills < job.kills else None)[
                    0
                ]
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
        if process.returncode:
            problems.append(f"round {rounds} ended with status {process.returncode}: {output[-2000:]}")
        else:
            problems += _differences(job.digests(whole), job.digests(place), place)
    took = time.monotonic() - began
    print(
        f"{name}: {kills} kills, {rounds} runs to their end, {took:.0f} s: "
        + ("all equal, nothing left behind" if not problems else "; ".join(problems)),
        flush=True,
    )
    return not problems


def _start(job: Job, folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        job.command(folder),
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | job.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _differences(whole: Digests, killed: Digests, place: Path) -> list[str]:
    """A resumed run reports its first step too: of losses, those that both report are compared."""
    unlike = {name for name in whole.keys() | killed.keys() if whole.get(name) != killed.get(name)}
    names = sorted(each for each in unlike if not each.startswith(_LOSS) or each in whole and each in killed)
    what = {(True, False): "is missing", (False, True): "was left behind", (True, True): "differs"}
    return [f"{place.name}/{name} {what[name in whole, name in killed]}" for name in names]


def _files(folder: Path) -> Digests:
    """Every file below a folder, by its bytes."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _same_but(digests: Digests, *tell_time: str) -> Digests:
    """Without the digests of files that tell the time or the place; that they are there is compared."""
    return {name: "" if name.startswith(tell_time) else digest for name, digest in digests.items()}


def _set(folder: Path) -> Digests:
    stated = json.loads((folder / "dataset.json").read_text())
    facts = {f"dataset.json {key}": json.dumps(stated[key]) for key in ("splits", "fingerprint")}
    return _same_but(_files(folder), "dataset.json", "preparation.") | facts


def _index(folder: Path) -> Digests:
    """Its rows lie in a folder with the number of the run that wrote them."""
    files = _same_but(_files(folder), "index.json")
    return {re.sub(r"^rows-\d+/", "rows/", name): digest for name, digest in files.items()}


def _export(folder: Path) -> Digests:
    return _same_but(
        _files(folder),
        "README.md",
        "saved_model/saved_model.pb",
        "saved_model/fingerprint.pb",
        "saved_model/variables/",
    ) | _numbers(_tensorflow_checkpoint(folder / "saved_model" / "variables" / "variables"))


def _run(folder: Path) -> Digests:
    prefix = folder / "checkpoints" / f"ckpt-{STEPS}"
    return _run_files(folder) | _numbers(_tensorflow_checkpoint(prefix))


def _run_on_jax(folder: Path) -> Digests:
    import jax
    import orbax.checkpoint as ocp

    # As arrays of NumPy: this process has one device, the run had several.
    reader, path = ocp.PyTreeCheckpointer(), folder / "checkpoints" / f"ckpt-{STEPS}.orbax"
    as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
    tree = reader.metadata(path).item_metadata.tree
    state = reader.restore(path, restore_args=jax.tree.map(lambda _: as_numpy, tree))
    numbers = {f"{part} {name}": value for part, held in state.items() for name, value in held.items()}
    files = {name: digest for name, digest in _run_files(folder).items() if ".orbax/" not in name}
    return files | _numbers(numbers)


def _run_files(folder: Path) -> Digests:
    """The files of a run, and of each step its loss."""
    lines = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    losses = {f"{_LOSS}{line['step']}": repr(line["loss"]) for line in lines if "loss" in line}
    files = {name: each for name, each in _files(folder).items() if not name.startswith("events/")}
    same = {name: files.pop(name) for name in ("metrics.json", "model.json")}
    return dict.fromkeys(files, "") | same | losses


def _tensorflow_checkpoint(prefix: Path) -> dict[str, np.ndarray]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(prefix))
    read = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    return {name: value for name, value in read.items() if not isinstance(value, bytes)}


def _numbers(values) -> Digests:
    return {
        name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for name, value in values.items()
        if name != "save_counter/.ATTRIBUTES/VARIABLE_VALUE"  # which counts the saves of a process
    }


def _serve(index: Path, model: Path, upload: Path, kills: int, draw: random.Random) -> bool:
    """Kills a server while it is asked and uploaded to."""
    before, problems = _files(index), []
    temporary = index.parent / "tmp"
    for number in range(kills):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        command = [sys.executable, "-m", "vatt", "serve", str(index), "--port=0", f"--model={model}"]
        job = Job(lambda _: command, _files, 1, {"TMPDIR": str(temporary)})  # noqa: B023 (started at once)
        process = _start(job, index)
        port = next(
            (line.rpartition(":")[2].split("/")[0] for line in process.stdout or () if "http://" in line), ""
        )
        if not port:
            problems.append(f"server {number} did not start")
            break
        clients = [threading.Thread(target=_ask, args=(int(port), upload)) for _ in range(3)]
        for client in clients:
            client.start()
        time.sleep(draw.uniform(0, 3))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for client in clients:
            client.join()
        problems += _differences(before, _files(index), index)
    print(
        f"serve: {kills} kills: " + ("the index as it was" if not problems else "; ".join(problems)),
        flush=True,
    )
    return not problems


def _ask(port: int, upload: Path) -> None:
    """Uploads and asks until the server is gone."""
    mark = "kills"
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="modality"\r\n\r\nvideo\r\n--{mark}\r\n'
        'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    )
    body = head.encode() + upload.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    with contextlib.suppress(OSError, http.client.HTTPException):
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
            connection.request("POST", "/search", body, kind)
            connection.getresponse().read()
            connection.close()


def _make_media(folder: Path) -> None:
    """Videos of a texture that moves, each with a tone and a caption file."""
    making = folder.with_name("media_unfinished")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    times = np.arange(16_000 * VIDEO_SECONDS) / 16_000
    for number in range(VIDEOS):
        noise = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        texture = np.kron(noise, np.ones((8, 8, 1), np.uint8))
        pictures = np.stack([np.roll(texture, 3 * place, axis=1) for place in range(10 * VIDEO_SECONDS)])
        tone = (8000 * np.sin(2 * np.pi * (200 + 90 * number) * times)).astype(np.int16)[:, np.newaxis]
        make_media(making / f"video{number}.mp4", pictures=pictures, sound=tone, video_codec="libx264")
        words = f"1\n00:00:00,500 --> 00:00:05,000\nTexture number {number} moves\n"
        (making / f"video{number}.srt").write_text(words)
    making.rename(folder)


if __name__ == "__main__":
    sys.exit(main())
