/* The type of real numbers, which the build chooses with REAL_BITS, and definitions
 * that every file of such a build needs. */

#ifndef SKLEARN_BACKPROP_REAL_H
#define SKLEARN_BACKPROP_REAL_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "network.h"
#include "samples.h"

#if REAL_BITS == 64
typedef double real;
typedef int64_t real_bits;
#define EPSILON DBL_EPSILON
#define LIMIT LIMIT_FLOAT64
#define FMA fma
#elif REAL_BITS == 32
typedef float real;
typedef int32_t real_bits;
#define EPSILON FLT_EPSILON
#define LIMIT LIMIT_FLOAT32
#define FMA fmaf
#else
#error "REAL_BITS has to be 32 or 64"
#endif

/* hidden units in a tile */
#define TILE ((ptrdiff_t)(TILE_BYTES / sizeof(real)))

/* `static` if coverage is measured, so that there is one copy of every function */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

#define NOINLINE __attribute__((noinline))

#define MIN(a, b) ((a) < (b) ? (a) : (b))

#endif
