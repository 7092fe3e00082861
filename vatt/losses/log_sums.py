"""log Σ exp over similarities: of a whole matrix, or streamed through blocks that are made twice, never kept.

For B clips with K candidates each there are B · B · K scores, in two directions. `whole` writes them down and
leaves the gradient to the framework, which keeps several copies. `streamed` needs one block at a time: the
matrix of this replica's candidates against everybody's clips holds both directions, a candidate's sum along
its row and a clip's down its column. A row is complete within its block, a column is carried from block to
block, and the gradient makes every block once more (as in FlashAttention, arXiv:2205.14135). Cosines are
bounded, so that one shift keeps all exponentials in range and one exponential serves a row and a column; only
where τ is too small for that, below 0.025, each has its own maximum. On several replicas a column is the sum
of what each of them found.
"""

from collections.abc import Callable

from keras import ops

from vatt.protocols import Tensor

NEVER = -1e9  # the log of a term that is left out of a sum
# Scores of vectors of length 1 are between −1 / τ and 1 / τ. exp(−80) is still a float32 with all its digits.
WIDEST = 80.0

# Pairs of clips in a block of `fast_rows`: with half of them, a step on 4,096 clips took a twelfth longer
# (benchmarks/contrastive.py).
BLOCK_PAIRS = 2**20


def fast_rows(batch_rows: int) -> int:
    """Good `block_rows` for a global batch of this size."""
    return max(1, BLOCK_PAIRS // batch_rows)


def whole(
    left: Tensor,
    right: Tensor,
    left_mask: Tensor,
    right_mask: Tensor,
    *,
    index: Tensor,
    temperature: float | Tensor,
    gather: Callable,
) -> tuple[Tensor, Tensor, Tensor]:
    """The sums of `streamed`, from matrices as large as the batch; the plain twin it is tested against."""
    candidates, width = right.shape[1], right.shape[-1]
    all_left, all_right, all_index = gather(left), gather(right), gather(index)
    all_left_mask, all_right_mask = gather(left_mask), gather(right_mask)
    all_rows = ops.shape(all_left)[0]
    own = ops.cast(ops.equal(index[:, None], all_index[None, :]), "float32")[:, :, None]  # [b, B, 1]

    def scores(a, b, exists):
        return ops.matmul(a, ops.transpose(b)) / temperature + (1 - exists) * NEVER

    # My clip against everybody's candidates, everybody's clips against my candidates: both [b, B, K].
    forth = scores(left, ops.reshape(all_right, (-1, width)), ops.reshape(all_right_mask, (1, -1)))
    forth = ops.reshape(forth, (-1, all_rows, candidates))
    exists = ops.reshape(right_mask, (-1, 1)) * all_left_mask[None, :]
    back = scores(ops.reshape(right, (-1, width)), all_left, exists)
    back = ops.transpose(ops.reshape(back, (-1, candidates, all_rows)), (0, 2, 1))
    positives = ops.logsumexp(forth + (1 - own) * NEVER, axis=(1, 2))
    forth, back = (ops.logsumexp(each + own * NEVER, axis=(1, 2)) for each in (forth, back))
    return positives, forth, back


def streamed(
    left: Tensor,
    right: Tensor,
    left_mask: Tensor,
    right_mask: Tensor,
    *,
    index: Tensor,
    temperature: float | Tensor,
    largest: float,
    gather: Callable,
    block_rows: int | str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Three sums for each clip of this replica, over all replicas' clips and candidates.

    Args:
        left: float32 [b, D], this replica's clips, of length 1; b must be known when the graph is made.
        right: float32 [b, K, D], their candidates, of length 1.
        left_mask: [b], 0 for a clip that no candidate is scored against; right_mask: [b, K], 0 for a
            candidate that does not exist.
        index: int [b], a number of its own for every row of the global batch.
        temperature: τ.
        largest: no score is larger, 1 / τ or 1 / a τ that this one is never below.
        gather: rows of this replica -> rows of all replicas, differentiable.
        block_rows: clips whose candidates are scored at a time, or "auto" for `fast_rows`; a block has
            block_rows · K · B entries.

    Returns:
        Three of float32 [b], log Σ exp(cosine / τ): of the clip with its own candidates; of the clip with all
        other clips' candidates; of all other clips with the clip's candidates. About −1e9 for no term.
    """
    rows, candidates, width = right.shape
    if rows is None:
        raise ValueError(
            "`block_rows` needs a batch whose size is known when the graph is made. Received embeddings of "
            f"shape {tuple(right.shape)}. Batch with `drop_remainder=True`, or set `block_rows=None`."
        )
    left = left / temperature
    own = ops.einsum("bd,bkd->bk", left, right) + (1 - right_mask) * NEVER
    all_left, all_index = gather(left), gather(index)
    if block_rows == "auto":  # of this replica's rows where the graph does not know how many there are in all
        block_rows = fast_rows(all_left.shape[0] or rows)
    # `gather` keeps this replica's rows together and in order: where the first one is, the others follow.
    first = ops.cast(ops.argmax(ops.cast(ops.equal(all_index, index[0]), "int32")), "int32")
    by_candidate, by_clip = _stream(
        ops.reshape(right, (rows * candidates, width)),
        ops.transpose(all_left),
        ops.reshape((1 - right_mask) * NEVER, (-1, 1)),
        (1 - gather(left_mask)) * NEVER,
        first,
        candidates,
        block_rows,
        largest,
    )
    back = ops.logsumexp(ops.reshape(by_candidate, (rows, candidates)), axis=1)
    forth = ops.slice(ops.logsumexp(gather(ops.expand_dims(by_clip, 0)), axis=0), (first,), (rows,))
    return ops.logsumexp(own, axis=1), forth, back


def _stream(right, left, right_bias, left_bias, first_own, candidates, block_rows, largest):
    """log Σ exp of the rows and of the columns of right · left + right_bias + left_bias.

    Args:
        right: [b · K, D]; left: [D, B]; right_bias: [b · K, 1]; left_bias: [B].
        first_own: the column of the first K rows' own clip; each K rows after them own the next column.
            Scores of own clips are left out.
        candidates, block_rows: K, and how many times K rows make a block.
        largest: no product is larger, nor smaller than its negative.

    Returns:
        [b · K] and [B]; differentiable in `right` and `left`.
    """
    rows = right.shape[0]
    block = min(block_rows * candidates, rows)
    columns = ops.arange(ops.shape(left)[1], dtype="int32")

    def cut(x, start, size):
        return ops.slice(x, (start, 0), (size, x.shape[1]))

    def scores(right_rows, left, start, size, shift=0.0):
        """Without `right_bias`, less `shift`: each look at all of a block takes its time."""
        clips = first_own + start // candidates + ops.arange(size // candidates, dtype="int32")
        bias = ops.where(ops.equal(clips[:, None], columns), NEVER, left_bias - shift)
        result = ops.reshape(ops.matmul(right_rows, left), (size // candidates, candidates, -1))
        return ops.reshape(result + bias[:, None], (size, -1))

    if 2 * largest <= WIDEST:
        sums = _bounded_sums(rows, block, cut, scores, right_bias, left_bias, largest)(right, left)
        return sums[:rows], sums[rows:]

    @ops.custom_gradient
    def log_sums(right, left):
        def add_sums(start, size, by_column, maximum, by_row):
            """The sums with one block more; `by_column` is relative to exp(`maximum`)."""
            block_scores = scores(cut(right, start, size), left, start, size) + cut(right_bias, start, size)
            row_sums = ops.logsumexp(block_scores, axis=1, keepdims=True)
            new_maximum = ops.maximum(maximum, ops.max(block_scores, axis=0))
            by_column = by_column * ops.exp(maximum - new_maximum)
            by_column = by_column + ops.sum(ops.exp(block_scores - new_maximum), axis=0)
            return by_column, new_maximum, ops.slice_update(by_row, (start, 0), row_sums)

        nothing = ops.zeros_like(left_bias)
        carry = (nothing, nothing + 3 * NEVER, ops.zeros_like(right_bias))  # below every score
        by_column, maximum, by_row = block_by_block(add_sums, rows, block, carry)
        by_column = maximum + ops.log(by_column)

        def gradient(*arguments, upstream=None):
            upstream = arguments[-1] if upstream is None else upstream  # as in `_bounded_sums`
            row_gradient, column_gradient = upstream[:rows, None], upstream[rows:]
            left_rows = ops.transpose(left)

            def add_gradient(start, size, left_gradient, right_gradient):
                right_rows = cut(right, start, size)
                block_scores = scores(right_rows, left, start, size) + cut(right_bias, start, size)
                of_scores = ops.exp(block_scores - cut(by_row, start, size)) * cut(row_gradient, start, size)
                of_scores = of_scores + ops.exp(block_scores - by_column) * column_gradient
                left_gradient = left_gradient + ops.matmul(ops.transpose(right_rows), of_scores)
                update = ops.matmul(of_scores, left_rows)
                return left_gradient, ops.slice_update(right_gradient, (start, 0), update)

            carry = (ops.zeros_like(left), ops.zeros_like(right))
            left_gradient, right_gradient = block_by_block(add_gradient, rows, block, carry)
            return right_gradient, left_gradient

        # One result, as Keras' custom gradients take one upstream on every backend.
        return ops.concatenate([by_row[:, 0], by_column], axis=0), gradient

    sums = log_sums(right, left)
    return sums[:rows], sums[rows:]


def _bounded_sums(rows, block, cut, scores, right_bias, left_bias, largest):
    """The sums of `_stream` where one shift serves all rows and columns: half of the exponentials, which cost
    as much as the products.
    """

    @ops.custom_gradient
    def log_sums(right, left):
        there = ops.exp(right_bias)  # 1, or 0 for a row that is left out: on the sums, not on every term

        def terms(start, size):
            return ops.exp(scores(cut(right, start, size), left, start, size, largest))

        def add_sums(start, size, by_column, by_row):
            block_terms, block_there = terms(start, size), cut(there, start, size)
            row_sums = ops.sum(block_terms, axis=1, keepdims=True) * block_there
            column_sums = ops.matmul(ops.transpose(block_there), block_terms)[0]
            return by_column + column_sums, ops.slice_update(by_row, (start, 0), row_sums)

        carry = (ops.zeros_like(left_bias), ops.zeros_like(right_bias))
        by_column, by_row = block_by_block(add_sums, rows, block, carry)

        def gradient(*arguments, upstream=None):
            # Keras hands over the gradient by position on TensorFlow and JAX, by name on PyTorch.
            upstream = arguments[-1] if upstream is None else upstream
            of_row = _over(upstream[:rows, None], by_row)
            of_column = _over(upstream[rows:], by_column)
            left_rows = ops.transpose(left)

            def add_gradient(start, size, left_gradient, right_gradient):
                block_there = cut(there, start, size)
                right_rows = cut(right, start, size) * block_there
                of_scores = terms(start, size) * (cut(of_row, start, size) + of_column)
                left_gradient = left_gradient + ops.matmul(ops.transpose(right_rows), of_scores)
                update = ops.matmul(of_scores, left_rows) * block_there
                return left_gradient, ops.slice_update(right_gradient, (start, 0), update)

            carry = (ops.zeros_like(left), ops.zeros_like(right))
            left_gradient, right_gradient = block_by_block(add_gradient, rows, block, carry)
            return right_gradient, left_gradient

        sums = ops.concatenate([by_row[:, 0], by_column], axis=0)
        empty = ops.equal(sums, 0)
        logs = largest + ops.log(ops.where(empty, 1.0, sums))
        return ops.where(empty, NEVER, logs), gradient

    return log_sums


def _over(gradient, sums):
    """gradient / sums; 0 for a sum without any term."""
    empty = ops.equal(sums, 0)
    return ops.where(empty, 0.0, gradient) / ops.where(empty, 1.0, sums)


def block_by_block(add: Callable, rows: int, block: int, carry: tuple) -> tuple:
    """`carry` after `carry = add(start, size, *carry)` on each block of `rows`; the last may be smaller."""
    blocks, rest = divmod(rows, block)

    def unfinished(number, first, *_):
        # The look at the carry makes a block wait for the one before: TensorFlow begins up to ten iterations
        # of a loop at once, which takes the memory of ten blocks. A NaN stays in the result, nothing hides.
        return ops.logical_and(number < blocks, ops.logical_not(ops.any(ops.isnan(first))))

    def body(number, *carry):
        return (number + 1, *add(number * block, block, *carry))

    sums = ops.while_loop(unfinished, body, (ops.convert_to_tensor(0, "int32"), *carry))[1:]
    return add(blocks * block, rest, *sums) if rest else tuple(sums)
