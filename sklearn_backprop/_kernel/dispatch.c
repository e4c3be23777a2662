/* Which of the compiled kernels this CPU runs: the newest that it supports. */

#include "kernel.h"

extern const kernel kernel_baseline;
#ifdef HAVE_X86_64_V3
extern const kernel kernel_x86_64_v3;
#endif
#ifdef HAVE_X86_64_V4
extern const kernel kernel_x86_64_v4;
#endif

const kernel *choose_kernel(void)
{
#if defined(HAVE_X86_64_V3) || defined(HAVE_X86_64_V4)
    __builtin_cpu_init();
    const int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                   && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif
#ifdef HAVE_X86_64_V4
    if (v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl")) {
        return &kernel_x86_64_v4;
    }
#endif
#ifdef HAVE_X86_64_V3
    if (v3) {
        return &kernel_x86_64_v3;
    }
#endif
    return &kernel_baseline;
}
