// CRC-32C (Castagnoli polynomial, reflected; RFC 3720 B.4): the checksum of every byte the log keeps.
#ifndef ASSAYLOG_CCHECKSUM_H
#define ASSAYLOG_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Extends `crc` (0 at the start of a message) over `count` bytes and returns the new CRC-32C.
uint32_t assaylog_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by table, on any machine: what the hardware path is tested against.
uint32_t assaylog_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

#endif
