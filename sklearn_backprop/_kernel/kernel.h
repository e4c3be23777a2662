/* The compiled kernel: the documented updates, one sample at a time or in batches, and
 * predictions.
 *
 * This is the contract between the boundary (_boundary.pyx) and the functions of every
 * instruction set and floating-point type. The rule itself is stated in
 * ../equations.py; this kernel computes the same numbers up to rounding. It validates
 * nothing, allocates nothing, and does not call Python.
 *
 * The bits of a result do not depend on the instruction set: the kernel uses only
 * + - × ÷ and fma, in an order that the source fixes.
 */

#ifndef SKLEARN_BACKPROP_KERNEL_H
#define SKLEARN_BACKPROP_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "network.h"
#include "samples.h"

/* Statistics of d columns, each an array of d numbers. */
typedef struct {
    double *mean;
    double *std;        /* 0 without spread, infinite if rounding is the only spread */
    double *low, *high; /* the extremes */
    double *two;        /* 1 if there are no values other than these two, else 0 */
    double *scale;      /* 1 / std, and 0 for a column that does not vary */
} statistics;

/* A long computation calls this after every PATIENCE values or so. If the result is not
 * 0, the computation ends immediately and returns -1. */
typedef int (*interrupted)(void);
#define PATIENCE ((ptrdiff_t)1 << 20)

/* The functions of one instruction set and one type of real numbers. */
typedef struct {
    /* Train on the entries start ≤ i < stop of the order. Returns loss + Σ E, each E
     * from just before the update of its sample. An epoch may be divided into several
     * calls without changing any bit: after a multiple of LONG_BLOCK entries; after any
     * batch, if batches are no longer than their batch_block; anywhere, if rows stay
     * sparse. */
    double (*train)(const network *, const samples *, const learning_rule *,
                    ptrdiff_t start, ptrdiff_t stop, double loss);
    /* y_hat[i] = ŷ in training units for rows start ≤ i < stop, real (n, K) */
    void (*predict)(const network *, const samples *, ptrdiff_t start, ptrdiff_t stop,
                    void *y_hat);
    /* With sparse X, open before the first call of either function: this moves hidden
     * weights from `weights` to net->by_input. Close after the last call of train: this
     * moves them from there to net->weights. */
    void (*open_sparse)(const network *, const samples *, const void *weights);
    void (*close_sparse)(const network *, const samples *);
    /* The statistics of each of d columns over the first n entries of the order, and
     * over earlier samples with a total weight of weight_before, 0 if there are none.
     * If X is sparse, room has space for 6 d numbers. Returns whether a value was
     * clipped. */
    int (*measure)(const samples *, ptrdiff_t n, ptrdiff_t d, const statistics *before,
                   double weight_before, const statistics *to, double *room,
                   interrupted);
    /* first row < n with a value beyond ±LIMIT in training units, or n */
    ptrdiff_t (*first_beyond)(const samples *, ptrdiff_t n, ptrdiff_t d, interrupted);
    /* hashes[i] = 64 bits that depend only on the seed and the values of row i of X and
     * of y (n, K): -0 counts as 0, and it does not matter whether zeros are stored.
     * Another seed gives unrelated hashes. */
    int (*hash_rows)(const samples *, const double *y, ptrdiff_t n, ptrdiff_t d,
                     ptrdiff_t K, uint64_t seed, uint64_t *hashes, interrupted);
    /* W, real (d + 1, H), and v, real (K, H + 1), v_0 first, to weights; and back */
    void (*pack)(const network *, const void *W, const void *v);
    void (*unpack)(const network *, void *W, void *v);
    /* whether all weights, and outputs for every X within the limit, are finite */
    int (*are_finite)(const network *);
} functions;

/* an instruction set: "baseline", "x86-64-v3" or "x86-64-v4" */
typedef struct {
    const char *name;
    const functions *float32, *float64;
} kernel;

/* the kernel of that name, or NULL if it was not built or the CPU cannot run it;
 * without a name, the fastest kernel that the CPU can run */
const kernel *choose_kernel(const char *name);

/* whether the CPU has fused multiply-add, which is slow if done in software */
int cpu_has_fma(void);

#endif
