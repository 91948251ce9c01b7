// Sorting with vectors of 512 bits: sixteen integers, or eight (AVX-512).

#include "Widths.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define VECTORS __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,bmi2"), min_vector_width(512)))
/// Into its caller, where counts of lanes and vectors are numbers and all vectors lie in registers.
#define INLINED VECTORS __attribute__((always_inline)) static inline
#define UNROLLED _Pragma("clang loop unroll(full)")

// Sixteen integers of 32 bits.
#define VECTOR __m512i
#define NAME(name) name##_32
#define INTEGER int32_t
#define GREATEST INT32_MAX
#define MASK __mmask16
#define LANES 16
/// All lanes, where there are more.
#define FIRST_LANES(count) ((MASK)_bzhi_u32(0xFFFF, (count) < 16 ? (count) : 16))
/// The lanes whose number has the bit.
#define HIGH_LANES(bit) \
    ((MASK)((bit) == 1 ? 0xAAAA : (bit) == 2 ? 0xCCCC : (bit) == 4 ? 0xF0F0 : 0xFF00))
#define LANE_NUMBERS _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define XOR_ORDER(bits) _mm512_xor_si512(LANE_NUMBERS, _mm512_set1_epi32(bits))
#define PERMUTE _mm512_permutexvar_epi32
#define BLEND _mm512_mask_blend_epi32
#define MIN _mm512_min_epi32
#define MAX _mm512_max_epi32
#define SPREAD _mm512_set1_epi32
#define LESS(bound, vector) _mm512_cmplt_epi32_mask(vector, bound)
#define COMPRESS _mm512_maskz_compress_epi32
#define LOAD(mask, from) _mm512_mask_loadu_epi32(SPREAD(GREATEST), mask, from)
#define STORE(to, mask, vector) _mm512_mask_storeu_epi32(to, mask, vector)
#define LOAD_ALL _mm512_loadu_si512
#define STORE_ALL _mm512_storeu_si512
#define STORE_PARTED(front, back, low, vector) \
    (STORE_ALL(front, COMPRESS(low, vector)), \
     STORE((back) - (LANES - __builtin_popcount(low)), FIRST_LANES(LANES - __builtin_popcount(low)), \
           COMPRESS((MASK)~(low), vector)))
#include "VectorSort.h"
#undef VECTOR
#undef NAME
#undef INTEGER
#undef GREATEST
#undef MASK
#undef LANES
#undef FIRST_LANES
#undef HIGH_LANES
#undef LANE_NUMBERS
#undef XOR_ORDER
#undef PERMUTE
#undef BLEND
#undef MIN
#undef MAX
#undef SPREAD
#undef LESS
#undef COMPRESS
#undef LOAD
#undef STORE
#undef LOAD_ALL
#undef STORE_ALL
#undef STORE_PARTED

// Eight integers of 64 bits.
#define VECTOR __m512i
#define NAME(name) name##_64
#define INTEGER int64_t
#define GREATEST INT64_MAX
#define MASK __mmask8
#define LANES 8
#define FIRST_LANES(count) ((MASK)_bzhi_u32(0xFF, (count) < 8 ? (count) : 8))
#define HIGH_LANES(bit) ((MASK)((bit) == 1 ? 0xAA : (bit) == 2 ? 0xCC : 0xF0))
#define LANE_NUMBERS _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)
#define XOR_ORDER(bits) _mm512_xor_si512(LANE_NUMBERS, _mm512_set1_epi64(bits))
#define PERMUTE _mm512_permutexvar_epi64
#define BLEND _mm512_mask_blend_epi64
#define MIN _mm512_min_epi64
#define MAX _mm512_max_epi64
#define SPREAD _mm512_set1_epi64
#define LESS(bound, vector) _mm512_cmplt_epi64_mask(vector, bound)
#define COMPRESS _mm512_maskz_compress_epi64
#define LOAD(mask, from) _mm512_mask_loadu_epi64(SPREAD(GREATEST), mask, from)
#define STORE(to, mask, vector) _mm512_mask_storeu_epi64(to, mask, vector)
#define LOAD_ALL _mm512_loadu_si512
#define STORE_ALL _mm512_storeu_si512
#define STORE_PARTED(front, back, low, vector) \
    (STORE_ALL(front, COMPRESS(low, vector)), \
     STORE((back) - (LANES - __builtin_popcount(low)), FIRST_LANES(LANES - __builtin_popcount(low)), \
           COMPRESS((MASK)~(low), vector)))
#include "VectorSort.h"

INLINED __mmask8 first8(size_t count) { return _bzhi_u32(0xFF, count < 8 ? count : 8); }

/// Sorts numbers that are all of single precision or NaN; returns SIZE_MAX, having written nothing to
/// `sorted`, where one is not. `integers` and `others` have room for `count` and one vector's rest.
VECTORS static size_t sort_singles(
    const double *values, size_t count, double *sorted, int32_t *integers, int32_t *others,
    int depth) {
    const __m256i magnitude = _mm256_set1_epi32(INT32_MAX);
    size_t kept = 0;
    for (size_t at = 0; at < count; at += 8) {
        __mmask8 lanes = first8(count - at);
        __m512d number = _mm512_maskz_loadu_pd(lanes, values + at);
        __m256 single = _mm512_cvtpd_ps(number);
        __mmask8 isNumber = _mm512_mask_cmp_pd_mask(lanes, number, number, _CMP_EQ_OQ);
        __mmask8 isSingle = _mm512_mask_cmp_pd_mask(lanes, number, _mm512_cvtps_pd(single), _CMP_EQ_OQ);
        if (isSingle != isNumber) return SIZE_MAX;
        __m256i bits = _mm256_castps_si256(single);
        __m256i inverted = _mm256_and_si256(_mm256_srai_epi32(bits, 31), magnitude);
        __m256i integer = _mm256_maskz_compress_epi32(isNumber, _mm256_xor_si256(bits, inverted));
        int kind = __builtin_popcount(isNumber);
        _mm256_mask_storeu_epi32(integers + kept, first8(kind), integer);
        kept += kind;
    }
    sort_32(integers, others, kept, false, depth);
    for (size_t at = 0; at < kept; at += 8) {
        __mmask8 lanes = first8(kept - at);
        __m256i integer = _mm256_maskz_loadu_epi32(lanes, integers + at);
        __m256i inverted = _mm256_and_si256(_mm256_srai_epi32(integer, 31), magnitude);
        __m256 single = _mm256_castsi256_ps(_mm256_xor_si256(integer, inverted));
        _mm512_mask_storeu_pd(sorted + at, lanes, _mm512_cvtps_pd(single));
    }
    return kept;
}

INLINED __m512i folded(__m512i bits) {
    return _mm512_xor_si512(
        bits, _mm512_and_si512(_mm512_srai_epi64(bits, 63), _mm512_set1_epi64(INT64_MAX)));
}

VECTORS static size_t sort_doubles(
    const double *values, size_t count, double *sorted, int64_t *others, int depth) {
    int64_t *integers = (int64_t *)sorted;
    size_t kept = 0;
    for (size_t at = 0; at < count; at += 8) {
        __mmask8 lanes = first8(count - at);
        __m512d number = _mm512_maskz_loadu_pd(lanes, values + at);
        __mmask8 isNumber = _mm512_mask_cmp_pd_mask(lanes, number, number, _CMP_EQ_OQ);
        __m512i integer = _mm512_maskz_compress_epi64(isNumber, folded(_mm512_castpd_si512(number)));
        int kind = __builtin_popcount(isNumber);
        _mm512_mask_storeu_epi64(integers + kept, first8(kind), integer);
        kept += kind;
    }
    sort_64(integers, others, kept, false, depth);
    for (size_t at = 0; at < kept; at += 8) {
        __mmask8 lanes = first8(kept - at);
        __m512i integer = _mm512_maskz_loadu_epi64(lanes, integers + at);
        _mm512_mask_storeu_epi64(integers + at, lanes, folded(integer));
    }
    return kept;
}

size_t assaylog_sort_512(
    const double *values, size_t count, double *sorted, double *scratch, int depth) {
    // Half of the scratch for each buffer of narrow integers: it is `count` of those long.
    int32_t *integers = (int32_t *)scratch;
    size_t kept = sort_singles(values, count, sorted, integers, integers + count, depth);
    return kept != SIZE_MAX ? kept : sort_doubles(values, count, sorted, (int64_t *)scratch, depth);
}

#endif
