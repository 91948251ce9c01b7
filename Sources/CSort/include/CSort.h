// Sorting numbers with vectors, where the processor has them: of 512 bits (AVX-512) or of 256 (AVX2).
#ifndef ASSAYLOG_CSORT_H
#define ASSAYLOG_CSORT_H

#include <stddef.h>

/// The widest vectors that this processor sorts with, in bits: 512, 256 or 0. With 512 it has 256 as well.
int assaylog_sort_width(void);

/// Sorts with vectors of `width` bits, 512 or 256, which the processor must have.
///
/// Writes the `count` numbers of `values` that are not NaN to the start of `sorted`, ascending, -0.0
/// before 0.0, and returns how many those are.
///
/// `sorted` and `scratch` have room for `count` doubles each; they and `values` do not overlap. After `depth`
/// partings, one of the other's part, the rest is sorted by a heap: that bounds the time of samples that are
/// parted badly.
size_t assaylog_sort(
    int width, const double *values, size_t count, double *sorted, double *scratch, int depth);

#endif
