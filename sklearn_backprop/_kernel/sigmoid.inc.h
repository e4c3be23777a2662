/* sigmoid(a) = 1 / (1 + exp(-a)), from + - × ÷ and fma alone.
 *
 * Included once per REAL by network.inc.h. No table, no branch and no libm call, so
 * that a loop over nodes vectorises and gives the same bits on every CPU.
 *
 *     t = -|a|,  t = n ln 2 + r  with |r| ≤ ½ ln 2,  exp(t) = 2ⁿ p(r)
 *     sigmoid(a) = exp(t) / (1 + exp(t))  where a < 0,  1 / (1 + exp(t))  elsewhere
 *
 * p interpolates exp at Chebyshev nodes with p(0) = p'(0) = 1, to a relative error of
 * 2e-17 (double) and 1e-8 (float). 2ⁿ is applied as two factors, for it may itself be
 * below the smallest normal number.
 */

#if REAL_IS_DOUBLE
#define BITS uint64_t
#define MANTISSA 52
#define BIAS 1023
#define ROUNDER 0x1.8p52      /* adding it rounds to an integer, in the low bits */
#define LOWEST (-750.0)       /* exp is 0 from here on */
#define FMA fma
#define ABS fabs
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fefa39efp-1
#define LN2_LOW 0x1.abc9e3b39803fp-56
#else
#define BITS uint32_t
#define MANTISSA 23
#define BIAS 127
#define ROUNDER 0x1.8p23f
#define LOWEST (-110.0f)
#define FMA fmaf
#define ABS fabsf
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e430p-1f
#define LN2_LOW (-0x1.05c610p-29f)
#endif

static inline REAL NAME(exp_reduced)(REAL r)
{
#if REAL_IS_DOUBLE
    REAL q = 0x1.af390ba7e6f47p-26;
    q = FMA(q, r, 0x1.2891d4ffbb0f9p-22);
    q = FMA(q, r, 0x1.71de0d85293b8p-19);
    q = FMA(q, r, 0x1.a019b8ca26fcfp-16);
    q = FMA(q, r, 0x1.a01a01a7cebcdp-13);
    q = FMA(q, r, 0x1.6c16c1789d1d7p-10);
    q = FMA(q, r, 0x1.11111111109a6p-7);
    q = FMA(q, r, 0x1.5555555553d37p-5);
    q = FMA(q, r, 0x1.5555555555556p-3);
    q = FMA(q, r, 0x1.0000000000001p-1);
#else
    REAL q = 0x1.6d117cc039048p-10f;
    q = FMA(q, r, 0x1.120be1dcb42dcp-7f);
    q = FMA(q, r, 0x1.555518f5d1200p-5f);
    q = FMA(q, r, 0x1.5554dc8961859p-3f);
    q = FMA(q, r, 0x1.0000000000000p-1f);
#endif
    q = FMA(q, r, (REAL)1);
    return FMA(q, r, (REAL)1);
}

/* 2^(k - BIAS - 1) for 1 < k < 2 BIAS + 2 */
static inline REAL NAME(power_of_two)(BITS k)
{
    union { BITS bits; REAL value; } power = {(k - 1) << MANTISSA};
    return power.value;
}

static inline REAL NAME(sigmoid)(REAL a)
{
    REAL t = -ABS(a);
    t = t < LOWEST ? LOWEST : t;

    union { REAL value; BITS bits; } rounded = {FMA(t, LOG2_E, ROUNDER)};
    const union { REAL value; BITS bits; } zero = {ROUNDER};
    const REAL n = rounded.value - ROUNDER;
    const REAL r = FMA(n, -LN2_LOW, FMA(n, -LN2_HIGH, t));

    const BITS k = rounded.bits - zero.bits + 2 * (BIAS + 1);
    const BITS half = k >> 1;
    const REAL power = NAME(exp_reduced)(r) * NAME(power_of_two)(half)
                       * NAME(power_of_two)(k - half);

    return (a < 0 ? power : (REAL)1) / (1 + power);
}

#undef BITS
#undef MANTISSA
#undef BIAS
#undef ROUNDER
#undef LOWEST
#undef ABS
#undef LOG2_E
#undef LN2_HIGH
#undef LN2_LOW
