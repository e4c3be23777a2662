/* Everything in one floating-point type; included by kernel.c for each.
 *
 * Names follow ../equations.py. The order of every sum is fixed by the source: lanes
 * never mix but in `total`, and a tile has the same lanes on every CPU.
 */

#define TILE ((ptrdiff_t)(TILE_BYTES / sizeof(REAL)))

#include "vectors.inc.h"

#include "sparse_rows.inc.h"

#include "columns.inc.h"
#include "hash.inc.h"
#include "panels.inc.h"
#include "sigmoid.inc.h"

#include "sample.inc.h"
#include "sparse.inc.h"

#ifndef WIDTH_OF_BLOCK
#define WIDTH_OF_BLOCK (REGISTERS == 32 ? 3 : 2)
#endif
#ifndef WIDTH_OF_LONG_BLOCK
#define WIDTH_OF_LONG_BLOCK 2
#endif

/* with momentum there is twice as much to hold */
#define M BLOCK
#define WIDTH WIDTH_OF_BLOCK
#define WIDTH_WITH_V (REGISTERS == 32 ? 2 : 1)
#define IN_BLOCKS(name) NAME(name##_short)
#include "blocks.inc.h"

#define M LONG_BLOCK
#define WIDTH WIDTH_OF_LONG_BLOCK
#define WIDTH_WITH_V 1
#define IN_BLOCKS(name) NAME(name##_long)
#include "blocks.inc.h"

static double NAME(train)(const network *net, const samples *data, const rule *rule,
                          ptrdiff_t start, ptrdiff_t stop, double loss)
{
    if (data->indptr && !net->velocity) {
        return NAME(train_rows)(net, data, rule, start, stop, loss);
    }
    return block_length(net->d, net->H, sizeof(REAL)) == BLOCK
               ? NAME(train_short)(net, data, rule, start, stop, loss)
               : NAME(train_long)(net, data, rule, start, stop, loss);
}

static void NAME(predict)(const network *net, const samples *data, ptrdiff_t start,
                          ptrdiff_t stop, void *y_hat)
{
    if (data->indptr) {
        NAME(predict_rows)(net, data, start, stop, y_hat);
    } else if (block_length(net->d, net->H, sizeof(REAL)) == BLOCK) {
        NAME(predict_short)(net, data, start, stop, y_hat);
    } else {
        NAME(predict_long)(net, data, start, stop, y_hat);
    }
}

#undef TILE
#undef REGISTER_BYTES
#undef REGISTERS
#undef LANES
#undef PARTS
#undef VECTOR
#undef VECTOR_BITS
#undef NATIVE
#undef FUSED
#undef ALL
#undef LOAD
#undef STORE
#undef EACH_ENTRY
