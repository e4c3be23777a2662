/* Sort and shuffle rows; see order.h. */

#include <string.h>

#include "mix.h"
#include "order.h"

#define PATIENCE ((ptrdiff_t)1 << 20) /* steps between two questions */

static uint64_t next_random(uint64_t *state)
{
    return mix(*state += GOLDEN);
}

#define FEW 24    /* are sorted by insertion */
#define DIGITS 8  /* at most, of a key, tell buckets apart; a call takes 4 KB of stack */

#define ROW uint32_t
#define NAME(name) name##_narrow
#include "order.inc.h"
#undef ROW
#undef NAME

#define ROW uint64_t
#define NAME(name) name##_wide
#include "order.inc.h"
