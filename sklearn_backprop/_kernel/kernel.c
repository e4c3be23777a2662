/* The kernel for one instruction set: this file is compiled once for each, and gives
 * its table the name KERNEL_TABLE that the build passes in. */

#include <float.h>
#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "kernel.h"
#include "mix.h"
#include "recurrence.h"

/* `static` where coverage is measured: of every function one copy */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

#define MIN(a, b) ((a) < (b) ? (a) : (b))

#define PATIENCE ((ptrdiff_t)1 << 20) /* values between two questions to `interrupted` */

/* a loop of constant length, unrolled, so that its arrays become registers */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH(i, count) UNROLL for (ptrdiff_t i = 0; i < (count); i++)

/* how weights learn: by the rule alone, with an L2 penalty, with momentum (and perhaps a
 * penalty), or by deltas that a batch collects */
enum { PLAIN, WITH_PENALTY, WITH_MOMENTUM, COLLECTING };

#define REAL float
#define BITS int32_t
#define REAL_IS_DOUBLE 0
#define LIMIT LIMIT_F32
#define FMA fmaf
#define NAME(name) name##_f32
#include "network.inc.h"
#undef REAL
#undef BITS
#undef REAL_IS_DOUBLE
#undef LIMIT
#undef FMA
#undef NAME

#define REAL double
#define BITS int64_t
#define REAL_IS_DOUBLE 1
#define LIMIT LIMIT_F64
#define FMA fma
#define NAME(name) name##_f64
#include "network.inc.h"

#define FUNCTIONS(type)                                                                 \
    {                                                                                   \
        train_##type, predict_##type, open_rows_##type, close_rows_##type,              \
            measure_##type, first_beyond_##type, hash_rows_##type, pack_##type,         \
            unpack_##type, finite_##type                                                \
    }

const kernel KERNEL_TABLE = {KERNEL_NAME, FUNCTIONS(f32), FUNCTIONS(f64)};
