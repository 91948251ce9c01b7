// What CSort.c chooses from; each as `assaylog_sort` of that width, to be called where the processor has it.
#ifndef ASSAYLOG_CSORT_WIDTHS_H
#define ASSAYLOG_CSORT_WIDTHS_H

#include <stddef.h>

size_t assaylog_sort_512(const double *values, size_t count, double *sorted, double *scratch, int depth);
size_t assaylog_sort_256(const double *values, size_t count, double *sorted, double *scratch, int depth);

#endif
