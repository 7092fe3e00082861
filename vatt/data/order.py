"""The order of the training stream: position in the endless stream -> number of an example.

It is a pure function of (seed, position), in TensorFlow ops: there is no shuffle buffer to fill and no
iterator state to save; a run that resumes at position p asks for p. Each epoch (one pass over the set) is
another permutation of the whole set.
"""

import tensorflow as tf

# Luby and Rackoff prove four rounds enough for ideal round functions; ours is a hash, and a small set's
# halves are of few bits.
ROUNDS = 8
MAXIMUM_SIZE = 1 << 40

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


def _permute(values, keys, half_bits):
    """A keyed bijection of [0, 4^half_bits): a balanced Feistel network on the halves of the bits."""
    shift, mask = _words(half_bits), _words((1 << half_bits) - 1)
    left, right = tf.bitwise.right_shift(values, shift), tf.bitwise.bitwise_and(values, mask)
    for number in range(1, ROUNDS + 1):
        round_keys = _mix(keys + _words(number * _GOLDEN_GAMMA))
        scrambled = tf.bitwise.bitwise_and(_mix(tf.bitwise.bitwise_xor(right, round_keys)), mask)
        left, right = right, tf.bitwise.bitwise_xor(left, scrambled)
    return tf.bitwise.bitwise_or(tf.bitwise.left_shift(left, shift), right)


def examples_at(positions, *, size, seed):
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

    def is_outside(examples):
        return examples >= _words(size)

    def walk(examples):
        return tf.where(is_outside(examples), _permute(examples, keys, half_bits), examples)

    examples = tf.while_loop(
        lambda examples: tf.reduce_any(is_outside(examples)),
        lambda examples: [walk(examples)],
        [_permute(within, keys, half_bits)],
    )[0]
    return tf.cast(examples, tf.int64)
