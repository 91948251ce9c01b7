// Sorting with vectors of 256 bits: eight integers, or four (AVX2).
//
// What AVX-512 does in one instruction is made of several here: lanes are pressed together by a permutation
// from a table, and sets of lanes are vectors where they are used.

#include "Widths.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define VECTORS __attribute__((target("avx2,bmi2,popcnt")))
/// Into its caller, where counts of lanes and vectors are numbers and all vectors lie in registers.
#define INLINED VECTORS __attribute__((always_inline)) static inline
#define UNROLLED _Pragma("clang loop unroll(full)")

/// Where a lane goes when those of the set are pressed to the front, and the others behind them.
#define BELOW(set, lane) __builtin_popcount((set) & ((1 << (lane)) - 1))
#define PLACE(set, lane) \
    ((set) >> (lane) & 1 ? BELOW(set, lane) : __builtin_popcount(set) + (lane) - BELOW(set, lane))
#define PUT(set, lane) ((uint32_t)(lane) << 4 * PLACE(set, lane))
/// The lanes in their new order, four bits each.
#define PARTED(set) \
    (PUT(set, 1) | PUT(set, 2) | PUT(set, 3) | PUT(set, 4) | PUT(set, 5) | PUT(set, 6) | PUT(set, 7))
#define PARTED_4(set) PARTED(set), PARTED((set) + 1), PARTED((set) + 2), PARTED((set) + 3)
#define PARTED_16(set) PARTED_4(set), PARTED_4((set) + 4), PARTED_4((set) + 8), PARTED_4((set) + 12)
#define PARTED_64(set) PARTED_16(set), PARTED_16((set) + 16), PARTED_16((set) + 32), PARTED_16((set) + 48)
static const uint32_t parted_32[256] = {PARTED_64(0), PARTED_64(64), PARTED_64(128), PARTED_64(192)};

/// The same for lanes of twice the width, each two of these.
#define TWICE(set) (((set) & 1) * 3 | ((set) & 2) * 6 | ((set) & 4) * 12 | ((set) & 8) * 24)
#define TWICE_4(set) \
    PARTED(TWICE(set)), PARTED(TWICE((set) + 1)), PARTED(TWICE((set) + 2)), PARTED(TWICE((set) + 3))
static const uint32_t parted_64[16] = {TWICE_4(0), TWICE_4(4), TWICE_4(8), TWICE_4(12)};

INLINED __m256i part(__m256i vector, uint32_t order) {
    // Of a lane's number the permutation looks at the lowest three bits only.
    const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    return _mm256_permutevar8x32_epi32(vector, _mm256_srlv_epi32(_mm256_set1_epi32((int)order), shifts));
}

INLINED __m256i lanes_32(int set) {
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(set), bits), bits);
}

INLINED __m256i lanes_64(int set) {
    const __m256i bits = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(set), bits), bits);
}

INLINED __m256i load_32(uint8_t set, const int32_t *from) {
    return _mm256_blendv_epi8(
        _mm256_set1_epi32(INT32_MAX), _mm256_maskload_epi32(from, lanes_32(set)), lanes_32(set));
}

INLINED __m256i load_64(uint8_t set, const int64_t *from) {
    return _mm256_blendv_epi8(
        _mm256_set1_epi64x(INT64_MAX), _mm256_maskload_epi64((const long long *)from, lanes_64(set)),
        lanes_64(set));
}

INLINED __m256i min_64(__m256i one, __m256i other) {
    return _mm256_blendv_epi8(one, other, _mm256_cmpgt_epi64(one, other));
}

INLINED __m256i max_64(__m256i one, __m256i other) {
    return _mm256_blendv_epi8(other, one, _mm256_cmpgt_epi64(one, other));
}

INLINED void store_parted_32(int32_t *front, int32_t *back, uint8_t low, __m256i vector) {
    __m256i parted = part(vector, parted_32[low]);
    _mm256_storeu_si256((__m256i *)front, parted);
    _mm256_storeu_si256((__m256i *)(back - 8), parted);
}

INLINED void store_parted_64(int64_t *front, int64_t *back, uint8_t low, __m256i vector) {
    __m256i parted = part(vector, parted_64[low]);
    _mm256_storeu_si256((__m256i *)front, parted);
    _mm256_storeu_si256((__m256i *)(back - 4), parted);
}

#define VECTOR __m256i
#define MASK uint8_t
#define PERMUTE(order, vector) _mm256_permutevar8x32_epi32(vector, order)
#define LOAD_ALL(from) _mm256_loadu_si256((const __m256i *)(from))
#define STORE_ALL(to, vector) _mm256_storeu_si256((__m256i *)(to), vector)

// Eight integers of 32 bits.
#define NAME(name) name##_32
#define INTEGER int32_t
#define GREATEST INT32_MAX
#define LANES 8
/// All lanes, where there are more.
#define FIRST_LANES(count) ((MASK)_bzhi_u32(0xFF, (count) < 8 ? (count) : 8))
/// The lanes whose number has the bit.
#define HIGH_LANES(bit) ((MASK)((bit) == 1 ? 0xAA : (bit) == 2 ? 0xCC : 0xF0))
#define XOR_ORDER(bits) \
    _mm256_xor_si256(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(bits))
#define BLEND(set, others, those) _mm256_blendv_epi8(others, those, lanes_32(set))
#define MIN _mm256_min_epi32
#define MAX _mm256_max_epi32
#define SPREAD _mm256_set1_epi32
#define LESS(bound, vector) \
    ((MASK)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(bound, vector))))
#define LOAD load_32
#define STORE(to, set, vector) _mm256_maskstore_epi32(to, lanes_32(set), vector)
#define STORE_PARTED store_parted_32
#include "VectorSort.h"
#undef NAME
#undef INTEGER
#undef GREATEST
#undef LANES
#undef FIRST_LANES
#undef HIGH_LANES
#undef XOR_ORDER
#undef BLEND
#undef MIN
#undef MAX
#undef SPREAD
#undef LESS
#undef LOAD
#undef STORE
#undef STORE_PARTED

// Four integers of 64 bits.
#define NAME(name) name##_64
#define INTEGER int64_t
#define GREATEST INT64_MAX
#define LANES 4
#define FIRST_LANES(count) ((MASK)_bzhi_u32(0xF, (count) < 4 ? (count) : 4))
#define HIGH_LANES(bit) ((MASK)((bit) == 1 ? 0xA : 0xC))
#define XOR_ORDER(bits) \
    _mm256_xor_si256(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(2 * (bits)))
#define BLEND(set, others, those) _mm256_blendv_epi8(others, those, lanes_64(set))
#define MIN min_64
#define MAX max_64
#define SPREAD _mm256_set1_epi64x
#define LESS(bound, vector) \
    ((MASK)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(bound, vector))))
#define LOAD load_64
#define STORE(to, set, vector) _mm256_maskstore_epi64((long long *)(to), lanes_64(set), vector)
#define STORE_PARTED store_parted_64
#include "VectorSort.h"

/// Four numbers of `values` from `at` on, NaN where it has no more.
INLINED __m256d four(const double *values, size_t at, size_t count) {
    if (at + 4 <= count) return _mm256_loadu_pd(values + at);
    double rest[4] = {NAN, NAN, NAN, NAN};
    memcpy(rest, values + at, (count - at) * sizeof *rest);
    return _mm256_loadu_pd(rest);
}

INLINED int numbers_of(__m256d vector) {
    return _mm256_movemask_pd(_mm256_cmp_pd(vector, vector, _CMP_EQ_OQ));
}

/// Sorts numbers that are all of single precision or NaN; returns SIZE_MAX, having written nothing to
/// `sorted`, where one is not. `integers` and `others` have room for `count`.
VECTORS static size_t sort_singles(
    const double *values, size_t count, double *sorted, int32_t *integers, int32_t *others, int depth) {
    const __m128i magnitude = _mm_set1_epi32(INT32_MAX);
    size_t kept = 0;
    for (size_t at = 0; at < count; at += 4) {
        __m256d number = four(values, at, count);
        __m128 single = _mm256_cvtpd_ps(number);
        int isNumber = numbers_of(number);
        if (_mm256_movemask_pd(_mm256_cmp_pd(number, _mm256_cvtps_pd(single), _CMP_EQ_OQ)) != isNumber)
            return SIZE_MAX;
        __m128i bits = _mm_castps_si128(single);
        __m128i integer = _mm_xor_si128(bits, _mm_and_si128(_mm_srai_epi32(bits, 31), magnitude));
        if (isNumber == 0xF) {
            _mm_storeu_si128((__m128i *)(integers + kept), integer);
            kept += 4;
        } else {
            int32_t lanes[4];
            _mm_storeu_si128((__m128i *)lanes, integer);
            for (int lane = 0; lane < 4; lane++)
                if (isNumber >> lane & 1) integers[kept++] = lanes[lane];
        }
    }
    sort_32(integers, others, kept, false, depth);
    for (size_t at = 0; at < kept; at++) {
        int32_t bits = integers[at] ^ (integers[at] >> 31 & INT32_MAX);
        float single;
        memcpy(&single, &bits, sizeof single);
        sorted[at] = single;
    }
    return kept;
}

INLINED __m256i folded(__m256i bits) {
    __m256i isNegative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), bits);
    return _mm256_xor_si256(bits, _mm256_and_si256(isNegative, _mm256_set1_epi64x(INT64_MAX)));
}

VECTORS static size_t sort_doubles(
    const double *values, size_t count, double *sorted, int64_t *others, int depth) {
    int64_t *integers = (int64_t *)sorted;
    size_t kept = 0;
    for (size_t at = 0; at < count; at += 4) {
        __m256d number = four(values, at, count);
        int isNumber = numbers_of(number);
        __m256i integer = folded(_mm256_castpd_si256(number));
        if (isNumber == 0xF) {
            _mm256_storeu_si256((__m256i *)(integers + kept), integer);
            kept += 4;
        } else {
            int64_t lanes[4];
            _mm256_storeu_si256((__m256i *)lanes, integer);
            for (int lane = 0; lane < 4; lane++)
                if (isNumber >> lane & 1) integers[kept++] = lanes[lane];
        }
    }
    sort_64(integers, others, kept, false, depth);
    size_t at = 0;
    for (; at + 4 <= kept; at += 4) {
        __m256i integer = _mm256_loadu_si256((const __m256i *)(integers + at));
        _mm256_storeu_si256((__m256i *)(integers + at), folded(integer));
    }
    for (; at < kept; at++) integers[at] ^= integers[at] >> 63 & INT64_MAX;
    return kept;
}

size_t assaylog_sort_256(const double *values, size_t count, double *sorted, double *scratch, int depth) {
    // Half of the scratch for each buffer of narrow integers: it is `count` of those long.
    int32_t *integers = (int32_t *)scratch;
    size_t kept = sort_singles(values, count, sorted, integers, integers + count, depth);
    return kept != SIZE_MAX ? kept : sort_doubles(values, count, sorted, (int64_t *)scratch, depth);
}

#endif
