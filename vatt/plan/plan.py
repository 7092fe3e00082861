"""A plan: the cost of a configuration, from its shapes, as plain values with units in their names."""

import dataclasses
from collections.abc import Iterable

import keras

from vatt.config import ConfigError
from vatt.convert.released import describe
from vatt.losses.contrastive import ContrastiveLoss
from vatt.losses.pairs import SIDES
from vatt.models.classifier import Classifier
from vatt.models.vatt import VATT
from vatt.plan import memory, stages
from vatt.plan.configuration import Configuration, Source
from vatt.plan.conv_nets import ConvStream
from vatt.plan.costs import Stream, clip_costs, pixel_costs, streams_of, total
from vatt.plan.count import Count, product
from vatt.plan.devices import Device
from vatt.plan.layers import blocks_products
from vatt.plan.memory import StepMemory, Way
from vatt.plan.shapes import parts_of, weights_in, without_weights
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec, PatchesRead
from vatt.train.relations import automatic_steps_per_loop, check_rows, intervals_of
from vatt.train.training_data import patches_read

_SECONDS_OF_A_DAY = 86_400
_FEW_ROWS = 16  # of a chunk, or of a part, among the ways that a plan compares
_MOST_ROWS = 2**20  # of a device, that are looked for
_SHAPE = (2, 3)  # of the weight that an optimizer is tried on
_KEPT_SIMILARITIES = 8  # matrices of the loss that its gradient needs or that it has in hand, [b, B, K] each


@dataclasses.dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Where a configuration is to run."""

    device: Device | None = None  # or None to use only the configuration
    devices: int = 1  # that share a step
    mfu: float = 0.4  # share of the peak that what a step computes reaches
    cores: int | None = None  # of the host, for each device; None leaves decoding out

    def __post_init__(self):
        if self.devices < 1:
            raise ConfigError(f"`--devices` must be at least 1. Received: {self.devices}.")
        if not 0 < self.mfu <= 1:
            raise ConfigError(f"`--mfu` must be in (0, 1]. Received: {self.mfu:g}.")


def make_plan(configuration: Configuration, source: Source, where: Circumstances) -> dict:
    """The plan as a dict that JSON can hold."""
    numbers = _numbers(configuration, where.devices)
    copies = _copies(configuration) if configuration.trains else 0
    with without_weights(configuration.precision):
        return _Planner(configuration, source, where, numbers, copies).plan()


def clip_bytes(clip: ClipSpec, classes: int = 0, reads: dict[str, PatchesRead] | None = None) -> int:
    """Bytes of one clip of a batch, see `vatt.spec`: features, masks, label scores, and 8 of its index; of
    signals in `reads` the patches alone, their places and the mean colour."""
    sizes = {
        VIDEO: clip.frames * clip.frame_size**2 * 3,
        AUDIO: 4 * clip.samples,
        TEXT: 4 * clip.candidates * clip.words,
    }
    for modality, read in (reads or {}).items():
        value, more = (1, 12) if modality == VIDEO else (4, 0)
        sizes[modality] = read.count * (read.values * value + 4) + more
    masks = {VIDEO: 4, AUDIO: 4, TEXT: 4 * clip.candidates}
    return 8 + 4 * classes + sum(sizes[name] + masks[name] for name in clip.modalities)


def _numbers(configuration: Configuration, devices: int) -> dict:
    """Of the job; {} where it does not train."""
    if not configuration.trains:
        return {}
    numbers = configuration.numbers()
    for name in ("batch_size", "steps"):
        if not isinstance(numbers[name], int):
            raise ConfigError(f"`Trainer.{name}` must be a whole number. Received: {numbers[name]}.")
    gradients = numbers["execution"]["gradients"]
    check_rows(numbers["batch_size"], gradients, replicas=devices)
    return {
        "batch_size": numbers["batch_size"],
        "steps": numbers["steps"],
        "cached_rows": gradients.get("rows"),
        "parts": gradients.get("parts", 1),
        "steps_per_loop": numbers["execution"]["steps_per_loop"],
    }


def _copies(configuration: Configuration) -> int:
    """How often the optimizer and the average hold something for each weight, found on one small weight."""
    weight = keras.Variable(keras.ops.zeros(_SHAPE))
    optimizer = configuration.job.argument("optimizer")
    if optimizer is None:
        raise ConfigError("Training needs an optimizer. Received: none. Bind `Trainer.optimizer`.")
    optimizer.build([weight])
    slots = sum(tuple(variable.shape) == _SHAPE for variable in optimizer.variables)
    return slots + configuration.has_average


class _Planner:
    """Holds what the sections of a plan share; lives inside `without_weights`."""

    def __init__(
        self,
        configuration: Configuration,
        source: Source,
        where: Circumstances,
        numbers: dict,
        copies: int,
    ):
        self.configuration, self.source, self.where, self.numbers = configuration, source, where, numbers
        self.clip = configuration.clip
        self.model = configuration.model(source)
        if not isinstance(self.model, VATT | Classifier):
            raise ConfigError(
                "A plan knows the models of `vatt.models`. Received: "
                f"{type(self.model).__name__}. `vatt train --dry_run` counts the weights of any model."
            )
        self.streams = streams_of(self.model, self.clip)
        self.classes = self.model.classes if isinstance(self.model, Classifier) else 0
        if not configuration.trains:
            return
        job = configuration.job
        self.device_inputs, self.loss = job.argument("device_inputs"), job.argument("loss")
        self.slots = copies * memory.FLOAT32 * weights_in(self.model.trainable_variables)
        self.rows = numbers["batch_size"] // where.devices
        reads = (
            patches_read(self.model, self.device_inputs, self.clip) if configuration.host_drops_tokens else {}
        )
        self.clip_bytes = clip_bytes(self.clip, self.classes, reads)

    def plan(self) -> dict:
        made = {
            "configuration": self._configuration(),
            "parameters": self._parameters(),
            "tokens": {stream.name: _tokens(stream) for stream in self.streams},
            "lengths_in_training": {
                stream.name: stream.length(training=True)
                for stream in self.streams
                if isinstance(stream, Stream)
            },
            "flops": self._flops(),
        }
        if self.configuration.trains:
            made["memory"] = self._memory()
            made["speed"] = self._speed(made["flops"]["step"]["executed_flops"])
        return made

    def _configuration(self) -> dict:
        path = self.configuration.starts_from
        return {
            "job": self.configuration.job.function.__name__,
            "model": describe(self.model),
            "starts_from": None if path is None else self.source.named(path),
            "precision": self.configuration.precision,
            "devices": self.where.devices,
            "clip": dataclasses.asdict(self.clip),
            **self.numbers,
        }

    def _parameters(self) -> dict:
        return {
            "all": weights_in(self.model.weights),
            "trainable": weights_in(self.model.trainable_weights),
            "parts": {name: weights_in(part.weights) for name, part in parts_of(self.model).items()},
        }

    def _flops(self) -> dict:
        found = {
            "forward": _described(clip_costs(self.model, self.clip, training=False)),
            "forward_in_training": _described(clip_costs(self.model, self.clip, training=True)),
        }
        if self.configuration.trains:
            found["step"] = self._step()
        return found

    def _step(self) -> dict:
        """Products alone, as telemetry counts them and as the utilisation is defined."""
        clips, once = self.numbers["batch_size"], self.where.devices * self.numbers["parts"]
        costs = clip_costs(self.model, self.clip, training=True)
        passes = sum((clips * row + once * each for row, each in costs.values()), Count())
        passes += clips * pixel_costs(self.device_inputs, self.clip, training=True)
        loss = self._loss_costs()
        again = self._again(costs)
        model_flops = passes.products + passes.backward + loss.products + loss.backward
        return {
            "model_flops": model_flops,
            "executed_flops": model_flops + again,
            "clip_model_flops": round(model_flops / clips),
        }

    def _loss_costs(self) -> Count:
        """Similarities of every clip with every candidate, in both directions."""
        if not isinstance(self.loss, ContrastiveLoss):
            return Count()
        clips, count = self.numbers["batch_size"], Count()
        for space, candidates in self._pairs():
            count += product(clips, self.model.spaces.widths[space], clips * candidates)
        return count if self.loss.block_rows else 2 * count  # streamed, one matrix serves both

    def _pairs(self) -> Iterable[tuple[str, int]]:
        """Space and number of a clip's candidates of each pair that the loss compares."""
        for name in self.loss.weights.positive:
            _, right, space = SIDES[name]
            yield space, self.clip.candidates if right == TEXT else 1

    def _again(self, costs) -> int:
        """Products of a step that were made before: of cached features, of blocks."""
        clips = self.numbers["batch_size"]
        again = 0
        if self.numbers["cached_rows"] is not None:
            encoders = {stream.name: costs[stream.name] for stream in self.streams}
            again += total(encoders, clips).products
            again += clips * pixel_costs(self.device_inputs, self.clip, training=True).products
        for stream in self.streams:
            if isinstance(stream, Stream) and stream.recompute:
                length, front = stream.length(training=True), stream.front(training=True)
                again += clips * stream.rows * blocks_products(stream.tower.encoder, length, front=front)
        return again

    @property
    def asked(self) -> Way:
        """As the configuration has it."""
        return Way(
            precision=self.configuration.precision,
            recompute=any(stream.recompute for stream in self.streams),
            cached_rows=self.numbers["cached_rows"],
            parts=self.numbers["parts"],
        )

    def _memory(self) -> dict:
        asked = self.asked
        found = {"rows_per_device": self.rows, **_bytes(self.step_memory(asked, self.rows))}
        found["ways"] = [self._way(way) for way in self._ways(asked)]
        if (device := self.where.device) and device.memory_bytes:
            found["device"] = {
                "name": device.name,
                "memory_bytes": device.memory_bytes,
                "source": device.source,
                "fits": found["peak_bytes"] <= device.memory_bytes,
            }
        return found

    def _ways(self, asked: Way) -> Iterable[Way]:
        few = {"cached_rows": min(_FEW_ROWS, self.rows)}
        if not isinstance(self.loss, ContrastiveLoss):
            few = {"parts": max(1, self.rows // _FEW_ROWS)}
        other = "mixed_bfloat16" if asked.precision == "float32" else "float32"
        changes = [{}, {"precision": other}]
        if any(isinstance(stream, Stream) for stream in self.streams):
            changes.append({"recompute": True})
        if not self.model.mixes_rows:  # which refuses rows in parts
            changes += [few, {"recompute": True} | few]
        return dict.fromkeys(dataclasses.replace(asked, **change) for change in changes)

    def _way(self, way: Way) -> dict:
        needed = self.step_memory(way, self.rows)
        found = dataclasses.asdict(way) | {"step_bytes": needed.step, "peak_bytes": needed.peak}
        device = self.where.device
        if device and device.memory_bytes:
            found["fits"] = needed.peak <= device.memory_bytes
            found["most_rows_per_device"] = self._most_rows(way, device.memory_bytes)
        return found

    def _most_rows(self, way: Way, room: int) -> int:
        """The largest batch of a device that fits; a multiple of the chunk, 0 for none."""
        unit = way.cached_rows or way.parts
        low, high = 0, _MOST_ROWS // unit
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.step_memory(way, middle * unit).peak <= room
            low, high = (middle, high) if fits else (low, middle - 1)
        return low * unit

    def step_memory(self, way: Way, rows: int) -> StepMemory:
        """Bytes on one of the devices, with this number of rows on it."""
        trainable = weights_in(self.model.trainable_variables)
        at_once = way.rows_at_once(rows)
        parts = [memory.stream_memory(s, way.width, recompute=way.recompute) for s in self.streams]
        pixels = at_once * sum(s.rows * memory.signal_bytes(s, way.width) for s in self.streams)
        return StepMemory(
            weights=memory.FLOAT32 * weights_in(self.model.variables),
            optimizer=self.slots,
            batch=rows * self.clip_bytes,
            halves=0 if way.width == memory.FLOAT32 else way.width * trainable,
            kept=at_once * sum(part.kept for part in parts),
            working=at_once * max(part.working + part.again for part in parts),
            pixels=pixels,
            signals=pixels if at_once < rows else 0,
            loss=self._loss_bytes(rows),
            gradients=memory.FLOAT32 * trainable,
            sums=memory.FLOAT32 * trainable if at_once < rows else 0,
        )

    def _loss_bytes(self, rows: int) -> int:
        if not isinstance(self.loss, ContrastiveLoss):
            return 0
        scored = min(rows, self.loss.rows_at_once(rows * self.where.devices)) * rows * self.where.devices
        return (
            memory.FLOAT32 * _KEPT_SIMILARITIES * scored * sum(candidates for _, candidates in self._pairs())
        )

    def _speed(self, executed: int) -> dict:
        batch = self.numbers["batch_size"]
        found = {"clip_bytes": self.clip_bytes}
        device, where = self.where.device, self.where
        peak = device and device.peak_tflops(self.configuration.precision)
        if not device or not peak:
            return found
        load = stages.Load(
            operations=executed / where.devices,
            # What blocks make again goes through memory too.
            memory=self.step_memory(dataclasses.replace(self.asked, recompute=False), self.rows),
            way=self.asked,
            rows=self.rows,
            clip_bytes=found["clip_bytes"],
            trainable=weights_in(self.model.trainable_variables),
            embeddings=self.rows * self._embedding_bytes(),
        )
        each = stages.stages(load, device, devices=where.devices, tflops=peak * where.mfu, cores=where.cores)
        seconds = stages.step_seconds(each)
        return found | {
            "peak_tflops": peak,
            "mfu": where.mfu,
            "stage_seconds": each,
            "binds": stages.binding(each),
            "step_seconds": seconds,
            "steps_per_loop": self._steps_per_loop(seconds),
            "steps_per_day": _SECONDS_OF_A_DAY / seconds,
            "clips_per_second": batch / seconds,
            "read_bytes_per_second": batch * found["clip_bytes"] / seconds,
            "decoding_cores_per_device": self.rows * stages.DECODE_SECONDS / seconds,
            "days": self.numbers["steps"] * seconds / _SECONDS_OF_A_DAY,
        }

    def _steps_per_loop(self, seconds: float) -> int:
        """As asked, or as a run chooses on GPUs and TPUs, which all devices of the planner are."""
        due = [self.numbers["steps"], *intervals_of(self.configuration.numbers())]
        return self.numbers["steps_per_loop"] or min(automatic_steps_per_loop(seconds), *due)

    def _embedding_bytes(self) -> int:
        """Of a clip, what the loss gathers: two of audio and video, one of each caption."""
        if not isinstance(self.loss, ContrastiveLoss):
            return 0
        spaces = self.model.spaces
        numbers = 2 * spaces.video_audio_width + (1 + self.clip.candidates) * spaces.video_text_width
        return memory.FLOAT32 * numbers


def _tokens(stream: Stream | ConvStream) -> dict:
    return {"sequences": stream.rows, "all": stream.tokens, "kept_in_training": stream.kept}


def _described(costs) -> dict:
    """Of one clip."""
    parts = {name: row + once for name, (row, once) in costs.items()}
    return {
        "true_flops": sum(count.true for count in parts.values()),
        "paper_flops": sum(count.paper for count in parts.values()),
        "parts": {
            name: {"true_flops": count.true, "paper_flops": count.paper} for name, count in parts.items()
        },
    }


def _bytes(needed: StepMemory) -> dict:
    found = {f"{name}_bytes": value for name, value in dataclasses.asdict(needed).items()}
    return found | {"step_bytes": needed.step, "peak_bytes": needed.peak}
