/* Conversion of weights to panels and back; see network.h. */

#ifndef SKLEARN_BACKPROP_PANELS_H
#define SKLEARN_BACKPROP_PANELS_H

#include <string.h>

#include "network.h"
#include "vector.h"

/* the position in the panels of the weight of input j and hidden unit h */
INLINE ptrdiff_t place_of(ptrdiff_t d, ptrdiff_t h, ptrdiff_t j)
{
    return (h / TILE * (d + 1) + j) * TILE + h % TILE;
}

#define PADDING_BIAS -1000 /* its sigmoid is 0 */

static void pack(const network *net, const void *W, const void *v)
{
    const ptrdiff_t d = net->d, H = net->H, K = net->K, units = padded(H, sizeof(real));
    const real *const hidden = W, *output = v;
    real *to = net->weights, *const v_0 = to + units * (d + 1 + K);

    for (ptrdiff_t first = 0; first < units; first += TILE) {
        const ptrdiff_t width = MIN(H - first, TILE);
        for (ptrdiff_t j = 0; j <= d; j++, to += TILE) {
            if (width == TILE) { /* a constant length is fast */
                memcpy(to, hidden + j * H + first, TILE_BYTES);
                continue;
            }
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                to[lane] = lane < width ? hidden[j * H + first + lane]
                           : j == 0     ? PADDING_BIAS
                                        : 0;
            }
        }
    }
    memset(to, 0, (K * units + padded(K, sizeof(real))) * sizeof(real));
    for (ptrdiff_t k = 0; k < K; k++, to += units, output += H + 1) {
        v_0[k] = output[0];
        memcpy(to, output + 1, H * sizeof(real));
    }
}

static void unpack(const network *net, void *W, void *v)
{
    const ptrdiff_t d = net->d, H = net->H, K = net->K, units = padded(H, sizeof(real));
    const real *from = net->weights, *const v_0 = from + units * (d + 1 + K);
    real *const hidden = W, *output = v;

    for (ptrdiff_t first = 0; first < H; first += TILE) {
        const ptrdiff_t width = MIN(H - first, TILE);
        for (ptrdiff_t j = 0; j <= d; j++, from += TILE) {
            memcpy(hidden + j * H + first, from, width * sizeof(real));
        }
    }
    for (ptrdiff_t k = 0; k < K; k++, from += units, output += H + 1) {
        output[0] = v_0[k];
        memcpy(output + 1, from, H * sizeof(real));
    }
}

/* Whether the weights do not overflow when multiplied by numbers up to `factor`. */
static int finite_times(real factor, const real *weights, ptrdiff_t size)
{
    vector zeros[4] = {0}; /* 0 × infinity or NaN is NaN */
    real zero = 0;
    ptrdiff_t i = 0;

    for (; i + 4 * LANES <= size; i += 4 * LANES) {
        EACH(p, 4)
            zeros[p] += 0 * (factor * load(weights + i + p * LANES));
    }
    for (; i < size; i++) {
        zero += 0 * (factor * weights[i]);
    }
    EACH(p, 4)
        EACH(lane, LANES)
            zero += zeros[p][lane];
    return zero == 0;
}

/* Whether no row within ±LIMIT has an inner product, or an output, that overflows. */
static int are_finite(const network *net)
{
    const ptrdiff_t d = net->d, H = net->H;
    const ptrdiff_t size = weights_size(d, H, net->K, sizeof(real));
    const ptrdiff_t hidden = padded(H, sizeof(real)) * (d + 1);
    const real *const weights = net->weights;

    return finite_times((real)LIMIT * (real)(d + 1), weights, hidden)
           && finite_times((real)(2 * (H + 1)), weights + hidden, size - hidden);
}

#endif
