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
// This is C because Swift reaches none of these instructions; where a processor has not got them, the plain
// loop is all there is.

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

#if defined(__x86_64__)

#include <immintrin.h>

#define VECTORS __attribute__((target("avx512f,avx512dq"), min_vector_width(512)))

enum { STRETCH = 64, LANES = 8 };

/// The unit of doubles from `base` on, and what adds to a number to round it to units.
struct units {
    double base;
    __m512d rounder;
};

VECTORS static inline struct units units_at(double sum) {
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits &= UINT64_C(0x7FF) << 52;
    double base;
    memcpy(&base, &bits, sizeof base);
    // Within these bounds all that is made of a base is a normal number. No stretch is small beside no base.
    if (!(base > 0x1p-900 && base < 0x1p900)) base = 0;
    // From b to 2b, where this keeps whatever is added to it, the unit is u.
    return (struct units){base, _mm512_set1_pd(base * 1.5)};
}

/// Rounds the stretch that begins at `values` to units and adds it to `sum`; false, with `sum` as it was, where
/// it has to be added one by one.
__attribute__((always_inline)) VECTORS static inline bool add_stretch(
    double *sum, struct units units, const double *values, double mean, const enum term term) {
    // The numbers ascend, so one of the ends is the largest; and so with the squares, which have one valley.
    double first = term_of(values[0], mean, term), last = term_of(values[STRETCH - 1], mean, term);
    // Nothing but zeros: a sum that began with 0 is never -0.0, which they would change.
    if (first == 0 && last == 0) return true;
    bool isOneSided = term == SQUARE || first >= 0 || last <= 0;
    // False where there are numbers that are none.
    bool isSmall = fabs(first) < units.base / 2 && fabs(last) < units.base / 2;
    if (!isOneSided || !isSmall) return false;

    const __m512d means = _mm512_set1_pd(mean);
    __m512d moved = _mm512_setzero_pd(), farthest = _mm512_setzero_pd();
    for (int at = 0; at < STRETCH; at += LANES) {
        __m512d number = _mm512_loadu_pd(values + at);
        if (term == SQUARE) {
            number = _mm512_sub_pd(number, means);
            number = _mm512_mul_pd(number, number);
        }
        __m512d whole = _mm512_sub_pd(_mm512_add_pd(number, units.rounder), units.rounder);
        moved = _mm512_add_pd(moved, whole);
        farthest = _mm512_max_pd(farthest, _mm512_abs_pd(_mm512_sub_pd(number, whole)));
    }
    if (_mm512_cmp_pd_mask(farthest, _mm512_set1_pd(units.base * 0x1p-53), _CMP_NLT_UQ)) return false;
    double end = *sum + _mm512_reduce_add_pd(moved);
    double size = *sum < 0 ? -end : end;
    // Past the base itself: just below it numbers lie closer together.
    if (!(size > units.base && size < 2 * units.base)) return false;
    *sum = end;
    return true;
}

__attribute__((always_inline)) VECTORS static inline double add_by_stretches(
    const double *values, size_t count, double mean, const enum term term) {
    double sum = 0;
    // Kept from stretch to stretch, so that one need not wait for the sum of the one before.
    struct units units = units_at(sum);
    size_t at = 0;
    for (; at + STRETCH <= count; at += STRETCH) {
        if (add_stretch(&sum, units, values + at, mean, term)) continue;
        sum = add_plainly(sum, values + at, STRETCH, mean, term);
        units = units_at(sum);
    }
    return add_plainly(sum, values + at, count - at, mean, term);
}

VECTORS static double sum_by_stretches(const double *values, size_t count) {
    return add_by_stretches(values, count, 0, ITSELF);
}

VECTORS static double squares_by_stretches(const double *values, size_t count, double mean) {
    return add_by_stretches(values, count, mean, SQUARE);
}

static bool has_vectors(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}

double assaylog_sum_of_ascending(const double *values, size_t count) {
    if (count >= STRETCH && has_vectors()) return sum_by_stretches(values, count);
    return add_plainly(0, values, count, 0, ITSELF);
}

double assaylog_squares_of_ascending(const double *values, size_t count, double mean) {
    if (count >= STRETCH && has_vectors()) return squares_by_stretches(values, count, mean);
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
