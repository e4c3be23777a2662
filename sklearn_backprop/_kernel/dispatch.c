/* Which of the compiled kernels to use: the one named, or the newest that the CPU runs. */

#include <string.h>

#include "kernel.h"

extern const kernel kernel_baseline;
#ifdef HAVE_X86_64_V3
extern const kernel kernel_x86_64_v3;
#endif
#ifdef HAVE_X86_64_V4
extern const kernel kernel_x86_64_v4;
#endif

static const kernel *pick(const char *name, const char *candidate, int supported,
                          const kernel *table)
{
    const int wanted = name == NULL || strcmp(name, candidate) == 0;
    return wanted && supported ? table : NULL;
}

const kernel *choose_kernel(const char *name)
{
    const kernel *found = NULL;
#ifdef HAVE_X86_64_V3
    __builtin_cpu_init();
    const int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                   && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#ifdef HAVE_X86_64_V4
    const int v4 = v3 && __builtin_cpu_supports("avx512f")
                   && __builtin_cpu_supports("avx512bw")
                   && __builtin_cpu_supports("avx512cd")
                   && __builtin_cpu_supports("avx512dq")
                   && __builtin_cpu_supports("avx512vl");
    found = pick(name, "x86-64-v4", v4, &kernel_x86_64_v4);
#endif
    found = found ? found : pick(name, "x86-64-v3", v3, &kernel_x86_64_v3);
#endif
    return found ? found : pick(name, "baseline", 1, &kernel_baseline);
}
