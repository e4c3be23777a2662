/* A network's arrays, how its weights learn, and how long the arrays are.
 *
 * Weights, velocity and deltas are one array each: first the hidden weights, in panels
 * of one tile of hidden units, W[panel][j][lane], where j = 0 is the bias; then v_h of
 * every output, by unit; then v_0 of every output. A unit that pads H to whole panels
 * has such a low bias that its output is 0: it never learns.
 */

#ifndef SKLEARN_BACKPROP_NETWORK_H
#define SKLEARN_BACKPROP_NETWORK_H

#include <stddef.h>

/* bytes of hidden units in a tile: one cache line, and the widest register */
#define TILE_BYTES 64

/* Samples in a block: BLOCK, or LONG_BLOCK if W is larger than LARGE_BYTES. Memory is
 * then the limit, and W is read and written half as often. */
#ifndef BLOCK
#define BLOCK 4
#endif
#ifndef LONG_BLOCK
#define LONG_BLOCK 8
#endif
#ifndef LARGE_BYTES
#define LARGE_BYTES (1 << 21)
#endif

/* Samples that share a pass over W while it does not change, in a batch or to predict,
 * in whole LONG_BLOCKs: all samples, if there are no more than BATCH_BLOCK and their
 * inputs have no more than BATCH_BYTES; otherwise a part of them, with a quarter of
 * that. */
#define BATCH_BLOCK 64
#define BATCH_BYTES (1 << 19)

/* "real" is float or double, depending on the function to which these are passed. */
typedef struct {
    ptrdiff_t d, H, K; /* inputs, hidden units, outputs */
    void *weights;     /* INOUT real */
    void *velocity;    /* INOUT real, the last update of the weights; NULL without */
                       /* momentum */
    void *deltas;      /* real, zeros; NULL for batches of one sample */
    void *workspace;   /* real, anything */
    void *by_input;    /* real, anything: weights for sparse X; see sparse_training.h */
} network;

/* How the weights learn: Δ = -η ∂E - ηα w + μ Δ_last, where biases have no second term.
 * A batch ends with every batch_size-th of the n entries of an epoch, and with the
 * last. */
typedef struct {
    double eta, alpha, momentum; /* learning rate, L2 penalty, momentum */
    ptrdiff_t batch_size, n;
} learning_rule;

/* a number of items, rounded up to whole tiles */
static inline ptrdiff_t padded(ptrdiff_t items, ptrdiff_t itemsize)
{
    const ptrdiff_t tile = TILE_BYTES / itemsize;
    return (items + tile - 1) / tile * tile;
}

/* items in weights, velocity and deltas: whole tiles */
static inline ptrdiff_t weights_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t K,
                                     ptrdiff_t itemsize)
{
    return padded(H, itemsize) * (d + 1 + K) + padded(K, itemsize);
}

static inline ptrdiff_t block_length(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    const ptrdiff_t bytes = padded(H, itemsize) * (d + 1) * itemsize;
    return bytes > LARGE_BYTES ? LONG_BLOCK : BLOCK;
}

/* samples in a block of a batch, or of rows to predict, by their number */
static inline ptrdiff_t batch_block(ptrdiff_t samples, ptrdiff_t d, ptrdiff_t itemsize)
{
    const ptrdiff_t all = (samples + LONG_BLOCK - 1) / LONG_BLOCK * LONG_BLOCK;
    const ptrdiff_t bytes = LONG_BLOCK * (d + 1) * itemsize;
    const ptrdiff_t part = BATCH_BYTES / 4 / bytes * LONG_BLOCK;

    if (all <= LONG_BLOCK
        || (all <= BATCH_BLOCK && all / LONG_BLOCK * bytes <= BATCH_BYTES)) {
        return all;
    }
    return part < LONG_BLOCK ? LONG_BLOCK : part < BATCH_BLOCK ? part : BATCH_BLOCK;
}

/* Items for blocks of this length: a and g of each sample; x̃ of LONG_BLOCK samples;
 * two arrays of inputs, and two for momentum (see sweep.h); outputs, steps and sums
 * (see output_layer.h). Rows that stay sparse need less than a block of BLOCK
 * samples. */
static inline ptrdiff_t workspace_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t K,
                                       ptrdiff_t itemsize, ptrdiff_t length)
{
    return 2 * length * padded(H, itemsize) + LONG_BLOCK * padded(d + 1, itemsize)
           + padded(2 * (length + LONG_BLOCK) * (d + 1), itemsize)
           + 2 * padded(length * K, itemsize) + K * TILE_BYTES / itemsize;
}

/* items for weights by input; see sparse_training.h */
static inline ptrdiff_t by_input_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    return padded(H, itemsize) * (d + 4) + TILE_BYTES / itemsize;
}

#endif
