// The two loops in which decoding a column of single-precision numbers spends its time.
#ifndef ASSAYLOG_CCOLUMNS_H
#define ASSAYLOG_CCOLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Puts `count` single-precision numbers together: the upper byte of each is in `uppers`, its three others,
/// lowest first, are in `rest`; its sign is the lowest bit of all.
void assaylog_join_singles(const uint8_t *uppers, const uint8_t *rest, size_t count, float *output);

/// The same on any machine: what the vectors are tested against.
void assaylog_join_singles_portable(
    const uint8_t *uppers, const uint8_t *rest, size_t count, float *output);

/// Reads the codes of two streams, which lie one behind the other in `bytes`, with eight bytes more behind
/// them that can be read: `firstCount` codes of the first stream, `secondCount` of the second, which are as
/// many or one less.
///
/// `table` has 1 << `longest` entries, `longest` at most 11: for the bits that come, the length of the code they
/// start with and, from bit 8 on, what it stands for. Its lengths are at most `longest`.
///
/// Returns whether the codes end where their streams do; all of `output`, as many bytes as there are codes,
/// is written in any case.
bool assaylog_read_codes(
    const uint8_t *bytes, size_t firstByteCount, size_t secondByteCount, const uint16_t *table, int longest,
    size_t firstCount, size_t secondCount, uint8_t *output);

#endif
