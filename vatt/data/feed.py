"""`vatt feed`: makes batches for trainers on other machines, see `vatt.data.datasets.served`.

One process is a dispatcher and the only worker of tf.data service, so that what a trainer asks of this
machine is made here and in order. It keeps nothing: any number of trainers may come and go.
"""

import argparse
import importlib.util
import signal
import socket
import threading

from vatt.arguments import COUNT, explain
from vatt.terminal import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `vatt feed`."""
    parser.epilog = (
        "Trainers must find the prepared set here under the same path: a folder, not an address of an object "
        "store. Mount or copy a set of a store, or let the trainer read it itself (PreparedClips.readers). "
        "It runs whatever graph it is sent, and reads files for it: use it in a network that you trust."
    )
    parser.add_argument("--port", type=COUNT, default=5051, help="for trainers; the next one is used as well")
    parser.add_argument(
        "--host",
        default=socket.gethostname(),
        help="the name under which trainers reach this machine (default: %(default)s)",
    )
    explain(parser, "vatt feed --port 5051", status="0 ended by Ctrl-C or SIGTERM")


def main(args: argparse.Namespace) -> int:
    """Serves until a signal comes."""
    import tensorflow as tf

    if importlib.util.find_spec("tensorflow_text"):
        import tensorflow_text  # noqa: F401 (operations of tokenizers that trainers may send)

    service = tf.data.experimental.service
    try:
        dispatcher = service.DispatchServer(service.DispatcherConfig(port=args.port))
        worker = service.WorkerServer(
            service.WorkerConfig(
                dispatcher_address=f"localhost:{args.port}",
                worker_address=f"{args.host}:{args.port + 1}",
                port=args.port + 1,
            )
        )
    except tf.errors.OpError as error:
        raise OSError(
            f"Two ports must be free, {args.port} and {args.port + 1}. Received: {error.message} "
            "Choose another --port."
        ) from error
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    show(f"Feeding trainers at {args.host}:{args.port}. Ctrl-C ends it.")
    while not over.wait(1.0):  # without a timeout Python would not see signals
        pass
    del worker, dispatcher
    return 0
