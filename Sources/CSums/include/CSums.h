// Sums of ascending numbers, from left to right, a stretch of them at a time.
#ifndef ASSAYLOG_CSUMS_H
#define ASSAYLOG_CSUMS_H

#include <stddef.h>

/// x[0] + x[1] + …, each addition rounded, in this order. `values` ascend and hold no NaN.
double assaylog_sum_of_ascending(const double *values, size_t count);

/// (x[0] - mean)² + (x[1] - mean)² + …, each operation rounded, in this order. `values` ascend and hold no NaN.
double assaylog_squares_of_ascending(const double *values, size_t count, double mean);

#endif
