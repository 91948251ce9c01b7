// Adding by whole units with vectors of LANES numbers, to be included once for each width (CSums.c says why it is right).
//
// Invariants:
//  * A stretch is added as it would be one by one, to the bit, or not at all.
//  * No width of vectors shows in a sum: whole units add up in any order.
//
// NAME(x) names what is defined here for functions with the attributes VECTORS; all three are forgotten at the end.

typedef double NAME(numbers) __attribute__((vector_size(8 * LANES)));
/// Numbers as they lie in memory.
typedef double NAME(unaligned) __attribute__((vector_size(8 * LANES), aligned(8)));
typedef int64_t NAME(truths) __attribute__((vector_size(8 * LANES)));

/// Rounds the stretch that begins at `values` to units and adds it to `sum`; false, with `sum` as it was, where
/// it has to be added one by one.
VECTORS __attribute__((always_inline)) static inline bool NAME(add_stretch)(
    double *sum, struct units units, const double *values, double mean, const enum term term) {
    // The numbers ascend, so one of the ends is the largest; and so with the squares, which have one valley.
    double first = term_of(values[0], mean, term), last = term_of(values[STRETCH - 1], mean, term);
    // Nothing but zeros: a sum that began with 0 is never -0.0, which they would change.
    if (first == 0 && last == 0) return true;
    bool isOneSided = term == SQUARE || first >= 0 || last <= 0;
    // False where there are numbers that are none.
    bool isSmall = fabs(first) < units.base / 2 && fabs(last) < units.base / 2;
    if (!isOneSided || !isSmall) return false;

    NAME(numbers) moved = {0};
    NAME(truths) isWithin = ~(NAME(truths)){0};
    for (int at = 0; at < STRETCH; at += LANES) {
        NAME(numbers) number = *(const NAME(unaligned) *)(values + at);
        if (term == SQUARE) {
            number = number - mean;
            number = number * number;
        }
        NAME(numbers) whole = (number + units.rounder) - units.rounder;
        moved += whole;
        isWithin &= __builtin_elementwise_abs(number - whole) < units.base * 0x1p-53;
    }
    if (__builtin_reduce_and(isWithin) == 0) return false;
    double end = *sum;
    for (int lane = 0; lane < LANES; lane++) end += moved[lane];
    double size = *sum < 0 ? -end : end;
    // Past the base itself: just below it numbers lie closer together.
    if (!(size > units.base && size < 2 * units.base)) return false;
    *sum = end;
    return true;
}

VECTORS __attribute__((always_inline)) static inline double NAME(add_by_stretches)(
    const double *values, size_t count, double mean, const enum term term) {
    double sum = 0;
    // Kept from stretch to stretch, so that one need not wait for the sum of the one before.
    struct units units = units_at(sum);
    size_t at = 0;
    for (; at + STRETCH <= count; at += STRETCH) {
        if (NAME(add_stretch)(&sum, units, values + at, mean, term)) continue;
        sum = add_plainly(sum, values + at, STRETCH, mean, term);
        units = units_at(sum);
    }
    return add_plainly(sum, values + at, count - at, mean, term);
}

VECTORS static double NAME(sum_by_stretches)(const double *values, size_t count) {
    return NAME(add_by_stretches)(values, count, 0, ITSELF);
}

VECTORS static double NAME(squares_by_stretches)(const double *values, size_t count, double mean) {
    return NAME(add_by_stretches)(values, count, mean, SQUARE);
}

#undef NAME
#undef VECTORS
#undef LANES
