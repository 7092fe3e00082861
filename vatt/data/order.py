"""The order of the training stream: position in the endless stream -> number of an example, of one set or of
several.

It is a pure function of (seed, position), in TensorFlow ops: there is no shuffle buffer to fill and no
iterator state to save; a run that resumes at position p asks for p. Each epoch (one pass over the set) is
another permutation of the whole set.

`tf.random.experimental.index_shuffle` would be shorter, but does not shuffle small sets: in 4,000 epochs of
seven examples it gave 246 to 251 of the 5,040 orders, with its 4 rounds and with 24; this one 2,737, where
fair draws give 2,761.
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from vatt.protocols import Tensor

# Luby and Rackoff prove four rounds enough for ideal round functions; ours is a hash, and a small set's
# halves are of few bits.
ROUNDS = 8
MAXIMUM_SIZE = 1 << 40
# Positions within which sets mixed by weights stand in exactly the given shares. Shares are kept to one in
# this many; a multiple of 2, 4, 5, 8 and 10, so that those people write are kept exactly.
CYCLE = 10_000

_WORD = (1 << 64) - 1
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15  # the odd step of SplitMix64 (Steele, Lea, Flood 2014)


def _words(number):
    """A Python integer as uint64, modulo 2^64."""
    return tf.constant(number & _WORD, tf.uint64)


def _mix(words):
    """SplitMix64's finaliser: uint64 -> uint64, every bit of the input reaches every bit of the output."""
    words = tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _words(30))) * _words(
        0xBF58476D1CE4E5B9
    )
    words = tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _words(27))) * _words(
        0x94D049BB133111EB
    )
    return tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, _words(31)))


def _round_keys(keys):
    """Keys of all rounds, uint64 [ROUNDS, *shape of `keys`], in a few ops for all."""
    steps = [number * _GOLDEN_GAMMA & _WORD for number in range(1, ROUNDS + 1)]
    steps = tf.reshape(tf.constant(steps, tf.uint64), [ROUNDS] + [1] * keys.shape.rank)
    return tf.unstack(_mix(keys[tf.newaxis] + steps), num=ROUNDS)


def _permute(values, round_keys, half_bits):
    """A keyed bijection of [0, 4^half_bits): a balanced Feistel network on the halves of the bits."""
    shift, mask = _words(half_bits), _words((1 << half_bits) - 1)
    left, right = tf.bitwise.right_shift(values, shift), tf.bitwise.bitwise_and(values, mask)
    for key in round_keys:
        scrambled = tf.bitwise.bitwise_and(_mix(tf.bitwise.bitwise_xor(right, key)), mask)
        left, right = right, tf.bitwise.bitwise_xor(left, scrambled)
    return tf.bitwise.bitwise_or(tf.bitwise.left_shift(left, shift), right)


def examples_at(positions: Tensor, *, size: int, seed: int) -> Tensor:
    """Which example stands at each position of the stream.

    Args:
        positions: int64 tensor of any shape, each >= 0.
        size: number of examples of the set, 1 to 2^40.
        seed: any integer; another seed is another order.

    Returns:
        int64 tensor of the shape of `positions`, in [0, size). For every epoch e, positions e * size to
        (e + 1) * size - 1 hold every example once.
    """
    if not 1 <= size <= MAXIMUM_SIZE:
        raise ValueError(f"`size` must be between 1 and 2^40. Received: size={size}.")
    positions = tf.convert_to_tensor(positions, tf.int64)
    epochs, within = positions // size, tf.cast(positions % size, tf.uint64)
    keys = _mix(
        tf.bitwise.bitwise_xor(
            _mix(_words(seed + _GOLDEN_GAMMA)), _mix(tf.cast(epochs, tf.uint64) + _words(1))
        )
    )

    # The network permutes a power of four that is at least `size` and less than four times it (or 4). Walking
    # along the cycle until a value is inside [0, size) restricts it to a permutation of the set.
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    round_keys = _round_keys(keys)

    def is_outside(examples):
        return examples >= _words(size)

    def walk(examples):
        return tf.where(is_outside(examples), _permute(examples, round_keys, half_bits), examples)

    examples = tf.while_loop(
        lambda examples: tf.reduce_any(is_outside(examples)),
        lambda examples: [walk(examples)],
        [_permute(within, round_keys, half_bits)],
    )[0]
    return tf.cast(examples, tf.int64)


def examples_of_sets_at(
    positions: Tensor, *, sizes: Sequence[int], seed: int, weights: Sequence[float] | None = None
) -> tuple[Tensor, Tensor]:
    """Which set, and which example of it, stands at each position of a stream over several sets.

    Without weights the stream is that of the concatenated sets: every epoch holds every example of every set
    once, so a set's share is its share of the examples. With weights every `CYCLE` positions are permuted
    anew and dealt out to the sets, to each as many as its share. How many of a set came in earlier cycles is
    then known without counting, so each cycle continues in the set's own endless order where the last one
    ended (within a cycle that order is scrambled).

    Args:
        positions: int64 tensor of any shape, each >= 0.
        sizes: number of examples of each set, each at least 1, 2^40 in all.
        seed: any integer; another seed is another order.
        weights: one positive number for each set, its share of the stream up to a common factor; None for
            shares by size.

    Returns:
        Two int64 tensors of the shape of `positions`: the set, in [0, len(sizes)), and its example, in
        [0, sizes[set]).
    """
    if weights is None:
        ends = np.cumsum(sizes)
        numbers = examples_at(positions, size=int(ends[-1]), seed=seed)
        sets = _piece(numbers, ends)
        return sets, numbers - tf.gather(tf.constant(ends - sizes, tf.int64), sets)

    positions = tf.convert_to_tensor(positions, tf.int64)
    slots = examples_at(positions, size=CYCLE, seed=seed)
    counts = slots_of_sets(weights)
    ends = np.cumsum(counts)
    sets = _piece(slots, ends)
    examples = tf.zeros_like(positions)
    for number, (size, count, end) in enumerate(zip(sizes, counts, ends, strict=True)):
        # Where another set stands this is some number that is not used; it must only not be negative.
        earlier = positions // CYCLE * count + tf.maximum(slots - (end - count), 0)
        # Sets of one size would otherwise come in one order.
        own = examples_at(earlier, size=size, seed=seed + ((number + 1) << 32))
        examples = tf.where(sets == number, own, examples)
    return sets, examples


def slots_of_sets(weights: Sequence[float]) -> list[int]:
    """Positions of each set in a cycle: shares of `CYCLE` by positive weights, rounded so that they add up to
    it (largest remainders).
    """
    weights = [float(weight) for weight in weights]
    if not weights or not all(0 < weight < math.inf for weight in weights):
        raise ValueError(
            f"`weights` must be positive numbers. Received: weights={tuple(weights)}. Leave out the set that "
            f"is not wanted."
        )
    exact = [CYCLE * weight / sum(weights) for weight in weights]
    counts = [math.floor(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda number: counts[number] - exact[number])
    for number in by_remainder[: CYCLE - sum(counts)]:
        counts[number] += 1
    if not all(counts):
        raise ValueError(
            f"Every set must get at least one position in {CYCLE}. Received: weights={tuple(weights)}. Raise "
            f"the smallest, or leave out its set."
        )
    return counts


def _piece(numbers, ends):
    """Which of the consecutive pieces, given by their ends, each number is in: int64 of its shape."""
    flat = tf.searchsorted(
        tf.constant(ends, tf.int64), tf.reshape(numbers, [-1]), side="right", out_type=tf.int64
    )
    return tf.reshape(flat, tf.shape(numbers))
