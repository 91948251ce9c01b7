// The loop in which reading posted numbers spends its time.
#ifndef ASSAYLOG_CNUMBERS_H
#define ASSAYLOG_CNUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What was read of a list.
struct assaylog_decimals {
    /// Numbers written.
    size_t count;
    /// Where the next element begins, or the list's end is.
    size_t offset;
    /// Whether the list's end is there.
    bool isAtEnd;
};

/// Reads elements of a JSON list, of which one begins at `offset` of `text`, while they are decimals, each
/// with the comma behind it: digits, a point and digits, at most fifteen of them, the last of which is no
/// zero, of a magnitude of at least 1e-4, with a comma or the list's end right behind them. Behind a comma one
/// space is passed over.
///
/// At most `capacity` are written to `output`. Nothing is read where the processor lacks the instructions, nor
/// within the last bytes of the text: what is left is read one number at a time.
struct assaylog_decimals assaylog_read_decimals(
    const uint8_t *text, size_t byteCount, size_t offset, double *output, size_t capacity);

#endif
