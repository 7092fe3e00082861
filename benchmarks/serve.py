"""What `vatt serve` does when many ask at once: the milliseconds of text queries while uploads decode.

    python benchmarks/serve.py --model runs/pretrain

Starts the server in a process of its own on the loopback address, on an index of random vectors, and asks it
sentences that are all new to it, twice: 300 at random times, 20 a second; then 200 by 32 clients, each of
which asks as soon as it is answered. First alone; then while two clients upload a minute of 640x360 H.264
again and again; then while four clients besides send an upload a byte a second and 300 connections say
nothing. What is asked for, on two cores: none refused; of those at random times 99 % answered within 100 ms
while two uploads decode; of the 32 clients' 95 % within 300 ms.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import math
import os
import platform
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from search import ROOT, random_index, render

CLIENTS, QUERIES, STEADY, A_SECOND = 32, 200, 300, 20
UPLOADS, SLOW, IDLE = 2, 4, 300
OUTPUTS = ("video/video_audio", "video/video_text")
_BOUNDARY = "benchmark"


def main(arguments=None):
    """Prints a row for each load."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, metavar="RUN")
    parser.add_argument("--windows", type=int, default=10_000, help="of the index (default: %(default)s)")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words, fingerprint = _model_facts(args.model)
        index = random_index(folder, args.windows, 128, "float32", fingerprint, OUTPUTS)
        render(folder / "minute.mp4", 1)
        upload = _form({"modality": "video"}, ("minute.mp4", (folder / "minute.mp4").read_bytes()))
        print(
            f"{_processor()}, {os.cpu_count()} cores, {args.windows} windows, load {os.getloadavg()[0]:.1f}"
        )
        with _server(index, args.model) as (port, process):
            number = 0
            for title, load in (
                ("alone", contextlib.nullcontext()),
                ("two uploads decode", _uploading(port, upload)),
                ("and slow and idle clients", _besieged(port, upload)),
            ):
                texts = [" ".join(_sentence(words, number + each)) for each in range(STEADY + QUERIES)]
                number += len(texts)
                with load:
                    time.sleep(1.0)  # until it is under way
                    _ask_all(port, process, texts[:STEADY], f"{title}, {A_SECOND} a second", A_SECOND)
                    _ask_all(port, process, texts[STEADY:], f"{title}, {CLIENTS} clients")


def _model_facts(path):
    """(words, fingerprint) of a model, which this process then has no more use for."""
    code = (
        "import json, sys, vatt; model = vatt.load(sys.argv[1]); "
        "print(json.dumps([list(model.tokenizer.words[2:]), model.fingerprint]))"
    )
    made = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(made.stdout.decode().splitlines()[-1])


def _sentence(words, number):
    """Four words, others for each number."""
    for _ in range(4):
        number, place = divmod(number, len(words))
        yield words[place]
        number += 7 * place + 1


@contextlib.contextmanager
def _server(index, model):
    command = [sys.executable, "-m", "vatt", "serve", str(index), "--port", "0", "--model", model]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if found := re.search(r"http://127.0.0.1:(\d+)/", line):
                yield int(found.group(1)), process.pid
                break
    finally:
        process.terminate()
        process.communicate()


def _form(fields, file=None):
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if file is not None:
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file[0]}"\r\n\r\n'
        parts.append(head.encode() + file[1] + b"\r\n")
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    try:
        connection.request("POST", "/search", body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _ask_all(port, process, texts, title, a_second=None):
    """Each client asks when it is answered; or at times drawn before, of which a late one is late itself."""
    draw, start = random.Random(0), time.perf_counter()
    due = [start] * len(texts)
    if a_second is not None:
        due = [start + each for each in itertools.accumulate(draw.expovariate(a_second) for _ in texts)]

    def ask(text, at):
        time.sleep(max(0.0, at - time.perf_counter()))
        started = time.perf_counter() if a_second is None else at
        status = _post(port, _form({"text": text, "count": "12"}))
        return status, 1000 * (time.perf_counter() - started)

    before, started = _processor_seconds(process), time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(ask, texts, due))
    seconds = time.perf_counter() - started
    each_costs = 1000 * (_processor_seconds(process) - before) / len(texts)
    times = sorted(each for _, each in answers)
    refused = sum(status != 200 for status, _ in answers)
    print(
        f"{title}: {refused} of {len(texts)} refused; median {statistics.median(times):.0f} ms, 95 % within "
        f"{times[math.ceil(0.95 * len(times)) - 1]:.0f} ms, 99 % within "
        f"{times[math.ceil(0.99 * len(times)) - 1]:.0f} ms, slowest {times[-1]:.0f} ms; "
        f"{seconds:.1f} s in all, "
        f"{each_costs:.1f} ms of the server's processor time a query",
        flush=True,
    )


@contextlib.contextmanager
def _uploading(port, upload):
    is_over, done = threading.Event(), []

    def again():
        while not is_over.is_set():
            done.append(_post(port, upload))

    threads = [threading.Thread(target=again) for _ in range(UPLOADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        print(f"  (uploads answered: {done})")


@contextlib.contextmanager
def _besieged(port, upload):
    head = (
        f"POST /search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(upload)}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
    ).encode()
    is_over = threading.Event()
    with contextlib.ExitStack() as stack:
        everybody = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(SLOW + IDLE)
        ]
        slow = everybody[:SLOW]
        for client in slow:
            client.sendall(head)

        def drip():
            while not is_over.wait(1.0):
                for client in slow:
                    with contextlib.suppress(OSError):
                        client.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with _uploading(port, upload):
                yield
        finally:
            is_over.set()
            thread.join()


def _processor_seconds(process):
    """Of a process without its children, which decode."""
    if sys.platform != "linux":
        return float("nan")
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
