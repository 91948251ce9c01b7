// CRC-32C by the processor's own instruction where it has one, by table elsewhere.
//
// Invariant: both paths give the same value for every message (tested).
// This is C because Swift has no intrinsic for the instruction; a byte table in Swift reaches
// a twentieth of its speed.

#include "CChecksum.h"

#include <string.h>

#define POLYNOMIAL 0x82F63B78u

static uint32_t table[256];

/// Bytes of each of three runs whose checksums are worked out at once.
#define RUN 256

/// What RUN bytes of zero make of each byte of a checksum, alone.
static uint32_t behind[4][256];

__attribute__((constructor)) static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        table[byte] = crc;
    }
    for (int place = 0; place < 4; place++) {
        for (uint32_t byte = 1; byte < 256; byte++) {
            uint32_t rest = byte & (byte - 1);
            if (rest) {
                // A checksum of zeros is linear in what it begins with.
                behind[place][byte] = behind[place][rest] ^ behind[place][byte ^ rest];
                continue;
            }
            uint32_t crc = byte << 8 * place;
            for (int zero = 0; zero < RUN; zero++) crc = (crc >> 8) ^ table[crc & 0xFF];
            behind[place][byte] = crc;
        }
    }
}

static inline uint32_t after_run(uint32_t crc) {
    return behind[0][crc & 0xFF] ^ behind[1][crc >> 8 & 0xFF] ^ behind[2][crc >> 16 & 0xFF]
        ^ behind[3][crc >> 24];
}

uint32_t assaylog_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    crc = ~crc;
    while (count--) crc = (crc >> 8) ^ table[(crc ^ *at++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)

#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint64_t value = (uint32_t)~crc;
    // Each instruction waits three cycles for the one before it, so three runs go on at once.
    while (count >= 3 * RUN) {
        uint64_t second = 0, third = 0;
        for (int offset = 0; offset < RUN; offset += 8) {
            uint64_t words[3];
            memcpy(&words[0], at + offset, 8);
            memcpy(&words[1], at + RUN + offset, 8);
            memcpy(&words[2], at + 2 * RUN + offset, 8);
            value = _mm_crc32_u64(value, words[0]);
            second = _mm_crc32_u64(second, words[1]);
            third = _mm_crc32_u64(third, words[2]);
        }
        value = after_run(after_run((uint32_t)value) ^ (uint32_t)second) ^ (uint32_t)third;
        at += 3 * RUN;
        count -= 3 * RUN;
    }
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        value = _mm_crc32_u64(value, word);
        at += 8;
        count -= 8;
    }
    uint32_t tail = (uint32_t)value;
    while (count--) tail = _mm_crc32_u8(tail, *at++);
    return ~tail;
}

uint32_t assaylog_crc32c(uint32_t crc, const void *bytes, size_t count) {
    if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, bytes, count);
    return assaylog_crc32c_portable(crc, bytes, count);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>

uint32_t assaylog_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    crc = ~crc;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __crc32cd(crc, word);
        at += 8;
        count -= 8;
    }
    while (count--) crc = __crc32cb(crc, *at++);
    return ~crc;
}

#else

uint32_t assaylog_crc32c(uint32_t crc, const void *bytes, size_t count) {
    return assaylog_crc32c_portable(crc, bytes, count);
}

#endif
