"""A plan and the paper's rows as tables for a terminal, readable at 80 columns."""

from collections.abc import Iterable

from rich.table import Table

from vatt.plan.paper import Row
from vatt.plan.stages import MATRIX
from vatt.terminal import Console, text_table

_GIB, _MIB = 2**30, 2**20
_UNIT = 64  # of a sequence's length, which matrix units like
_TEXT = ("", "part", "modality", "figure", "unit", "way")  # columns aligned to the left


def print_plan(plan: dict) -> None:
    """Section by section."""
    console = Console()
    for title, table in _sections(plan):
        if title:
            console.print(title)
        console.print(table)


def print_rows(rows: Iterable[Row]) -> None:
    """The paper's figures, ours, and the difference; notes below."""
    console = Console()
    table, notes = text_table("figure", "paper", "ours", "", "unit", left=_TEXT), []
    for row in rows:
        mark = ""
        if row.note:
            notes.append(f"{row.name}: {row.note}.")
            mark = " *"
        table.add_row(
            row.name + mark, f"{row.paper:g}", f"{row.ours:.2f}", f"{row.ours / row.paper - 1:+.2%}", row.unit
        )
    console.print(table)
    for note in notes:
        console.print(f"* {note}")


def _sections(plan: dict):
    yield "", _pairs(_about(plan["configuration"]))
    parameters = plan["parameters"]
    table = text_table("part", "parameters", left=_TEXT)
    for name, count in parameters["parts"].items():
        table.add_row(name, f"{count:,}")
    frozen = parameters["all"] - parameters["trainable"]
    table.add_row("all", f"{parameters['all']:,}")
    if frozen:
        table.add_row("of these not trained", f"{frozen:,}")
    yield "", table
    yield "One clip, forward", _forward(plan)
    if "step" in plan["flops"]:
        yield "One step", _pairs(_step(plan))
        yield _memory_title(plan), _ways(plan["memory"])


def _about(configuration: dict):
    clip = configuration["clip"]
    yield "job", f"{configuration['job']} {configuration['model']}, {configuration['precision']}"
    if configuration["starts_from"] is not None:
        yield "starts from", configuration["starts_from"] or "nothing named"
    seen = {
        "video": f"{clip['frames']} × {clip['frame_size']}² at {clip['frame_rate_hz']:g} Hz",
        "audio": f"audio at {clip['sample_rate_hz']:,} Hz",
        "text": f"{clip['candidates']} captions of {clip['words']} words",
    }
    yield "clip", ", ".join(seen[name] for name in clip["modalities"])
    if "batch_size" in configuration:
        batch = f"{configuration['batch_size']:,} clips on {configuration['devices']} device(s)"
        if configuration["cached_rows"]:
            batch += f", cached in chunks of {configuration['cached_rows']}"
        if configuration["parts"] > 1:
            batch += f", in {configuration['parts']} parts"
        yield "batch", batch
        yield "steps", f"{configuration['steps']:,}"


def _forward(plan: dict) -> Table:
    table = text_table(
        "modality", "tokens", "kept", "GFLOPs", "paper's count", "training", "paper's", left=_TEXT
    )
    forward, training = plan["flops"]["forward"], plan["flops"]["forward_in_training"]
    for name in forward["parts"]:
        tokens, kept = "", ""
        if name in plan["tokens"]:
            of = plan["tokens"][name]
            times = f"{of['sequences']} × " if of["sequences"] > 1 else ""
            tokens, kept = f"{times}{of['all']:,}", f"{of['kept_in_training']:,}"
        table.add_row(name, tokens, kept, *_giga(forward["parts"][name]), *_giga(training["parts"][name]))
    table.add_row("all", "", "", *_giga(forward), *_giga(training))
    return table


def _giga(flops: dict) -> tuple[str, str]:
    return _figure(flops["true_flops"] / 1e9), _figure(flops["paper_flops"] / 1e9)


def _step(plan: dict):
    step, speed = plan["flops"]["step"], plan["speed"]
    yield (
        "products",
        f"{step['model_flops'] / 1e12:,.4g} TFLOPs ({step['clip_model_flops'] / 1e9:,.4g} G per clip)",
    )
    if step["executed_flops"] != step["model_flops"]:
        share = step["executed_flops"] / step["model_flops"] - 1
        yield "computed again", f"{share:.0%} on top"
    yield "clip as it is sent", f"{speed['clip_bytes'] / _MIB:.2f} MiB"
    if "step_seconds" in speed:
        yield "peak", f"{speed['peak_tflops']:g} TFLOP/s per device, of which {speed['mfu']:.0%} is reached"
        yield "step", f"{speed['step_seconds']:.3g} s, {speed['steps_per_day']:,.0f} a day"
        yield "of this at least", _stages(speed)
        is_automatic = plan["configuration"]["steps_per_loop"] is None
        how = ", chosen by the time of a step (on CPUs 1)" if is_automatic else ", as set"
        yield "steps per loop", f"{speed['steps_per_loop']:,}{how}"
        yield "whole run", f"{speed['days']:,.3g} days"
        read = speed["read_bytes_per_second"]
        cores = f"{speed['decoding_cores_per_device']:.2g} cores a device to decode"
        yield (
            "reading",
            f"{speed['clips_per_second']:,.1f} clips and {read / _MIB:,.0f} MiB a second, {cores}",
        )
    if lengths := plan["lengths_in_training"]:
        yield "sequences", _lengths(lengths, plan["tokens"])
    memory = plan["memory"]
    fixed = ("weights", "optimizer", "gradients", "batch")
    yield "memory", ", ".join(f"{name} {_size(memory[f'{name}_bytes'])}" for name in fixed)


def _stages(speed: dict) -> str:
    """Seconds by stage, and a warning where another than the matrix unit binds."""
    said = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in speed["stage_seconds"].items())
    return said if speed["binds"] == MATRIX else f"{said}. WARNING: the {speed['binds']} binds"


def _lengths(lengths: dict[str, int], tokens: dict) -> str:
    """Of the sequences that encoders see, and which of them could be rounded."""
    dropping = [name for name in lengths if tokens[name]["kept_in_training"] < tokens[name]["all"]]
    uneven = [name for name in dropping if lengths[name] % _UNIT]
    said = ", ".join(f"{name} {length:,}" for name, length in lengths.items()) + " with AGG"
    return said + (
        f"; {' and '.join(uneven)}: no multiple of {_UNIT}, see DropToken.round_to" if uneven else ""
    )


def _memory_title(plan: dict) -> str:
    memory = plan["memory"]
    title = f"Memory of a device with {memory['rows_per_device']:,} clips"
    if device := memory.get("device"):
        fits = "fits" if device["fits"] else "does not fit"
        title += (
            f": {_size(memory['peak_bytes'])}, {fits} in {device['name']}, {_size(device['memory_bytes'])}"
        )
    return title


def _ways(memory: dict) -> Table:
    fitted = "device" in memory
    table = text_table("way", "a step adds", "in all", *(("most clips",) if fitted else ()), left=_TEXT)
    for number, way in enumerate(memory["ways"]):
        name = [way["precision"]]
        name += ["recompute"] if way["recompute"] else []
        name += [f"cached {way['cached_rows']}"] if way["cached_rows"] else []
        name += [f"{way['parts']} parts"] if way["parts"] > 1 else []
        cells = [", ".join(name) + (" (as it is)" if number == 0 else "")]
        cells += [_size(way["step_bytes"]), _size(way["peak_bytes"])]
        table.add_row(*cells, *((f"{way['most_rows_per_device']:,}",) if fitted else ()))
    return table


def _size(number: int) -> str:
    return f"{number / _GIB:.2f} GiB" if number >= _GIB else f"{number / _MIB:.0f} MiB"


def _figure(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.3f}"


def _pairs(pairs) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for pair in pairs:
        table.add_row(*pair)
    return table
