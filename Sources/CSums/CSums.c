// A sum from left to right waits for each addition before it begins the next. It need not:
//
//     Between two powers of two, b and 2b, doubles lie one unit u = b · 2^-52 apart. As long as a sum s stays
//     there, s + x rounded is s plus x rounded to whole units, because s is whole units itself: unless x lies
//     half a unit from them, where the sum's last bit decides. Whole units add up without rounding, in any
//     order, as long as they make less than 2^53.
//
// So a stretch of numbers is rounded to units and added in vectors; then it is seen whether the sum was between
// b and 2b all the while. Numbers of one sign move it one way, so both its ends tell. Where one of this does
// not hold, the stretch is added one by one: sums pass few powers of two.
//
// Invariant: every result is, bit for bit, that of the additions one by one.
//
// Stretches.h is that for one width of vectors. This is C because Swift reaches none of these instructions; where a
// processor has not got them, the plain loop is all there is.

#include "CSums.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// A product and a sum rounded once would be another sum.
#pragma STDC FP_CONTRACT OFF

/// What is added: the numbers themselves, or the squares of their distances from the mean.
enum term { ITSELF, SQUARE };

__attribute__((always_inline)) static inline double term_of(double value, double mean, const enum term term) {
    return term == ITSELF ? value : (value - mean) * (value - mean);
}

__attribute__((always_inline)) static inline double add_plainly(
    double sum, const double *values, size_t count, double mean, const enum term term) {
    _Pragma("clang loop unroll_count(8)") for (size_t at = 0; at < count; at++) sum += term_of(values[at], mean, term);
    return sum;
}

/// How many numbers are tried at once.
enum { STRETCH = 64 };

/// The unit of doubles from `base` on, and what adds to a number to round it to units.
struct units {
    double base, rounder;
};

__attribute__((always_inline)) static inline struct units units_at(double sum) {
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits &= UINT64_C(0x7FF) << 52;
    double base;
    memcpy(&base, &bits, sizeof base);
    // Within these bounds all that is made of a base is a normal number. No stretch is small beside no base.
    if (!(base > 0x1p-900 && base < 0x1p900)) base = 0;
    // From b to 2b, where this keeps whatever is added to it, the unit is u.
    return (struct units){base, base * 1.5};
}

#if defined(__x86_64__)

#define LANES 8
#define VECTORS __attribute__((target("avx512f,avx512dq"), min_vector_width(512)))
#define NAME(x) x##_512
#include "Stretches.h"

#define LANES 4
#define VECTORS __attribute__((target("avx2")))
#define NAME(x) x##_256
#include "Stretches.h"

static bool has_512(void) { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"); }

double assaylog_sum_of_ascending(const double *values, size_t count) {
    if (count >= STRETCH && has_512()) return sum_by_stretches_512(values, count);
    if (count >= STRETCH && __builtin_cpu_supports("avx2")) return sum_by_stretches_256(values, count);
    return add_plainly(0, values, count, 0, ITSELF);
}

double assaylog_squares_of_ascending(const double *values, size_t count, double mean) {
    if (count >= STRETCH && has_512()) return squares_by_stretches_512(values, count, mean);
    if (count >= STRETCH && __builtin_cpu_supports("avx2")) return squares_by_stretches_256(values, count, mean);
    return add_plainly(0, values, count, mean, SQUARE);
}

#else

double assaylog_sum_of_ascending(const double *values, size_t count) {
    return add_plainly(0, values, count, 0, ITSELF);
}

double assaylog_squares_of_ascending(const double *values, size_t count, double mean) {
    return add_plainly(0, values, count, mean, SQUARE);
}

#endif
