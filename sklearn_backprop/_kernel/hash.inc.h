/* The content of a row as 64 bits. Integer arithmetic, so the same on every CPU. */

/* A value at a place; 0 for a value of 0, so that sparse rows hash as dense ones do. */
INLINE uint64_t NAME(hash_value)(double value, uint64_t place)
{
    union { double value; uint64_t bits; } of = {value};
    return value == 0 ? 0 : mix(of.bits + place * GOLDEN);
}

/* A row's hash is a sum over its values, so that they may be taken in any order: the
 * inner loop runs over what lies together in memory. */
static int NAME(hash_rows)(const samples *data, const double *y, ptrdiff_t n,
                           ptrdiff_t d, ptrdiff_t K, uint64_t *hashes, interrupted ask)
{
    const REAL *const X = data->X;
    const int neighbors = data->column_stride == 1;
    const ptrdiff_t stretch = 1 + PATIENCE / d;

    for (ptrdiff_t start = 0; start < n; start += stretch) {
        const ptrdiff_t stop = MIN(start + stretch, n);
        if (start && ask()) {
            return -1;
        }
        for (ptrdiff_t i = start; i < stop; i++) {
            hashes[i] = 0;
            for (ptrdiff_t k = 0; k < K; k++) {
                hashes[i] += NAME(hash_value)(y[i * K + k], (uint64_t)-k);
            }
        }
        if (data->indptr) {
            for (ptrdiff_t i = start; i < stop; i++) {
                const NAME(row) row = NAME(row_of)(data, i);
                EACH_ENTRY(row) {
                    hashes[i] += NAME(hash_value)(row.values[e], 1 + (uint64_t)j);
                }
            }
        } else if (neighbors) {
            for (ptrdiff_t i = start; i < stop; i++) {
                const REAL *const row = X + i * data->row_stride;
                uint64_t hash = hashes[i];
                for (ptrdiff_t j = 0; j < d; j++) {
                    hash += NAME(hash_value)(row[j], 1 + (uint64_t)j);
                }
                hashes[i] = hash;
            }
        } else {
            for (ptrdiff_t j = 0; j < d; j++) {
                const REAL *const column = X + j * data->column_stride;
                for (ptrdiff_t i = start; i < stop; i++) {
                    hashes[i] += NAME(hash_value)(column[i * data->row_stride],
                                                  1 + (uint64_t)j);
                }
            }
        }
        for (ptrdiff_t i = start; i < stop; i++) {
            hashes[i] = mix(hashes[i]);
        }
    }
    return 0;
}
