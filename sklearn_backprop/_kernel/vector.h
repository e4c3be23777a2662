/* One register of real numbers: the widest that this instruction set has.
 *
 * GNU C supplies the type and its operators; fused multiply-add, minimum and maximum
 * have no operator. Lanes never mix, except in sum_of_lanes, where a tile has the same
 * lanes on every CPU. So the width of a register has no influence on the bits of a
 * result.
 */

#ifndef SKLEARN_BACKPROP_VECTOR_H
#define SKLEARN_BACKPROP_VECTOR_H

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "real.h"

#if defined(__AVX512F__)
#define REGISTER_BYTES 64
#define REGISTERS 32
#elif defined(__AVX2__) && defined(__FMA__)
#define REGISTER_BYTES 32
#define REGISTERS 16
#elif defined(__aarch64__)
#define REGISTER_BYTES 16
#define REGISTERS 32
#else
#define REGISTER_BYTES 16
#define REGISTERS 16
#endif

#define LANES ((ptrdiff_t)(REGISTER_BYTES / sizeof(real)))
#define PARTS (TILE_BYTES / REGISTER_BYTES) /* registers in a tile */

typedef real vector __attribute__((vector_size(REGISTER_BYTES)));
typedef real_bits vector_bits __attribute__((vector_size(REGISTER_BYTES)));

/* a loop of constant length, which is unrolled so that its arrays become registers */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH(i, count)                                                                 \
    UNROLL                                                                             \
    for (ptrdiff_t i = 0; i < (count); i++)

/* the intrinsic functions of this instruction set and type */
#if REGISTER_BYTES == 64 && REAL_BITS == 64
#define NATIVE(name) _mm512_##name##_pd
#elif REGISTER_BYTES == 64
#define NATIVE(name) _mm512_##name##_ps
#elif REGISTER_BYTES == 32 && REAL_BITS == 64
#define NATIVE(name) _mm256_##name##_pd
#elif REGISTER_BYTES == 32
#define NATIVE(name) _mm256_##name##_ps
#endif

/* a × b + c, rounded once */
INLINE vector fused(vector a, vector b, vector c)
{
#if defined(NATIVE)
    return NATIVE(fmadd)(a, b, c);
#elif defined(__aarch64__) && REAL_BITS == 64
    return vfmaq_f64(c, a, b);
#elif defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    vector result;
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
        result[lane] = FMA(a[lane], b[lane], c[lane]);
    }
    return result;
#endif
}

/* the smaller lanes; those of b where one is NaN */
INLINE vector smaller(vector a, vector b)
{
#if defined(NATIVE)
    return NATIVE(min)(a, b);
#else
    const vector_bits mask = a < b;
    return (vector)((mask & (vector_bits)a) | (~mask & (vector_bits)b));
#endif
}

/* the larger lanes; those of b where one is NaN */
INLINE vector larger(vector a, vector b)
{
#if defined(NATIVE)
    return NATIVE(max)(a, b);
#else
    const vector_bits mask = a > b;
    return (vector)((mask & (vector_bits)a) | (~mask & (vector_bits)b));
#endif
}

/* table[index & 7] in every lane, from a table of 8 */
INLINE vector look_up(const real *table, vector_bits index)
{
#if REGISTER_BYTES == 64 && REAL_BITS == 64
    return _mm512_permutexvar_pd((__m512i)index, _mm512_load_pd(table));
#elif REGISTER_BYTES == 64
    const __m512 twice = _mm512_broadcast_f32x8(_mm256_load_ps(table));
    return _mm512_permutexvar_ps((__m512i)index, twice);
#elif REGISTER_BYTES == 32 && REAL_BITS == 32
    return _mm256_permutevar8x32_ps(_mm256_load_ps(table), (__m256i)index);
#else
    vector result;
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
        result[lane] = table[index[lane] & 7];
    }
    return result;
#endif
}

/* the same number in every lane; subtracting 0 keeps the sign of a zero */
INLINE vector all_lanes(real value)
{
    return value - (vector){0};
}

INLINE vector load(const real *from)
{
    return *(const vector *)from;
}

INLINE void store(real *to, vector value)
{
    *(vector *)to = value;
}

/* the sum over all lanes of a tile */
INLINE real sum_of_lanes(const vector *parts)
{
    real sum[TILE_BYTES / sizeof(real)] __attribute__((aligned(TILE_BYTES)));

    EACH(p, PARTS)
        store(sum + p * LANES, parts[p]);
    for (ptrdiff_t width = TILE / 2; width > 0; width /= 2) {
        for (ptrdiff_t lane = 0; lane < width; lane++) {
            sum[lane] += sum[lane + width];
        }
    }
    return sum[0];
}

#endif
