// Sorts doubles through order-preserving keys, keeping its scratch from sample to sample.
//
// A window is a few hundred to a few million values, and a replay sorts hundreds of windows one
// after the other. So the scratch is kept, and the work is chosen by what the values look like:
//
//     values ──► keys ──► counting passes over the LEADING digits ──► insertion ──► values
//
// Only the leading bits that are likely to tell values apart are sorted by counting: log2(count)
// and a margin. Values that agree in all of them are then neighbours, nearly all of them equal, and
// one insertion pass puts the few others right. Where that pass finds real work (values crowded
// in one place, another far away) it gives up, and all digits are sorted by counting, but those
// that are the same in every key. So the time is bounded whatever the values are, and the order
// never depends on the choice.
//
// Not chosen: a counting pass for each of the eight bytes. It is simple, but half of the bytes
// of real data tell nothing, and the eight tallies cost as much as the passes.
//
// Invariants:
//  * The result ascends, -0.0 before 0.0: a function of the multiset of values, not of their order.
//  * NaN are left out. Infinities stay, at the ends.
//  * Nothing is allocated for a sample no longer than the longest before it.

/// The scratch for sorting samples; one for each thread of work, used again for each sample.
package struct SampleSorter: ~Copyable, Sendable {
    /// The keys of the sample at hand.
    private var keys: [UInt64] = []
    /// Where a counting pass writes; it and `keys` change roles with each pass.
    private var otherKeys: [UInt64] = []
    /// One tally of digit values for each leading digit, one after the other.
    private var tallies: [UInt32] = []

    /// Up to here insertion alone is faster than zeroing and adding up tallies (measured).
    fileprivate static let insertionCountMax = 32
    /// Leading bits sorted beyond log2(count). The exponents of real data take about five of them, and
    /// with the others one value in some hundreds ties with another that is not equal (measured: more
    /// bits cost more in tallies than they save in insertion).
    fileprivate static let leadingBitMargin = 10
    /// Two digits of eleven bits keep their tallies in 16 KiB, half of a first-level cache; beyond
    /// that three narrower digits are faster.
    fileprivate static let digitBitsMax = 11
    /// The digits of a sort by all bits: few enough tallies to be zeroed eight times.
    fileprivate static let plainDigitBits = 8
    /// Key moves a value that insertion may cost before counting is the better bargain.
    fileprivate static let insertionMovesPerValue = 4

    package init() {}

    /// Sorts `values` into the start of `sorted`, which must have room for all of them.
    ///
    /// Returns how many were written, the others being NaN, and their sum from left to right: its
    /// additions wait for each other, and writing the values costs nothing beside them.
    package mutating func sort(
        _ values: UnsafeBufferPointer<Double>, into sorted: UnsafeMutableBufferPointer<Double>
    ) -> (count: Int, sum: Double) {
        precondition(sorted.count >= values.count, "The sorted values need room for all values.")
        // The tallies are 32 bits wide: half the cache of 64, and 32 GiB of doubles is no window.
        precondition(values.count <= Int(UInt32.max), "A sample is at most 2^32 - 1 values.")
        guard let ordered = OrderedKeys(values) else { return (0, 0) }
        reserve(values.count)
        return keys.withUnsafeMutableBufferPointer { keys in
            otherKeys.withUnsafeMutableBufferPointer { otherKeys in
                tallies.withUnsafeMutableBufferPointer { tallies in
                    guard
                        let keys = keys.baseAddress, let otherKeys = otherKeys.baseAddress,
                        let tallies = tallies.baseAddress, let sorted = sorted.baseAddress
                    else { preconditionFailure("Scratch was reserved.") }
                    // Because: the loops index by counts of values and by masked digits, in bounds
                    // by construction; checking each index costs a third of the time.
                    var pass = SortingPass(from: keys, to: otherKeys, tallies: tallies)
                    pass.sort(values, ordered)
                    return pass.write(to: sorted, ordered)
                }
            }
        }
    }

    private mutating func reserve(_ count: Int) {
        if tallies.isEmpty { tallies = Array(repeating: 0, count: 2 << Self.digitBitsMax) }
        guard keys.count < count else { return }
        // Twice what was there, so that windows growing one by one do not reallocate each time.
        let capacity = max(count, 2 * keys.count)
        keys = Array(repeating: 0, count: capacity)
        otherKeys = Array(repeating: 0, count: capacity)
    }

    /// One sort at work: where the keys are now, where they go next.
    fileprivate struct SortingPass {
        var from: UnsafeMutablePointer<UInt64>
        var to: UnsafeMutablePointer<UInt64>
        let tallies: UnsafeMutablePointer<UInt32>
        var count = 0

        init(
            from: UnsafeMutablePointer<UInt64>, to: UnsafeMutablePointer<UInt64>,
            tallies: UnsafeMutablePointer<UInt32>
        ) {
            self.from = from
            self.to = to
            self.tallies = tallies
        }
    }
}

extension SampleSorter.SortingPass {
    fileprivate mutating func sort(_ values: UnsafeBufferPointer<Double>, _ ordered: OrderedKeys) {
        guard values.count > SampleSorter.insertionCountMax else {
            for value in values where value == value {
                from[count] = ordered.key(of: value)
                count += 1
            }
            _ = insert(moveCountMax: .max)
            return
        }
        let countBits = Int.bitWidth - values.count.leadingZeroBitCount
        let leadingBits = min(ordered.bitWidth, countBits + SampleSorter.leadingBitMargin)
        let digitCount = leadingBits > 2 * SampleSorter.digitBitsMax ? 3 : 2
        let digitBits = min(
            (leadingBits + digitCount - 1) / digitCount, SampleSorter.digitBitsMax)
        let lowestShift = max(0, ordered.bitWidth - digitCount * digitBits)
        if digitCount == 3 {
            fill(values, ordered)
            for digit in 0..<3 {
                let shift = lowestShift + digit * digitBits
                tally(shift: shift, bits: digitBits)
                distribute(shift: shift, bits: digitBits, tallies)
            }
        } else {
            fill(values, ordered, shift: lowestShift, bits: digitBits)
            distribute(shift: lowestShift, bits: digitBits, tallies)
            distribute(
                shift: lowestShift + digitBits, bits: digitBits, tallies + (1 << digitBits))
        }
        // Where the leading digits were all of the key, insertion finds nothing to do.
        if insert(moveCountMax: SampleSorter.insertionMovesPerValue * count) { return }
        let bits = SampleSorter.plainDigitBits
        for shift in stride(from: 0, to: ordered.bitWidth, by: bits) {
            tally(shift: shift, bits: bits)
            distribute(shift: shift, bits: bits, tallies)
        }
    }

    /// Makes the keys of all values that are not NaN.
    private mutating func fill(_ values: UnsafeBufferPointer<Double>, _ ordered: OrderedKeys) {
        for value in values where value == value {
            from[count] = ordered.key(of: value)
            count &+= 1
        }
    }

    /// Makes the keys and tallies their two leading digits in the same pass.
    private mutating func fill(
        _ values: UnsafeBufferPointer<Double>, _ ordered: OrderedKeys, shift: Int, bits: Int
    ) {
        tallies.update(repeating: 0, count: 2 << bits)
        let mask: UInt64 = (1 << UInt64(bits)) - 1
        let (low, high) = (tallies, tallies + (1 << bits))
        let (lowShift, highShift) = (UInt64(shift), UInt64(shift + bits))
        var count = 0
        for value in values where value == value {
            let key = ordered.key(of: value)
            from[count] = key
            count &+= 1
            low[Int(truncatingIfNeeded: (key &>> lowShift) & mask)] &+= 1
            high[Int(truncatingIfNeeded: (key &>> highShift) & mask)] &+= 1
        }
        self.count = count
    }

    /// Tallies one digit of all keys.
    private func tally(shift: Int, bits: Int) {
        tallies.update(repeating: 0, count: 1 << bits)
        let mask: UInt64 = (1 << UInt64(bits)) - 1
        for position in 0..<count {
            tallies[Int(truncatingIfNeeded: (from[position] &>> UInt64(shift)) & mask)] &+= 1
        }
    }

    /// One counting pass: moves keys in order of one digit, equal digits in the order they came.
    ///
    /// Moves nothing where the digit is the same in every key.
    private mutating func distribute(shift: Int, bits: Int, _ tally: UnsafeMutablePointer<UInt32>) {
        let mask: UInt64 = (1 << UInt64(bits)) - 1
        let anyDigit = Int(truncatingIfNeeded: (from[0] &>> UInt64(shift)) & mask)
        if tally[anyDigit] == UInt32(count) { return }
        var place: UInt32 = 0
        for digit in 0..<(1 << bits) {
            let tallied = tally[digit]
            tally[digit] = place
            place &+= tallied
        }
        for position in 0..<count {
            let key = from[position]
            let digit = Int(truncatingIfNeeded: (key &>> UInt64(shift)) & mask)
            let place = tally[digit]
            tally[digit] = place &+ 1
            to[Int(place)] = key
        }
        swap(&from, &to)
    }

    /// Insertion sort that gives up, leaving some order of the same keys, after too many moves.
    private func insert(moveCountMax: Int) -> Bool {
        var movesLeft = moveCountMax
        var previous: UInt64 = 0
        for position in 0..<count {
            let key = from[position]
            if previous <= key {
                previous = key
                continue
            }
            var hole = position
            repeat {
                from[hole] = from[hole - 1]
                hole &-= 1
            } while hole > 0 && from[hole - 1] > key
            from[hole] = key
            movesLeft &-= position &- hole
            if movesLeft < 0 { return false }
        }
        return true
    }

    /// Writes the values of the sorted keys, adding them up on the way.
    fileprivate func write(
        to sorted: UnsafeMutablePointer<Double>, _ ordered: OrderedKeys
    ) -> (count: Int, sum: Double) {
        var sum = 0.0
        for position in 0..<count {
            let value = ordered.value(of: from[position])
            sorted[position] = value
            sum += value
        }
        return (count, sum)
    }
}
