/* Weights to panels and back. */

#define PADDING_BIAS ((REAL)-1000) /* its sigmoid is 0 */

static void NAME(pack)(const network *net, const void *W, const void *v)
{
    const ptrdiff_t d = net->d, H = net->H, nodes = padded(H, sizeof(REAL));
    const REAL *const rows = W, *const outputs = v;
    REAL *to = net->weights;

    for (ptrdiff_t first = 0; first < nodes; first += TILE) {
        for (ptrdiff_t j = 0; j <= d; j++, to += TILE) {
            for (ptrdiff_t lane = 0; lane < TILE; lane++) {
                const ptrdiff_t h = first + lane;
                to[lane] = h < H ? rows[j * H + h] : j == 0 ? PADDING_BIAS : 0;
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
    REAL zero = 0; /* × infinity or NaN is NaN */

    for (ptrdiff_t first = 0; first < H; first += TILE) {
        const ptrdiff_t width = H - first < TILE ? H - first : TILE;
        for (ptrdiff_t j = 0; j <= d; j++, from += TILE) {
            for (ptrdiff_t lane = 0; lane < width; lane++) {
                rows[j * H + first + lane] = from[lane];
                zero += 0 * from[lane];
            }
        }
    }
    for (ptrdiff_t h = 0; h < H; h++) {
        outputs[h + 1] = from[h];
        zero += 0 * from[h];
    }
    outputs[0] = from[nodes];
    zero += 0 * from[nodes];
    return zero == 0;
}

#undef PADDING_BIAS
