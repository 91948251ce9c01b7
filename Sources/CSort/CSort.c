// Numbers as integers of the same order, sorted with vectors, and back.
//
//     numbers ──► integers, NaN left out ──► VectorSort.h ──► numbers
//
// The bits of a number that is not negative, read as a signed integer, rise with it; those of a negative
// one fall, and rise when all but the sign are inverted. Numbers that are all of single precision, as most
// models give, are sorted by integers of half the width, and so twice as many at once.
//
// Sort512.c and Sort256.c are that for one width of vectors each; which one is used cannot show in the result.
// This is C because Swift reaches none of these instructions. Elsewhere SampleSorter counts digits.

#include "CSort.h"

#include <stdbool.h>

#include "Widths.h"

#if defined(__x86_64__)

int assaylog_sort_width(void) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2")) return 0;
    bool isWide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return isWide ? 512 : 256;
}

size_t assaylog_sort(
    int width, const double *values, size_t count, double *sorted, double *scratch, int depth) {
    return width == 512 ? assaylog_sort_512(values, count, sorted, scratch, depth)
                        : assaylog_sort_256(values, count, sorted, scratch, depth);
}

#else

int assaylog_sort_width(void) { return 0; }

size_t assaylog_sort(
    int width, const double *values, size_t count, double *sorted, double *scratch, int depth) {
    (void)width, (void)values, (void)count, (void)sorted, (void)scratch, (void)depth;
    __builtin_trap();
}

#endif
