/* 64 bits well mixed: SplitMix64 (Steele, Lea and Flood, 2014). */

#ifndef SKLEARN_BACKPROP_MIX_H
#define SKLEARN_BACKPROP_MIX_H

#include <stdint.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t mix(uint64_t bits)
{
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    return bits ^ (bits >> 31);
}

#endif
