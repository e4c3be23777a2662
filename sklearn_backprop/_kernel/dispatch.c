/* Choose one of the compiled kernels: by name, or the fastest that the CPU can run. */

#include <string.h>

#include "kernel.h"

extern const functions kernel_baseline_float32, kernel_baseline_float64;
static const kernel baseline = {"baseline", &kernel_baseline_float32,
                                &kernel_baseline_float64};
#ifdef HAVE_X86_64_V3
extern const functions kernel_x86_64_v3_float32, kernel_x86_64_v3_float64;
static const kernel x86_64_v3 = {"x86-64-v3", &kernel_x86_64_v3_float32,
                                 &kernel_x86_64_v3_float64};
#endif
#ifdef HAVE_X86_64_V4
extern const functions kernel_x86_64_v4_float32, kernel_x86_64_v4_float64;
static const kernel x86_64_v4 = {"x86-64-v4", &kernel_x86_64_v4_float32,
                                 &kernel_x86_64_v4_float64};
#endif

const kernel *choose_kernel(const char *name)
{
    const kernel *found[3];
    int n = 0;

    /* these are the features that meson.build lets the compiler use */
#if defined(HAVE_X86_64_V3) || defined(HAVE_X86_64_V4)
    __builtin_cpu_init();
    const int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#ifdef HAVE_X86_64_V4
    if (v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        found[n++] = &x86_64_v4;
    }
#endif
#ifdef HAVE_X86_64_V3
    if (v3) {
        found[n++] = &x86_64_v3;
    }
#endif
    found[n++] = &baseline;

    for (int i = 0; i < n; i++) {
        if (name == NULL || strcmp(name, found[i]->name) == 0) {
            return found[i];
        }
    }
    return NULL;
}

int cpu_has_fma(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("fma");
#else
    return 1; /* part of the instruction set, as in ARMv8 */
#endif
}
