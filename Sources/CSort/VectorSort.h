// Quicksort with vectors of LANES signed integers, to be included once for each width of integer:
//
//     partition    a vector at a time: what is below the pivot is pressed to its front and stored at one
//                  end of the other buffer, the rest at the other end
//     at the leaf  up to eight vectors in registers, by a bitonic network (K. Batcher, "Sorting networks
//                  and their applications", AFIPS 1968), in the form in which every comparison ascends
//
// Invariants:
//  * The result is the ascending order of the integers, whatever they are.
//  * Nothing outside [0, count) of both buffers is written.
//  * Time is within count · (depth + log(count)): past `depth` partings what is left is sorted by a heap.
//
// NAME(x) names what is defined here; VECTOR, INTEGER, MASK, LANES and the operations are given by the includer.

/// Lanes below their partner in `order` keep the lesser, those in `high` the greater of the two.
INLINED VECTOR NAME(step)(VECTOR vector, VECTOR order, MASK high) {
    VECTOR partner = PERMUTE(order, vector);
    return BLEND(high, MIN(vector, partner), MAX(vector, partner));
}

/// Sorts a vector whose runs of 2, 4, … lanes are sorted one after the other.
INLINED VECTOR NAME(sort_lanes)(VECTOR vector) {
    UNROLLED for (int run = 2; run <= LANES; run *= 2) {
        // Mirrored halves first, so that no comparison descends.
        vector = NAME(step)(vector, XOR_ORDER(run - 1), HIGH_LANES(run / 2));
        UNROLLED for (int apart = run / 4; apart > 0; apart /= 2)
            vector = NAME(step)(vector, XOR_ORDER(apart), HIGH_LANES(apart));
    }
    return vector;
}

/// Sorts a vector that is bitonic.
INLINED VECTOR NAME(merge_lanes)(VECTOR vector) {
    UNROLLED for (int apart = LANES / 2; apart > 0; apart /= 2)
        vector = NAME(step)(vector, XOR_ORDER(apart), HIGH_LANES(apart));
    return vector;
}

/// Sorts `vectorCount` vectors, at most eight.
///
/// Where that is no power of two, vectors of the greatest integers are thought behind them: no comparison
/// moves those, so all comparisons with them are left out.
INLINED void NAME(sort_vectors)(VECTOR *vectors, const size_t vectorCount) {
    UNROLLED for (size_t each = 0; each < vectorCount; each++) vectors[each] = NAME(sort_lanes)(vectors[each]);
    UNROLLED for (size_t run = 2; run < 2 * vectorCount; run *= 2) {
        UNROLLED for (size_t first = 0; first < vectorCount; first += run) {
            UNROLLED for (size_t low = 0; low < run / 2; low++) {
                if (first + run - 1 - low >= vectorCount) continue;
                VECTOR *one = &vectors[first + low], *other = &vectors[first + run - 1 - low];
                VECTOR mirrored = PERMUTE(XOR_ORDER(LANES - 1), *other);
                *other = PERMUTE(XOR_ORDER(LANES - 1), MAX(*one, mirrored));
                *one = MIN(*one, mirrored);
            }
            UNROLLED for (size_t apart = run / 4; apart > 0; apart /= 2) {
                UNROLLED for (size_t low = first; low < first + run; low++) {
                    if ((low - first) & apart || low + apart >= vectorCount) continue;
                    VECTOR least = MIN(vectors[low], vectors[low + apart]);
                    vectors[low + apart] = MAX(vectors[low], vectors[low + apart]);
                    vectors[low] = least;
                }
            }
            UNROLLED for (size_t each = first; each < first + run; each++)
                if (each < vectorCount) vectors[each] = NAME(merge_lanes)(vectors[each]);
        }
    }
}

/// Sorts `vectorCount` vectors of integers of `from`, the last of which may lack some, into `to`, which may be
/// the same.
INLINED void NAME(sort_leaf_of)(
    const INTEGER *from, INTEGER *to, size_t count, const size_t vectorCount) {
    VECTOR vectors[8];
    const size_t last = vectorCount - 1;
    const MASK rest = FIRST_LANES(count - last * LANES);
    UNROLLED for (size_t each = 0; each < last; each++) vectors[each] = LOAD_ALL(from + each * LANES);
    vectors[last] = LOAD(rest, from + last * LANES);
    NAME(sort_vectors)(vectors, vectorCount);
    UNROLLED for (size_t each = 0; each < last; each++) STORE_ALL(to + each * LANES, vectors[each]);
    STORE(to + last * LANES, rest, vectors[last]);
}

/// Sorts up to eight vectors of integers of `from` into `to`, which may be the same.
VECTORS static void NAME(sort_leaf)(const INTEGER *from, INTEGER *to, size_t count) {
    switch ((count + LANES - 1) / LANES) {
    case 0: break;
    case 1: NAME(sort_leaf_of)(from, to, count, 1); break;
    case 2: NAME(sort_leaf_of)(from, to, count, 2); break;
    case 3: NAME(sort_leaf_of)(from, to, count, 3); break;
    case 4: NAME(sort_leaf_of)(from, to, count, 4); break;
    case 5: NAME(sort_leaf_of)(from, to, count, 5); break;
    case 6: NAME(sort_leaf_of)(from, to, count, 6); break;
    case 7: NAME(sort_leaf_of)(from, to, count, 7); break;
    default: NAME(sort_leaf_of)(from, to, count, 8); break;
    }
}

/// The sort that is slow and never slower than it says.
static void NAME(sort_heap)(INTEGER *items, size_t count) {
    for (size_t built = count / 2, end = count; end > 1;) {
        INTEGER item;
        if (built > 0) {
            item = items[--built];
        } else {
            item = items[--end];
            items[end] = items[0];
        }
        size_t hole = built;
        for (size_t child; (child = 2 * hole + 1) < end; hole = child) {
            if (child + 1 < end && items[child] < items[child + 1]) child++;
            if (items[child] <= item) break;
            items[hole] = items[child];
        }
        items[hole] = item;
    }
}

/// Puts the integers of `from` below `pivot` at the start of `to`, the others at its end; returns how
/// many are below.
VECTORS static size_t NAME(partition)(
    const INTEGER *from, INTEGER *to, size_t count, INTEGER pivot) {
    const VECTOR pivots = SPREAD(pivot);
    size_t below = 0, end = count, at = 0;
    // One by one until whole vectors are left: then what is yet to come leaves no room, or room for one vector's stores
    // at both ends, which are the same one, or for two.
    for (const size_t rest = count % LANES; at < rest; at++) {
        const INTEGER item = from[at];
        const bool isLow = item < pivot;
        to[below] = item;
        to[end - 1] = item;
        below += isLow;
        end -= !isLow;
    }
    for (; at < count; at += LANES) {
        VECTOR vector = LOAD_ALL(from + at);
        MASK low = LESS(pivots, vector);
        STORE_PARTED(to + below, to + end, low, vector);
        int lowCount = __builtin_popcount(low);
        below += lowCount;
        end -= LANES - lowCount;
    }
    return below;
}

INLINED INTEGER NAME(middle)(INTEGER one, INTEGER other, INTEGER third) {
    INTEGER less = one < other ? one : other, more = one < other ? other : one;
    INTEGER rest = more < third ? more : third;
    return less < rest ? rest : less;
}

/// The middle one of the middle ones of three times three integers from all over `items`.
INLINED INTEGER NAME(pivot)(const INTEGER *items, size_t count) {
    const size_t apart = count / 9;
    const INTEGER *first = items + apart / 2, *second = first + 3 * apart, *third = second + 3 * apart;
    return NAME(middle)(
        NAME(middle)(first[0], first[apart], first[2 * apart]),
        NAME(middle)(second[0], second[apart], second[2 * apart]),
        NAME(middle)(third[0], third[apart], third[2 * apart]));
}

/// Sorts `items`, using `other`; the result is in `items`, or in `other` where `moves`.
VECTORS static void NAME(sort)(INTEGER *items, INTEGER *other, size_t count, bool moves, int depth) {
    while (count > 8 * LANES) {
        if (depth-- == 0) {
            NAME(sort_heap)(items, count);
            if (moves) memcpy(other, items, count * sizeof(INTEGER));
            return;
        }
        INTEGER pivot = NAME(pivot)(items, count);
        size_t below = NAME(partition)(items, other, count, pivot);
        if (below == 0) {
            // The pivot is the least: all that equal it are in their place, and only the rest is left.
            // It is not the greatest integer as well, unless all are: then that is all.
            size_t equal = pivot == GREATEST ? count : NAME(partition)(items, other, count, pivot + 1);
            INTEGER *to = moves ? other : items;
            for (size_t each = 0; each < equal; each++) to[each] = pivot;
            // The others lie in `other`, behind.
            NAME(sort)(other + equal, items + equal, count - equal, !moves, depth);
            return;
        }
        NAME(sort)(other, items, below, !moves, depth);
        INTEGER *next = items + below;
        items = other + below;
        other = next;
        count -= below;
        moves = !moves;
    }
    NAME(sort_leaf)(items, moves ? other : items, count);
}
