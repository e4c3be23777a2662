/* The kernel for one instruction set: this file is compiled once for each, and gives
 * its table the name KERNEL_TABLE that the build passes in. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel.h"

#define REAL float
#define REAL_IS_DOUBLE 0
#define LIMIT LIMIT_F32
#define NAME(name) name##_f32
#include "network.inc.h"
#undef REAL
#undef REAL_IS_DOUBLE
#undef LIMIT
#undef NAME

#define REAL double
#define REAL_IS_DOUBLE 1
#define LIMIT LIMIT_F64
#define NAME(name) name##_f64
#include "network.inc.h"

const kernel KERNEL_TABLE = {
    {train_f32, predict_f32, moments_f32, first_beyond_f32},
    {train_f64, predict_f64, moments_f64, first_beyond_f64},
};
