/* Weights to panels and back. */

#define PADDING_BIAS ((REAL)-1000) /* its sigmoid is 0 */

static void NAME(pack)(const network *net, const void *W, const void *v)
{
    const ptrdiff_t d = net->d, H = net->H, K = net->K, units = padded(H, sizeof(REAL));
    const REAL *const rows = W, *outputs = v;
    REAL *to = net->weights, *const v_0 = to + units * (d + 1 + K);

    for (ptrdiff_t first = 0; first < units; first += TILE) {
        const ptrdiff_t width = MIN(H - first, TILE);
        for (ptrdiff_t j = 0; j <= d; j++, to += TILE) {
            if (width == TILE) { /* of constant length, which is fast */
                memcpy(to, rows + j * H + first, TILE_BYTES);
                continue;
            }
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                to[lane] = lane < width ? rows[j * H + first + lane]
                           : j == 0     ? PADDING_BIAS
                                        : 0;
            }
        }
    }
    memset(to, 0, (K * units + padded(K, sizeof(REAL))) * sizeof(REAL));
    for (ptrdiff_t k = 0; k < K; k++, to += units, outputs += H + 1) {
        v_0[k] = outputs[0];
        memcpy(to, outputs + 1, H * sizeof(REAL));
    }
}

static void NAME(unpack)(const network *net, void *W, void *v)
{
    const ptrdiff_t d = net->d, H = net->H, K = net->K, units = padded(H, sizeof(REAL));
    const REAL *from = net->weights, *const v_0 = from + units * (d + 1 + K);
    REAL *const rows = W, *outputs = v;

    for (ptrdiff_t first = 0; first < H; first += TILE) {
        const ptrdiff_t width = MIN(H - first, TILE);
        for (ptrdiff_t j = 0; j <= d; j++, from += TILE) {
            memcpy(rows + j * H + first, from, width * sizeof(REAL));
        }
    }
    for (ptrdiff_t k = 0; k < K; k++, from += units, outputs += H + 1) {
        outputs[0] = v_0[k];
        memcpy(outputs + 1, from, H * sizeof(REAL));
    }
}

/* Whether no multiple of the weights by as much as `factor` overflows. */
static int NAME(finite_times)(REAL factor, const REAL *weights, ptrdiff_t size)
{
    VECTOR zeros[4] = {0}; /* 0 × infinity or NaN is NaN */
    REAL zero = 0;
    ptrdiff_t i = 0;

    for (; i + 4 * LANES <= size; i += 4 * LANES) {
        EACH(p, 4) zeros[p] += 0 * (factor * LOAD(weights + i + p * LANES));
    }
    for (; i < size; i++) {
        zero += 0 * (factor * weights[i]);
    }
    EACH(p, 4) EACH(lane, LANES) zero += zeros[p][lane];
    return zero == 0;
}

/* No row within ±LIMIT may have an inner product, or an output, that overflows. */
static int NAME(finite)(const network *net)
{
    const ptrdiff_t d = net->d, H = net->H;
    const ptrdiff_t size = weights_size(d, H, net->K, sizeof(REAL));
    const ptrdiff_t hidden = padded(H, sizeof(REAL)) * (d + 1);
    const REAL *const weights = net->weights;

    return NAME(finite_times)((REAL)LIMIT * (REAL)(d + 1), weights, hidden)
           && NAME(finite_times)((REAL)(2 * (H + 1)), weights + hidden, size - hidden);
}

#undef PADDING_BIAS
