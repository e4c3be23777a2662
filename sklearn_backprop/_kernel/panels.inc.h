/* Weights to panels and back. */

#define PADDING_BIAS ((REAL)-1000) /* its sigmoid is 0 */

static void NAME(pack)(const network *net, const void *W, const void *v)
{
    const ptrdiff_t d = net->d, H = net->H, nodes = padded(H, sizeof(REAL));
    const REAL *const rows = W, *const outputs = v;
    REAL *to = net->weights;

    for (ptrdiff_t first = 0; first < nodes; first += TILE) {
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
    for (ptrdiff_t h = 0; h < nodes; h++) {
        to[h] = h < H ? outputs[h + 1] : 0;
    }
    to[nodes] = outputs[0];
}

static int NAME(unpack)(const network *net, void *W, void *v)
{
    const ptrdiff_t d = net->d, H = net->H, nodes = padded(H, sizeof(REAL));
    const REAL *from = net->weights;
    REAL *const rows = W, *const outputs = v;
    VECTOR zeros = ALL(0); /* 0 × infinity or NaN is NaN */
    REAL zero = 0;

    for (ptrdiff_t first = 0; first < H; first += TILE) {
        const ptrdiff_t width = MIN(H - first, TILE);
        for (ptrdiff_t j = 0; j <= d; j++, from += TILE) {
            REAL *const row = rows + j * H + first;
            if (width == TILE) {
                memcpy(row, from, TILE_BYTES);
            } else {
                memcpy(row, from, width * sizeof(REAL));
            }
            EACH(p, PARTS) zeros += 0 * LOAD(from + p * LANES);
        }
    }
    outputs[0] = from[nodes];
    memcpy(outputs + 1, from, H * sizeof(REAL));
    for (ptrdiff_t h = 0; h <= nodes; h++) {
        zero += 0 * from[h];
    }
    EACH(lane, LANES) zero += zeros[lane];
    return zero == 0;
}

#undef PADDING_BIAS
