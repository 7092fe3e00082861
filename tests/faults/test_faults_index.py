"""Every one of the twenty faults has a test in this folder that bears its number; those that look closer,
next to the code they are about, are named here.

Every test that is named here exists: a fault may move, but not vanish.
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Number of the fault -> what happens; file -> tests besides those of this folder that bear the number.
FAULTS = {
    1: ("20 steps = 10 + kill -9 + 10", {"test_main.py": ["test_a_stopped_run_continues_bit_for_bit"]}),
    2: ("kill -9 during saves", {}),
    3: (
        "SIGTERM",
        {"train/test_train_interruption.py": ["test_a_signal_is_noted_and_the_handlers_come_back"]},
    ),
    4: (
        "a bit flip in a checkpoint",
        {
            "train/test_train_checkpoint.py": ["test_whatever_is_missing_or_cut_the_one_before_is_used"],
            "test_main.py": ["test_a_damaged_newest_checkpoint_is_set_aside"],
        },
    ),
    5: ("an empty or truncated state file", {}),
    6: (
        "a full disk",
        {"train/test_train_checkpoint.py": ["test_a_failed_save_leaves_the_one_before_and_no_litter"]},
    ),
    7: ("a read-only directory", {"test_main.py": ["test_a_directory_that_can_not_be_made_is_refused"]}),
    8: ("a failing delete", {}),
    9: (
        "corrupt records",
        {
            "data/test_data_records.py": [
                "test_exactly_the_damaged_record_is_replaced_and_counted_once",
                "test_every_kind_of_damage_is_found",
                "test_too_much_damage_stops",
            ],
        },
    ),
    10: ("broken, empty and bomb JPEGs", {"data/test_data_damage.py": []}),
    11: (
        "mutated MP4s",
        {"prepare/test_prepare_hostile_media.py": ["test_films_that_claim_giant_pictures_are_refused"]},
    ),
    12: (
        "odd media",
        {
            "prepare/test_prepare_media.py": ["test_missing_streams_are_fine"],
            "prepare/test_prepare_odd_media.py": [
                "test_turned_and_mirrored_pictures",
                "test_channels_and_rates",
                "test_headers_without_frames",
            ],
            "data/test_data_clip_parts.py": ["test_silence_and_absence_are_masked"],
        },
    ),
    13: (
        "playlists and addresses inside media",
        {
            "prepare/test_prepare_hostile_media.py": [
                "test_playlists_open_nothing_else",
                "test_addresses_are_no_paths",
                "test_external_references_of_quicktime_are_not_followed",
            ],
        },
    ),
    14: (
        "NaN and infinity",
        {
            "engines/test_engines_step.py": [
                "test_a_bad_batch_leaves_the_weights_untouched_and_stops_all_that_follow"
            ]
        },
    ),
    15: (
        "a worker killed or stalled",
        {
            "prepare/test_prepare_pool.py": ["test_one_bad_task_costs_only_itself"],
            "prepare/test_prepare_prepare.py": ["test_a_file_that_harms_the_decoder_costs_itself"],
        },
    ),
    16: ("seeds and threads", {"data/test_data_prepared.py": ["test_resumes_exactly_whatever_the_threads"]}),
    17: (
        "1, 2 and 4 replicas; whole, streamed and cached losses",
        {
            "engines/test_engines_distribution.py": ["test_loss_gradients_and_statistics", "test_five_steps"],
            "engines/test_engines_gradients.py": ["test_cached_gradients_are_those_of_the_whole_batch"],
            "losses/test_losses_log_sums.py": [],
        },
    ),
    18: ("hostile files", {}),
    19: ("memory and file descriptors", {"data/test_data_records.py": ["test_files_are_closed_again"]}),
    20: (
        "another model, batch, vocabulary or data",
        {"test_main.py": ["test_another_configuration_is_refused_with_the_difference"]},
    ),
}


def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


HERE = {name for path in Path(__file__).parent.glob("test_*.py") for name in names_in(path)}


@pytest.mark.parametrize("number", FAULTS)
def test_every_fault_has_a_test(number):
    _, elsewhere = FAULTS[number]
    for file, names in elsewhere.items():
        found = names_in(TESTS / file)
        assert found and set(names) <= found, f"{file} lacks {sorted(set(names) - found)}"
    assert any(name.startswith(f"test_fault_{number:02d}_") for name in HERE)


def test_numbers_are_those_of_the_table():
    numbers = {int(match[1]) for name in HERE if (match := re.match(r"test_fault_(\d+)_", name))}
    assert numbers == set(FAULTS) == set(range(1, 21))
