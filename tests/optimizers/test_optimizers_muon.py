"""Which variables of the demo's models Muon steps, and which Adam."""

import re

import pytest

from vatt.optimizers.factories import muon
from vatt.plan.configuration import Source, read

PRETRAIN = "experiments/pretrain.gin"
MAPS = {"attention/query", "attention/key", "attention/value", "attention/output"}
MAPS |= {"feed_forward/expand", "feed_forward/contract"}


def by_rule(*files):
    """Paths of the variables that Muon steps, and of those that Adam does."""
    variables = read(files, []).model(Source()).trainable_variables
    optimizer = muon(learning_rate=0.01)
    optimizer.build(variables)
    rules = ([], [])
    for variable, velocity in zip(variables, optimizer.adam_velocities, strict=True):
        rules[velocity is not None].append(variable.path)
    return rules


def blocks(encoder, depth):
    return {f"{encoder}/block_{number}/{name}/kernel" for number in range(depth) for name in MAPS}


def test_muon_steps_the_maps_of_the_blocks_and_adam_all_else():
    by_muon, by_adam = by_rule(PRETRAIN)
    depths = {"video": 3, "audio": 3, "text": 2}
    assert set(by_muon) == set().union(*(blocks(f"vatt/{each}/encoder", n) for each, n in depths.items()))
    assert {path for path in by_adam if not re.search("norm|bias|/spaces/", path)} == {
        *("vatt/video/tokenizer/patches/kernel", "vatt/audio/tokenizer/patches/kernel"),
        *("vatt/video/tokenizer/aggregate/vector", "vatt/audio/tokenizer/aggregate/vector"),
        *(f"vatt/video/tokenizer/positions/{axis}_table" for axis in ("time", "row", "column")),
        "vatt/audio/tokenizer/positions/sample_table",
        *("vatt/text/tokenizer/words/embeddings", "vatt/text/tokenizer/aggregate/vector"),
    }
    assert {"vatt/text/encoder/relative_bias/table", "vatt/spaces/bridge/kernel"} <= set(by_adam)


PROJECTIONS = {
    *(f"vatt/{modality}/tokenizer/projection/kernel" for modality in ("video", "audio")),
    *(f"vatt/{modality}/projection/kernel" for modality in ("video", "audio", "text")),
}


@pytest.mark.parametrize(
    ("files", "besides", "adam"),
    [
        ((PRETRAIN, "experiments/overlay/agnostic.gin"), PROJECTIONS, "/spaces/"),
        (("experiments/finetune_demo.gin", "experiments/overlay/from_scratch.gin"), set(), "/head/"),
    ],
    ids=["agnostic", "classifier"],
)
def test_no_table_and_no_last_map_is_stepped_by_muon(files, besides, adam):
    by_muon, by_adam = by_rule(*files)
    in_blocks = {path for path in by_muon if "/block_" in path}
    assert {"/".join(path.split("/")[-3:-1]) for path in in_blocks} == MAPS
    assert set(by_muon) - in_blocks == besides
    assert any(adam in path for path in by_adam)
