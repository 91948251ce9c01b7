// Decoding columns in instructions that Swift reaches none of: a permutation of bytes that spreads threes
// to fours, and shifts by any number of bits in one step.
//
// Invariants:
//  * The result is the same on every machine: a processor without the instructions runs the same loops in
//    plain C.
//  * Nothing outside the counts that are given is read or written.

#include "CColumns.h"

#include <string.h>

static inline uint32_t load32(const uint8_t *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline uint64_t load64(const uint8_t *from) {
    return (uint64_t)load32(from) | (uint64_t)load32(from + 4) << 32;
}

void assaylog_join_singles_portable(
    const uint8_t *uppers, const uint8_t *rest, size_t count, float *output) {
    for (size_t at = 0; at < count; at++) {
        const uint8_t *three = rest + 3 * at;
        uint32_t bits = (uint32_t)three[0] | (uint32_t)three[1] << 8 | (uint32_t)three[2] << 16
            | (uint32_t)uppers[at] << 24;
        bits = bits >> 1 | bits << 31;
        memcpy(output + at, &bits, sizeof bits);
    }
}

/// Inlined into each version below, which says what the processor has.
__attribute__((always_inline)) static inline bool read_codes(
    const uint8_t *bytes, size_t firstByteCount, size_t secondByteCount, const uint16_t *table, int longest,
    size_t firstCount, size_t secondCount, uint8_t *output) {
    const uint64_t mask = (1ull << longest) - 1;
    const size_t last = firstByteCount + secondByteCount;
    uint8_t *const second = output + firstCount;
    // Bits from the first byte; a stream that is too short runs on to the last one and no further.
    size_t one = 0, other = 8 * firstByteCount, index = 0;
#define NEXT(bit) (load64(bytes + ((bit) >> 3 < last ? (bit) >> 3 : last)) >> ((bit) & 7))
    // A code must be read before the next one's place is known: two such chains go on at once.
    for (; index + 5 <= secondCount; index += 5) {
        uint64_t firstBits = NEXT(one), secondBits = NEXT(other);
        // Lengths are in the lowest byte, and five of them add up to less than it holds.
        uint32_t firstLength = 0, secondLength = 0;
        for (size_t step = 0; step < 5; step++) {
            uint32_t firstEntry = table[firstBits & mask], secondEntry = table[secondBits & mask];
            output[index + step] = (uint8_t)(firstEntry >> 8);
            second[index + step] = (uint8_t)(secondEntry >> 8);
            firstBits >>= firstEntry & 63;
            secondBits >>= secondEntry & 63;
            firstLength += firstEntry;
            secondLength += secondEntry;
        }
        one += firstLength & 0xFF;
        other += secondLength & 0xFF;
    }
    for (; index < firstCount; index++) {
        uint32_t entry = table[NEXT(one) & mask];
        output[index] = (uint8_t)(entry >> 8);
        one += entry & 0xFF;
        if (index == secondCount) break;
        entry = table[NEXT(other) & mask];
        second[index] = (uint8_t)(entry >> 8);
        other += entry & 0xFF;
    }
#undef NEXT
    return (one + 7) / 8 == firstByteCount && (other + 7) / 8 == last;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define VECTORS \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi,bmi2"), min_vector_width(512)))

VECTORS static void join_singles_by_vectors(
    const uint8_t *uppers, const uint8_t *rest, size_t count, float *output) {
    // The three bytes of each number, and a fourth that is left empty for the upper one.
    uint8_t places[64];
    for (int lane = 0; lane < 16; lane++)
        for (int byte = 0; byte < 4; byte++) places[4 * lane + byte] = (uint8_t)(3 * lane + byte);
    const __m512i spread = _mm512_loadu_si512(places);
    const __mmask64 lowThree = 0x7777777777777777;
    for (size_t at = 0; at < count; at += 16) {
        unsigned lanes = count - at < 16 ? (unsigned)(count - at) : 16;
        __mmask16 wanted = (__mmask16)_bzhi_u32(0xFFFF, lanes);
        __m512i packed = _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, 3 * lanes), rest + 3 * at);
        __m512i low = _mm512_maskz_permutexvar_epi8(lowThree, spread, packed);
        __m512i high = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(wanted, uppers + at));
        __m512i bits = _mm512_or_si512(low, _mm512_slli_epi32(high, 24));
        _mm512_mask_storeu_epi32(output + at, wanted, _mm512_ror_epi32(bits, 1));
    }
}

/// The same, eight at a time, for processors that permute bytes within sixteen of them only.
__attribute__((target("avx2"))) static void join_singles_by_halves(
    const uint8_t *uppers, const uint8_t *rest, size_t count, float *output) {
    // Four numbers of three bytes lie in twelve; a negative place leaves its byte empty.
    const __m256i spread = _mm256_setr_epi8(
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1,
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    size_t at = 0;
    // Sixteen bytes are read from the second twelve on: four more than eight numbers have.
    for (; at + 10 <= count; at += 8) {
        const uint8_t *threes = rest + 3 * at;
        __m256i packed = _mm256_set_m128i(
            _mm_loadu_si128((const __m128i *)(threes + 12)), _mm_loadu_si128((const __m128i *)threes));
        __m256i high = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(uppers + at)));
        __m256i bits = _mm256_or_si256(_mm256_shuffle_epi8(packed, spread), _mm256_slli_epi32(high, 24));
        bits = _mm256_or_si256(_mm256_srli_epi32(bits, 1), _mm256_slli_epi32(bits, 31));
        _mm256_storeu_si256((__m256i *)(output + at), bits);
    }
    assaylog_join_singles_portable(uppers + at, rest + 3 * at, count - at, output + at);
}

void assaylog_join_singles(const uint8_t *uppers, const uint8_t *rest, size_t count, float *output) {
    if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("bmi2"))
        join_singles_by_vectors(uppers, rest, count, output);
    else if (__builtin_cpu_supports("avx2"))
        join_singles_by_halves(uppers, rest, count, output);
    else
        assaylog_join_singles_portable(uppers, rest, count, output);
}

__attribute__((target("bmi2"))) static bool read_codes_bmi2(
    const uint8_t *bytes, size_t firstByteCount, size_t secondByteCount, const uint16_t *table, int longest,
    size_t firstCount, size_t secondCount, uint8_t *output) {
    return read_codes(
        bytes, firstByteCount, secondByteCount, table, longest, firstCount, secondCount, output);
}

bool assaylog_read_codes(
    const uint8_t *bytes, size_t firstByteCount, size_t secondByteCount, const uint16_t *table, int longest,
    size_t firstCount, size_t secondCount, uint8_t *output) {
    if (__builtin_cpu_supports("bmi2"))
        return read_codes_bmi2(
            bytes, firstByteCount, secondByteCount, table, longest, firstCount, secondCount, output);
    return read_codes(
        bytes, firstByteCount, secondByteCount, table, longest, firstCount, secondCount, output);
}

#else

void assaylog_join_singles(const uint8_t *uppers, const uint8_t *rest, size_t count, float *output) {
    assaylog_join_singles_portable(uppers, rest, count, output);
}

bool assaylog_read_codes(
    const uint8_t *bytes, size_t firstByteCount, size_t secondByteCount, const uint16_t *table, int longest,
    size_t firstCount, size_t secondCount, uint8_t *output) {
    return read_codes(
        bytes, firstByteCount, secondByteCount, table, longest, firstCount, secondCount, output);
}

#endif
