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

/// Numbers on their way to an order: those of the lower side are less than those of the upper one.
struct assaylog_parts {
    /// How many there were, and how many of them are not NaN.
    size_t count, kept;
    /// How many of those are on the lower side.
    size_t below;
    bool areSingles;
    /// Whether there is an upper side.
    bool inTwo;
};

/// The first step of `assaylog_sort`, after which `assaylog_sort_side` sorts each side: so two threads may.
/// The arguments are those of `assaylog_sort`, and the same in all steps.
struct assaylog_parts assaylog_sort_part(
    const double *values, size_t count, double *sorted, double *scratch, bool inTwo);

/// Sorts one side into its place in `sorted`.
void assaylog_sort_side(
    struct assaylog_parts parts, bool isUpper, double *sorted, double *scratch, int depth);

#endif
