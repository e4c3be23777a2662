/* The compiled kernel: the documented updates, one sample at a time, and predict.
 *
 * A contract for the boundary (_boundary.pyx) and for every C file of this folder.
 * The rule itself is stated in ../equations.py; this kernel computes the same numbers
 * up to rounding. It validates nothing, allocates nothing, and calls nothing of Python.
 *
 * Weights, velocity and deltas are one array each: hidden weights in panels of TILE
 * units, W[panel][j][lane] with j = 0 the bias, then v_h of every output by unit, then
 * v_0 of every output. A unit that pads H up to whole panels has a bias so low that its
 * output is 0: it never learns.
 *
 * The bits of a result do not depend on the instruction set: only + - × ÷ and fma, in
 * an order that the source fixes.
 */

#ifndef SKLEARN_BACKPROP_KERNEL_H
#define SKLEARN_BACKPROP_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* bytes of hidden units in a tile: a cache line, and the widest register */
#define TILE_BYTES 64

/* Samples in a block, and in one where W is larger than LARGE_BYTES: memory is then
 * the limit, and W is read and written half as often. A chunk of an epoch is a multiple
 * of LONG_BLOCK, so that blocks do not depend on how an epoch is cut; rows that stay
 * sparse come one by one, and may be cut anywhere. */
#ifndef BLOCK
#define BLOCK 4
#endif
#ifndef LONG_BLOCK
#define LONG_BLOCK 8
#endif
#ifndef LARGE_BYTES
#define LARGE_BYTES (1 << 21)
#endif

/* Values of X in training units: training refuses what lies beyond, predict clips it, so
 * that products and sums stay finite. */
#define LIMIT_F32 1e18
#define LIMIT_F64 1e100

/* Columns whose mean is so many standard deviations from 0 have hardly any zeros. In
 * sparse X they are centered one by one: implicitly, the square of this number would be
 * lost in digits. */
#define FAR 16

/* "real" is float or double, as the functions to which these are passed. */
typedef struct {
    ptrdiff_t d, H, K;    /* inputs, hidden units, outputs */
    void *weights;        /* INOUT real */
    void *velocity;       /* INOUT real, the last change of the weights; NULL without */
                          /* momentum */
    void *deltas;         /* real, zeros; NULL for batches of one sample */
    void *workspace;      /* real, anything */
    void *rows;           /* real, anything: weights of sparse X; see sparse.inc.h */
} network;

/* How the weights learn: Δ = -η ∂E - ηα w + μ Δ_last, where biases have no second term.
 * A batch ends with every batch_size-th of the n entries of an epoch, and with the
 * last. */
typedef struct {
    double eta, alpha, momentum;  /* learning rate, L2 penalty, momentum */
    ptrdiff_t batch_size, n;
} rule;

/* The order in which samples are used, each as often as its weight says. Entry i is
 * entries[i], or i where that is NULL. Without `fraction` an entry is a row, which
 * counts in full. With it, 2 row counts in full, and 2 row + 1 by the row's fraction. */
typedef struct {
    const int64_t *entries;
    const double *fraction;       /* IN (n,) */
} sample_order;

typedef struct {
    const void *X;                /* IN real (n, d), units of the user */
    ptrdiff_t row_stride, column_stride; /* of X, in items */
    /* Sparse rows: X holds the values of row i from indptr[i] to indptr[i + 1], indices
     * their columns; both have 64 bits or 32. NULL where X is dense. */
    const void *indptr, *indices;
    int wide_indices;
    const void *y;                /* IN real (n, K), training units */
    const double *mean;           /* IN (d,)  training units are (x - mean) × scale */
    const double *scale;          /* IN (d,) */
    sample_order order;
} samples;

/* Statistics of d columns, each an array of d numbers. */
typedef struct {
    double *mean;
    double *std;       /* 0 without spread, infinite where rounding is all there is of it */
    double *low, *high; /* the extremes */
    double *two;       /* 1 if there are no other values than these two, else 0 */
    double *scale;     /* 1 / std, and 0 for a column that does not vary */
} statistics;

/* In `scale`, the std of a column of two values is at least RARE times half their distance.
 * Or a flag of 1 in 500 rows would be 22 standard deviations where it is set. */
#define RARE 0.6

/* After samples of weight CLIP_FROM, new values enter statistics within CLIP standard
 * deviations. Or one outlier would leave all other values close together. */
#define CLIP 100
#define CLIP_FROM 20

/* What a long computation asks now and then; it ends at once, and returns -1, if the
 * answer is not 0. */
typedef int (*interrupted)(void);

typedef struct {
    /* Train on the entries start ≤ i < stop of the order. Returns loss + Σ E, each E from
     * just before its own update, so that the sum does not depend on how an epoch is
     * cut. */
    double (*train)(const network *, const samples *, const rule *, ptrdiff_t start,
                    ptrdiff_t stop, double loss);
    /* y_hat[i] = ŷ in training units for rows start ≤ i < stop, real (n, K) */
    void (*predict)(const network *, const samples *, ptrdiff_t start, ptrdiff_t stop,
                    void *y_hat);
    /* Before the first call of either with sparse X, and after the last of train: hidden
     * weights move from `weights` to net->rows, and from there to net->weights. */
    void (*open_rows)(const network *, const samples *, const void *weights);
    void (*close_rows)(const network *, const samples *);
    /* The statistics of each of d columns over the first n of the order, and over earlier
     * samples of that weight, 0 if there are none; room is for 6 d numbers where X is
     * sparse. Returns whether a value was clipped. */
    int (*measure)(const samples *, ptrdiff_t n, ptrdiff_t d, const statistics *before,
                   double weight_before, const statistics *of, double *room, interrupted);
    /* first row < n with a value beyond ±LIMIT in training units, or n */
    ptrdiff_t (*first_beyond)(const samples *, ptrdiff_t n, ptrdiff_t d, interrupted);
    /* hashes[i] = 64 bits that depend on the seed and the values of row i of X and of
     * y (n, K), and on nothing else: -0 counts as 0, and whether zeros are stored does
     * not count. Another seed gives hashes that have nothing to do with these. */
    int (*hash_rows)(const samples *, const double *y, ptrdiff_t n, ptrdiff_t d,
                     ptrdiff_t K, uint64_t seed, uint64_t *hashes, interrupted);
    /* weights from W, real (d + 1, H), and v, real (K, H + 1) with v_0 first; and back */
    void (*pack)(const network *, const void *W, const void *v);
    void (*unpack)(const network *, void *W, void *v);
    /* whether all weights are, and outputs for every X within the limit */
    int (*finite)(const network *);
} functions;

typedef struct {
    const char *name;
    functions f32, f64;
} kernel;

static inline int64_t entry_at(const sample_order *order, ptrdiff_t i)
{
    return order->entries ? order->entries[i] : i;
}

static inline ptrdiff_t row_at(const sample_order *order, ptrdiff_t i)
{
    const int64_t entry = entry_at(order, i);
    return (ptrdiff_t)(order->fraction ? entry >> 1 : entry);
}

/* how many values CSR holds of the row of entry i */
static inline ptrdiff_t values_at(const samples *data, ptrdiff_t i)
{
    const ptrdiff_t row = row_at(&data->order, i);

    if (data->wide_indices) {
        const int64_t *const indptr = data->indptr;
        return (ptrdiff_t)(indptr[row + 1] - indptr[row]);
    }
    const int32_t *const indptr = data->indptr;
    return (ptrdiff_t)indptr[row + 1] - (ptrdiff_t)indptr[row];
}

/* ask the memory for what values_at will read */
static inline void fetch_values_at(const samples *data, ptrdiff_t i)
{
    __builtin_prefetch((const char *)data->indptr
                       + row_at(&data->order, i) * (data->wide_indices ? 8 : 4));
}

static inline int is_far(const samples *data, ptrdiff_t j)
{
    const double mu = data->mean[j] * data->scale[j];
    return mu > FAR || mu < -FAR;
}

/* how much entry i counts */
static inline double fraction_at(const sample_order *order, ptrdiff_t i)
{
    if (!order->fraction) {
        return 1;
    }
    const int64_t entry = entry_at(order, i);
    return entry & 1 ? order->fraction[entry >> 1] : 1;
}

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

/* items for a, g, the rows of a block, and four arrays of inputs, see blocks.inc.h; for
 * sums, outputs and steps, see sample.inc.h */
static inline ptrdiff_t workspace_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t K,
                                       ptrdiff_t itemsize)
{
    return block_length(d, H, itemsize)
               * (2 * padded(H, itemsize) + padded(d + 1, itemsize) + 4 * (d + 1))
           + K * TILE_BYTES / itemsize + 2 * padded(K, itemsize);
}

/* items for weights, or for deltas, by input; see sparse.inc.h */
static inline ptrdiff_t rows_size(ptrdiff_t d, ptrdiff_t H, ptrdiff_t itemsize)
{
    return padded(H, itemsize) * (d + 4) + TILE_BYTES / itemsize;
}

/* the kernel of that name, "baseline", "x86-64-v3" or "x86-64-v4", or NULL if it was not
 * built or the CPU does not run it; without a name the fastest that it runs */
const kernel *choose_kernel(const char *name);

/* whether the CPU has fused multiply-add, which is slow without */
int cpu_has_fma(void);

#endif
