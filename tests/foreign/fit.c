/* A fit of BackpropRegressor by the kernel alone, for a machine without Python: what
 * test_foreign.py writes comes in, trained weights, predictions and losses go out.
 *
 * In: 9 numbers of 64 bits, see `header`; 3 doubles; X, dense or as CSR with 64-bit
 * indices; y (n, K) as double; the first W (d + 1, H) and v (K, H + 1).
 * Out: W, v, ŷ (n, K) in training units, and the loss of every epoch as double. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "order.h"

typedef struct {
    int64_t itemsize, n, d, H, K, batch_size, epochs, seed, entries; /* -1: dense */
    double eta, alpha, momentum;
} header;

/* zeros, at an address as the kernel wants it */
static void *room(int64_t bytes)
{
    const size_t size = ((size_t)bytes / TILE_BYTES + 1) * TILE_BYTES;
    void *const memory = aligned_alloc(TILE_BYTES, size);
    if (!memory) {
        exit(2);
    }
    return memset(memory, 0, size);
}

static void *get(int64_t bytes)
{
    void *const memory = room(bytes);
    if (fread(memory, 1, (size_t)bytes, stdin) != (size_t)bytes) {
        exit(3);
    }
    return memory;
}

static void put(const void *memory, int64_t bytes)
{
    if (fwrite(memory, 1, (size_t)bytes, stdout) != (size_t)bytes) {
        exit(4);
    }
}

static int never(void)
{
    return 0;
}

/* statistics of d columns, and room for them */
static statistics measured(const functions *run, const samples *data, int64_t n,
                           int64_t d)
{
    const statistics of = {room(d * 8), room(d * 8), room(d * 8),
                           room(d * 8), room(d * 8), room(d * 8)};

    run->measure(data, n, d, &of, 0, &of, room(6 * d * 8), never);
    return of;
}

/* (y - mean) / std of every column, as real numbers */
static void *standardized(const double *y, int64_t n, int64_t K, const functions *f64,
                          const int64_t *order, int64_t itemsize)
{
    const samples data = {
        .X = y, .row_stride = K, .column_stride = 1, .order.entries = order};
    const statistics of = measured(f64, &data, n, K);
    void *const targets = room(n * K * itemsize);

    for (int64_t i = 0; i < n * K; i++) {
        const double value = (y[i] - of.mean[i % K]) / of.std[i % K];
        if (itemsize == 4) {
            ((float *)targets)[i] = (float)value;
        } else {
            ((double *)targets)[i] = value;
        }
    }
    return targets;
}

int main(void)
{
    const header *const h = get(sizeof *h);
    const int64_t n = h->n, d = h->d, H = h->H, K = h->K, real = h->itemsize;
    const int sparse = h->entries >= 0;
    const kernel *const chosen = choose_kernel(NULL);
    const functions *const run = real == 4 ? chosen->float32 : chosen->float64;

    samples data = {.X = get((sparse ? h->entries : n * d) * real)};
    if (sparse) {
        data.indptr = get((n + 1) * 8);
        data.indices = get(h->entries * 8);
        data.wide_indices = 1;
    } else {
        data.row_stride = d;
        data.column_stride = 1;
    }
    const double *const y = get(n * K * 8);

    uint64_t *const hashes = room(n * 8);
    int64_t *const rows = room(n * 8), *const shuffled = room(n * 8);
    run->hash_rows(&data, y, n, d, K, (uint64_t)h->seed, hashes, never);
    for (int64_t i = 0; i < n; i++) {
        rows[i] = i;
    }
    sort_rows(hashes, rows, n, never);

    data.order.entries = rows;
    const statistics of = measured(run, &data, n, d);
    data.mean = of.mean;
    data.scale = of.scale;
    data.y = standardized(y, n, K, chosen->float64, rows, real);

    const int64_t size = weights_size(d, H, K, real) * real;
    const int stays_sparse = sparse && h->momentum == 0;
    void *const W = get((d + 1) * H * real), *const v = get(K * (H + 1) * real);
    network net = {.d = d, .H = H, .K = K, .weights = room(size)};
    net.workspace = room(workspace_size(d, H, K, real, BATCH_BLOCK) * real);
    net.deltas = h->batch_size > 1 ? room(size) : NULL;
    net.velocity = h->momentum > 0 ? room(size) : NULL;
    net.by_input = stays_sparse ? room(by_input_size(d, H, real) * real) : NULL;
    run->pack(&net, W, v);

    const learning_rule rule = {h->eta, h->alpha, h->momentum, h->batch_size, n};
    double *const losses = room(h->epochs * 8);
    for (int64_t epoch = 0; epoch < h->epochs; epoch++) {
        memcpy(shuffled, rows, (size_t)n * 8);
        shuffle_rows(shuffled, n, (uint64_t)h->seed, (uint64_t)epoch, never);
        data.order.entries = shuffled;
        if (stays_sparse) {
            run->open_sparse(&net, &data, net.weights);
        }
        losses[epoch] = run->train(&net, &data, &rule, 0, n, 0) / (double)n;
        if (stays_sparse) {
            run->close_sparse(&net, &data);
        }
    }
    run->unpack(&net, W, v);

    data.order.entries = NULL;
    void *const y_hat = room(n * K * real);
    if (sparse) {
        net.by_input = room(by_input_size(d, H, real) * real);
        run->open_sparse(&net, &data, net.weights);
    }
    run->predict(&net, &data, 0, n, y_hat);

    put(W, (d + 1) * H * real);
    put(v, K * (H + 1) * real);
    put(y_hat, n * K * real);
    put(losses, h->epochs * 8);
    return 0;
}
