// Reading the decimals of a JSON list in instructions that Swift reaches none of: thirty-two bytes compared
// to a mask of digits, a permutation of bytes that leaves out the point, sums of neighbouring digits.
//
// Invariants:
//  * What is written is the double nearest to the text: its digits make a whole number below 10^15, exact in
//    a double, and so is the power of ten that it is divided by, so the one division rounds once.
//  * No byte outside the text is read.
//  * A text that is not of the form asked for is left where it is, to be read or refused by another.

#include "CNumbers.h"

#if defined(__x86_64__)

#include <immintrin.h>

static const double powersOfTen[16] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/// Bytes looked at for one number: a sign, the mask's thirty-two, and two behind them.
static const size_t windowByteCount = 40;

/// The whole number that `count` digits make, which begin at `from` with a point behind the first `whole`.
__attribute__((target("avx2,bmi,bmi2"), always_inline)) static inline int64_t join(
    const uint8_t *from, int whole, int count) {
    // Each place takes the digit that stands there when the last digit stands in the last place; those before
    // the first digit take none, which is zero.
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m128i digit = _mm_add_epi8(places, _mm_set1_epi8((char)(count - 16)));
    __m128i isPastPoint = _mm_cmpgt_epi8(digit, _mm_set1_epi8((char)(whole - 1)));
    __m128i text = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)from), _mm_set1_epi8('0'));
    __m128i digits = _mm_shuffle_epi8(text, _mm_sub_epi8(digit, isPastPoint));
    __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 | 1 << 8));
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(10000 | 1 << 16));
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    return (int64_t)((both & 0xFFFFFFFF) * 100000000 + (both >> 32));
}

__attribute__((target("avx2,bmi,bmi2"))) static struct assaylog_decimals read_by_vectors(
    const uint8_t *text, size_t byteCount, size_t offset, double *output, size_t capacity) {
    struct assaylog_decimals result = {0, offset, false};
    while (result.count < capacity && byteCount - result.offset >= windowByteCount) {
        const uint8_t *start = text + result.offset;
        __m256i bytes = _mm256_loadu_si256((const __m256i *)start);
        __m256i isEnd = _mm256_or_si256(
            _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(',')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(']')));
        // Where the next number begins hangs on this alone, and all else can be done for several at once.
        int length = (int)_tzcnt_u64((uint32_t)_mm256_movemask_epi8(isEnd) | 1ull << 32);
        __m256i values = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
        __m256i isDigit = _mm256_cmpeq_epi8(_mm256_min_epu8(values, _mm256_set1_epi8(9)), values);
        // Bit i is set where byte i is no digit; those behind the thirty-two count as none.
        uint64_t others = ~(uint64_t)(uint32_t)_mm256_movemask_epi8(isDigit);
        // Signs come as they like: a branch on them would be mispredicted half of the time.
        int sign = (int)(others & 1);
        others >>= sign;
        int whole = (int)_tzcnt_u64(others);
        int fraction = (int)_tzcnt_u64(others >> 1 >> whole);
        int count = whole + fraction;
        const uint8_t *first = start + sign, *end = start + length;
        bool isOther = (sign + count + 1 != length) | (whole == 0) | (count > 15) | (first[whole] != '.')
            | (end[-1] < '1') | (sign & (*start != '-')) | ((whole > 1) & (*first == '0'));
        if (isOther) break;
        double magnitude = (double)join(first, whole, count) / powersOfTen[fraction];
        if (magnitude < 1e-4) break;
        uint64_t bits;
        __builtin_memcpy(&bits, &magnitude, sizeof bits);
        bits |= (uint64_t)sign << 63;
        __builtin_memcpy(output + result.count, &bits, sizeof bits);
        result.count++;
        result.offset += (size_t)length;
        if (*end == ']') {
            result.isAtEnd = true;
            break;
        }
        result.offset++;
        if (__builtin_expect(text[result.offset] == ' ', false)) result.offset++;
    }
    return result;
}

struct assaylog_decimals assaylog_read_decimals(
    const uint8_t *text, size_t byteCount, size_t offset, double *output, size_t capacity) {
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        return read_by_vectors(text, byteCount, offset, output, capacity);
    return (struct assaylog_decimals){0, offset, false};
}

#else

struct assaylog_decimals assaylog_read_decimals(
    const uint8_t *text, size_t byteCount, size_t offset, double *output, size_t capacity) {
    return (struct assaylog_decimals){0, offset, false};
}

#endif
