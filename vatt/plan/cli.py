"""`vatt plan`: what a configuration costs, before it runs."""

import argparse
import dataclasses
import json

from vatt import config
from vatt.arguments import COUNT, GIBIBYTES, QUANTITY, add_json, explain
from vatt.config import ConfigError
from vatt.config.flags import add_config_flags
from vatt.errors import reason_of
from vatt.plan.devices import DEVICES, device_of
from vatt.terminal import show

_DESCRIPTION = """\
Says from shapes alone what a configuration costs: parameters, tokens, operations, memory; on a
given device the time, what has to be read, and what fits. Gin files and flags are those of
`vatt train`; neither data nor a checkpoint need be there.
"""
_EXAMPLES = (
    "vatt plan pretrain.gin overlay/paper.gin --device h100 --devices 64",
    "vatt plan finetune_kinetics400.gin --size large --device_memory_gib 80",
    "vatt plan --paper",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("gin", nargs="*", metavar="GIN", help="gin files, in order")
    parser.add_argument(
        "--paper", action="store_true", help="the paper's costs and ours by its count instead"
    )
    add_json(parser)
    add_config_flags(parser)
    start = parser.add_argument_group(
        "what a fine-tuning or a measurement starts from, if CHECKPOINT is not here"
    )
    start.add_argument("--start", nargs="+", default=[], metavar="GIN", help="gin files of the pre-training")
    start.add_argument("--size", metavar="SIZE", help="the paper's, with a video Transformer of this size")
    device = parser.add_argument_group("device")
    device.add_argument("--device", metavar="NAME", help=", ".join(DEVICES))
    device.add_argument("--device_memory_gib", type=GIBIBYTES, metavar="GIB", help="memory of one device")
    device.add_argument(
        "--peak_tflops", type=QUANTITY, metavar="T", help="its peak, in 10^12 operations a second"
    )
    device.add_argument("--devices", type=COUNT, default=1, metavar="N", help="that share a step (1)")
    device.add_argument(
        "--mfu",
        type=QUANTITY,
        default=0.4,
        metavar="SHARE",
        help="share of the peak that products reach (0.4)",
    )
    device.add_argument("--cores", type=COUNT, metavar="N", help="of the host, for each device, that decode")
    explain(parser, *_EXAMPLES)


def main(arguments: argparse.Namespace) -> int:
    """Prints the plan; returns the exit status."""
    gin_files = [*arguments.gin, *arguments.gin_file]
    if arguments.paper and gin_files:
        raise ConfigError(
            f"`--paper` takes no gin file. Received: {' '.join(gin_files)}. Give one or the other."
        )
    if not arguments.paper and not gin_files:
        raise ConfigError(
            "A plan needs at least one gin file, or --paper. Received: neither. "
            "`vatt train --help` lists those here."
        )
    if arguments.start and arguments.size:
        raise ConfigError("`--start` and `--size` say the same. Received: both. Give one of the two.")
    for name in [*gin_files, *arguments.start]:
        config.resolve(name)
    from vatt.plan.show import print_plan, print_rows  # Keras takes seconds

    if arguments.paper:
        from vatt.plan.paper import paper_rows

        rows = paper_rows()
        if arguments.json:
            show(json.dumps([dataclasses.asdict(row) for row in rows], indent=1, ensure_ascii=False))
        else:
            print_rows(rows)
        return 0
    try:
        plan = _plan(arguments, gin_files)
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # Python's words, or gin's with its calls behind them
        raise ConfigError(reason_of(error)) from error
    if arguments.json:
        show(json.dumps(plan, indent=1, ensure_ascii=False))
    else:
        print_plan(plan)
    return 0


def _plan(arguments: argparse.Namespace, gin_files: list[str]) -> dict:
    from vatt.layers.architecture import size_of
    from vatt.plan.configuration import Source, read, read_source
    from vatt.plan.plan import Circumstances, make_plan

    where = Circumstances(
        device=device_of(arguments.device, arguments.device_memory_gib, arguments.peak_tflops),
        devices=arguments.devices,
        mfu=arguments.mfu,
        cores=arguments.cores,
    )
    if arguments.size:
        size_of(arguments.size)
    source = read_source(arguments.start) if arguments.start else Source(size=arguments.size)
    configuration = read(gin_files, arguments.bindings)
    return {"gin": gin_files} | make_plan(configuration, source, where)
