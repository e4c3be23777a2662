/* One register of REAL: the widest that this instruction set has.
 *
 * Included once per REAL by network.inc.h. GNU C supplies the type and its operators;
 * fused multiply-add, minimum and maximum have no operator. Lanes never mix, so that
 * the width of a register has no influence on the bits of a result.
 */

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

#define LANES ((ptrdiff_t)(REGISTER_BYTES / sizeof(REAL)))
#define PARTS (TILE_BYTES / REGISTER_BYTES) /* registers in a tile */

typedef REAL NAME(vector) __attribute__((vector_size(REGISTER_BYTES)));
typedef BITS NAME(vector_bits) __attribute__((vector_size(REGISTER_BYTES)));
#define VECTOR NAME(vector)
#define VECTOR_BITS NAME(vector_bits)

/* The intrinsic functions of this instruction set and REAL */
#if REGISTER_BYTES == 64 && REAL_IS_DOUBLE
#define NATIVE(name) _mm512_##name##_pd
#elif REGISTER_BYTES == 64
#define NATIVE(name) _mm512_##name##_ps
#elif REGISTER_BYTES == 32 && REAL_IS_DOUBLE
#define NATIVE(name) _mm256_##name##_pd
#elif REGISTER_BYTES == 32
#define NATIVE(name) _mm256_##name##_ps
#endif

/* a × b + c, rounded once */
INLINE VECTOR NAME(fused)(VECTOR a, VECTOR b, VECTOR c)
{
#if defined(NATIVE)
    return NATIVE(fmadd)(a, b, c);
#elif defined(__aarch64__) && REAL_IS_DOUBLE
    return vfmaq_f64(c, a, b);
#elif defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    VECTOR result;
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
        result[lane] = FMA(a[lane], b[lane], c[lane]);
    }
    return result;
#endif
}

/* the smaller lanes; those of b where one is NaN */
INLINE VECTOR NAME(smaller)(VECTOR a, VECTOR b)
{
#if defined(NATIVE)
    return NATIVE(min)(a, b);
#else
    const VECTOR_BITS mask = a < b;
    return (VECTOR)((mask & (VECTOR_BITS)a) | (~mask & (VECTOR_BITS)b));
#endif
}

/* the larger lanes; those of b where one is NaN */
INLINE VECTOR NAME(larger)(VECTOR a, VECTOR b)
{
#if defined(NATIVE)
    return NATIVE(max)(a, b);
#else
    const VECTOR_BITS mask = a > b;
    return (VECTOR)((mask & (VECTOR_BITS)a) | (~mask & (VECTOR_BITS)b));
#endif
}

/* table[index & 7] in every lane, from a table of 8 */
INLINE VECTOR NAME(look_up)(const REAL *table, VECTOR_BITS index)
{
#if REGISTER_BYTES == 64 && REAL_IS_DOUBLE
    return _mm512_permutexvar_pd((__m512i)index, _mm512_load_pd(table));
#elif REGISTER_BYTES == 64
    const __m512 twice = _mm512_broadcast_f32x8(_mm256_load_ps(table));
    return _mm512_permutexvar_ps((__m512i)index, twice);
#elif REGISTER_BYTES == 32 && !REAL_IS_DOUBLE
    return _mm256_permutevar8x32_ps(_mm256_load_ps(table), (__m256i)index);
#else
    VECTOR result;
    for (ptrdiff_t lane = 0; lane < LANES; lane++) {
        result[lane] = table[index[lane] & 7];
    }
    return result;
#endif
}

/* the same number in every lane; - 0 keeps the sign of a zero */
INLINE VECTOR NAME(all_lanes)(REAL value)
{
    return value - (VECTOR){0};
}

INLINE VECTOR NAME(load)(const REAL *from)
{
    return *(const VECTOR *)from;
}

INLINE void NAME(store)(REAL *to, VECTOR value)
{
    *(VECTOR *)to = value;
}

#define FUSED NAME(fused)
#define ALL NAME(all_lanes)
#define LOAD NAME(load)
#define STORE NAME(store)
