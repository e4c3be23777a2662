/* sigmoid(a) = 1 / (1 + exp(-a)), with only + - × ÷ and fma, and without a branch.
 *
 *     -a = (n + k / 8) ln 2 + r  with k = 0 … 7 and 0 ≤ r ≤ ln 2 / 8
 *     exp(-a) = T (1 + q(r) r) / N,   T = 2^(k / 8) from a table,   N = 2⁻ⁿ
 *     sigmoid(a) = N / (N + T + T q(r) r)
 *
 * The smaller of N and T is added to the small last term first, so that little is lost
 * to rounding: the error is below 2 ulp. q interpolates (exp(r) - 1) / r at Chebyshev
 * nodes, with an error in exp of 2e-17 (double) or 4e-10 (float). Its coefficients are
 * positive, and so is r, except for the rounding of a. Every step, rounded or not,
 * rises with r, so the sigmoid never decreases.
 *
 * N + T + T q(r) r and N are both stored SCALE times too large. Otherwise, N would not
 * be a normal number where the sigmoid still is one. For a ≤ LOWEST, N is 0, and so is
 * the result, without an underflow, which would be slow.
 */

#ifndef SKLEARN_BACKPROP_SIGMOID_H
#define SKLEARN_BACKPROP_SIGMOID_H

#include "vector.h"

#if REAL_BITS == 64
#define MANTISSA 52
#define EXPONENT_BIAS 1023
#define SHIFT 64
#define ROUNDER 0x1.8p52 /* adding it rounds to an integer in the low bits */
#define LOWEST (-753.8)
#define HIGHEST 40.0 /* the sigmoid is 1 from here on */
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fefa39efp-1
#define LN2_LOW 0x1.abc9e3b39803fp-56
#define SCALE 0x1p64
#else
#define MANTISSA 23
#define EXPONENT_BIAS 127
#define SHIFT 32
#define ROUNDER 0x1.8p23f
#define LOWEST (-110.5f)
#define HIGHEST 20.0f
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e430p-1f
#define LN2_LOW (-0x1.05c610p-29f)
#define SCALE 0x1p32f
#endif

/* SCALE × 2^(k / 8), and its rounding error */
static const real powers[8] __attribute__((aligned(TILE_BYTES))) = {
#if REAL_BITS == 64
    0x1.0000000000000p64, 0x1.172b83c7d517bp64, 0x1.306fe0a31b715p64,
    0x1.4bfdad5362a27p64, 0x1.6a09e667f3bcdp64, 0x1.8ace5422aa0dbp64,
    0x1.ae89f995ad3adp64, 0x1.d5818dcfba487p64,
#else
    0x1.000000p32f, 0x1.172b84p32f, 0x1.306fe0p32f, 0x1.4bfdaep32f,
    0x1.6a09e6p32f, 0x1.8ace54p32f, 0x1.ae89fap32f, 0x1.d5818ep32f,
#endif
};
static const real powers_rest[8] __attribute__((aligned(TILE_BYTES))) = {
#if REAL_BITS == 64
    0,
    -0x1.19041b9d78a76p9,
    0x1.6f46ad23182e4p9,
    0x1.d4397afec42e2p8,
    -0x1.bdd3413b26456p10,
    0x1.6e9f156864b27p10,
    0x1.7a1cd345dcc81p10,
    0x1.2ed02d75b3707p9,
#else
    0,
    -0x1.c1574200p5f,
    0x1.4636e200p7f,
    -0x1.593abc00p7f,
    0x1.9fcef400p6f,
    0x1.15506e00p5f,
    -0x1.a94b1400p6f,
    -0x1.822dbc00p5f,
#endif
};

/* (exp(r) - 1) / r */
INLINE vector exp_slope(vector r)
{
#if REAL_BITS == 64
    vector q = all_lanes(0x1.b033b3286ffb8p-13);
    q = fused(q, r, all_lanes(0x1.6bd8f746bdd29p-10));
    q = fused(q, r, all_lanes(0x1.1111863f16739p-7));
    q = fused(q, r, all_lanes(0x1.555554718249ap-5));
    q = fused(q, r, all_lanes(0x1.5555555628193p-3));
    q = fused(q, r, all_lanes(0x1.ffffffffff6ddp-2));
    return fused(q, r, all_lanes(1.0));
#else
    vector q = all_lanes(0x1.6166c2p-5f);
    q = fused(q, r, all_lanes(0x1.552b40p-3f));
    q = fused(q, r, all_lanes(0x1.00002ep-1f));
    return fused(q, r, all_lanes(1.0f));
#endif
}

INLINE vector sigmoid(vector a)
{
    const union {
        real value;
        real_bits bits;
    } zero = {ROUNDER};
    const real_bits exponent = 8 * (EXPONENT_BIAS + SHIFT) + 7;

    a = smaller(all_lanes(HIGHEST), larger(all_lanes(LOWEST), a));
    const vector rounded =
        fused(a, all_lanes(-8 * LOG2_E), all_lanes((real)-0.5)) + ROUNDER;
    const vector eighths = rounded - ROUNDER; /* 8 n + k */
    const vector r = fused(eighths, all_lanes(-LN2_LOW / 8),
                           fused(eighths, all_lanes(-LN2_HIGH / 8), -a));
    const vector T = look_up(powers, (vector_bits)rounded);
    const vector T_rest = look_up(powers_rest, (vector_bits)rounded);
    const vector N =
        (vector)((((zero.bits + exponent) - (vector_bits)rounded) & ~(real_bits)7)
                 << (MANTISSA - 3));
    const vector Tr = fused(T, r, T_rest);
    const vector rest = fused(Tr, exp_slope(r), smaller(T, N));
    return N / (larger(T, N) + rest);
}

#endif
