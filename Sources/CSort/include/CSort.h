// Sorting numbers with vectors of sixteen and of eight, where the processor has them (AVX-512).
#ifndef ASSAYLOG_CSORT_H
#define ASSAYLOG_CSORT_H

#include <stdbool.h>
#include <stddef.h>

/// Whether this processor sorts with vectors. Where it does not, `assaylog_sort` must not be called.
bool assaylog_sort_works(void);

/// Writes the `count` numbers of `values` that are not NaN to the start of `sorted`, ascending, -0.0
/// before 0.0, and returns how many those are.
///
/// `sorted` and `scratch` have room for `count` doubles each; they and `values` do not overlap. After `depth`
/// partings, one of the other's part, the rest is sorted by a heap: that bounds the time of samples that are
/// parted badly.
size_t assaylog_sort(
    const double *values, size_t count, double *sorted, double *scratch, int depth);

#endif
