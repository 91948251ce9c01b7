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
// Long samples of single-precision numbers, as most models give, have keys of 32 bits: three counting
// passes over all of them are less work than two over the leading digits of 64, and nothing is left to
// insertion.
//
// Where the processor has vectors to sort with (CSort), those do it instead, up to three times as fast the wider
// they are; counting is for all the others, and what the vectors are tested against.
//
// Not chosen: a counting pass for each of the eight bytes. It is simple, but half of the bytes
// of real data tell nothing, and the eight tallies cost as much as the passes.
//
// Invariants:
//  * The result ascends, -0.0 before 0.0: a function of the multiset of values, not of their order.
//  * NaN are left out. Infinities stay, at the ends.
//  * Nothing is allocated for a sample no longer than the longest before it.

import CSort

/// The scratch for sorting samples; one for each thread of work, used again for each sample.
package struct SampleSorter: ~Copyable, Sendable {
    /// How many bits the vectors have that sort; 0 where digits are counted.
    private let vectorWidth: Int32
    /// The keys of the sample at hand.
    private var keys: [UInt64] = []
    /// Where a counting pass writes; it and `keys` change roles with each pass.
    private var otherKeys: [UInt64] = []
    /// The same for samples of single-precision numbers.
    private var singleKeys: [UInt32] = []
    private var otherSingleKeys: [UInt32] = []
    /// What the vectors part the values into.
    private var vectorScratch: [Double] = []
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
    /// From here on samples are tried as single-precision numbers: the three tallies of 2,048 digits each
    /// cost what sorting some two thousand values does (measured).
    fileprivate static let singleCountMin = 4096
    /// Key moves a value that insertion may cost before counting is the better bargain.
    fileprivate static let insertionMovesPerValue = 4

    package init() { vectorWidth = Self.widest }

    /// - Parameter vectorWidth: the bits of the vectors that are to sort: one of `vectorWidths`.
    package init(vectorWidth: Int) {
        precondition(Self.vectorWidths.contains(vectorWidth), "This processor has no vectors of that width.")
        self.vectorWidth = Int32(vectorWidth)
    }

    /// Asked once: the answer takes longer than sorting a few values.
    private static let widest = assaylog_sort_width()

    /// The ways to sort that this processor has, by the bits of their vectors; 0 is counting.
    package static var vectorWidths: [Int] { [0, 256, 512].filter { $0 <= Int(widest) } }

    /// Sorts `values` into the start of `sorted`, which must have room for all of them.
    ///
    /// Returns how many were written, the others being NaN.
    package mutating func sort(
        _ values: UnsafeBufferPointer<Double>, into sorted: UnsafeMutableBufferPointer<Double>
    ) -> Int {
        precondition(sorted.count >= values.count, "The sorted values need room for all values.")
        // The tallies are 32 bits wide: half the cache of 64, and 32 GiB of doubles is no window.
        precondition(values.count <= Int(UInt32.max), "A sample is at most 2^32 - 1 values.")
        if vectorWidth > 0 { return sortByVectors(values, into: sorted) }
        reserveTallies()
        if values.count >= Self.singleCountMin, let singles = sortSingles(values, into: sorted) {
            return singles
        }
        guard let ordered = OrderedKeys(values) else { return 0 }
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

    private mutating func sortByVectors(
        _ values: UnsafeBufferPointer<Double>, into sorted: UnsafeMutableBufferPointer<Double>
    ) -> Int {
        guard let from = values.baseAddress, let to = sorted.baseAddress else { return 0 }
        if vectorScratch.count < values.count {
            vectorScratch = Array(repeating: 0, count: max(values.count, 2 * vectorScratch.count))
        }
        return vectorScratch.withUnsafeMutableBufferPointer { scratch in
            // Halves that are no worse than a quarter and three quarters stay well within this.
            assaylog_sort(
                vectorWidth, from, values.count, to, scratch.baseAddress,
                Int32(2 * (Int.bitWidth - values.count.leadingZeroBitCount)))
        }
    }

    private mutating func reserveTallies() {
        if tallies.isEmpty { tallies = Array(repeating: 0, count: 3 << Self.digitBitsMax) }
    }

    private mutating func reserve(_ count: Int) {
        guard keys.count < count else { return }
        // Twice what was there, so that windows growing one by one do not reallocate each time.
        let capacity = max(count, 2 * keys.count)
        keys = Array(repeating: 0, count: capacity)
        otherKeys = Array(repeating: 0, count: capacity)
    }

    /// The same for values that are all single-precision numbers or NaN; nil, with nothing written, where
    /// one is not: that shows in the first few as a rule.
    private mutating func sortSingles(
        _ values: UnsafeBufferPointer<Double>, into sorted: UnsafeMutableBufferPointer<Double>
    ) -> Int? {
        guard values.prefix(8).allSatisfy({ SinglePass.isSingle($0) || $0.isNaN }) else { return nil }
        if singleKeys.count < values.count {
            let capacity = max(values.count, 2 * singleKeys.count)
            singleKeys = Array(repeating: 0, count: capacity)
            otherSingleKeys = Array(repeating: 0, count: capacity)
        }
        return singleKeys.withUnsafeMutableBufferPointer { keys in
            otherSingleKeys.withUnsafeMutableBufferPointer { otherKeys in
                tallies.withUnsafeMutableBufferPointer { tallies -> Int? in
                    guard
                        let keys = keys.baseAddress, let otherKeys = otherKeys.baseAddress,
                        let tallies = tallies.baseAddress, let sorted = sorted.baseAddress
                    else { preconditionFailure("Scratch was reserved.") }
                    var pass = SinglePass(from: keys, to: otherKeys, tallies: tallies)
                    guard pass.fill(values) else { return nil }
                    pass.sort()
                    return pass.write(to: sorted)
                }
            }
        }
    }

    /// A sort of single-precision numbers at work.
    fileprivate struct SinglePass {
        var from: UnsafeMutablePointer<UInt32>
        var to: UnsafeMutablePointer<UInt32>
        /// Of the lowest eleven bits, the next eleven and the ten above, one after the other.
        let tallies: UnsafeMutablePointer<UInt32>
        var count = 0
    }

    /// One sort at work: where the keys are now, where they go next.
    fileprivate struct SortingPass {
        var from: UnsafeMutablePointer<UInt64>
        var to: UnsafeMutablePointer<UInt64>
        let tallies: UnsafeMutablePointer<UInt32>
        var count = 0
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

    /// Writes the values of the sorted keys.
    fileprivate func write(to sorted: UnsafeMutablePointer<Double>, _ ordered: OrderedKeys) -> Int {
        for position in 0..<count { sorted[position] = ordered.value(of: from[position]) }
        return count
    }
}

extension SampleSorter.SinglePass {
    private static let digitBits = 11
    private static let digitMask: UInt32 = 2047
    private static let signBit: UInt32 = 1 << 31

    @inline(__always)
    fileprivate static func isSingle(_ value: Double) -> Bool { Double(Float(value)) == value }

    /// Makes the keys of all values that are not NaN, and tallies their digits; false where one is not
    /// a single-precision number.
    fileprivate mutating func fill(_ values: UnsafeBufferPointer<Double>) -> Bool {
        tallies.update(repeating: 0, count: 3 << Self.digitBits)
        let (low, middle, high) = (tallies, tallies + 2048, tallies + 4096)
        var count = 0
        for value in values {
            let single = Float(value)
            guard Double(single) == value else {
                if value == value { return false }
                continue
            }
            let bits = single.bitPattern
            // Negative numbers: all bits inverted; others: the sign, so that they come after those.
            let key = bits ^ (UInt32(bitPattern: Int32(bitPattern: bits) &>> 31) | Self.signBit)
            from[count] = key
            count &+= 1
            low[Int(key & Self.digitMask)] &+= 1
            middle[Int((key &>> 11) & Self.digitMask)] &+= 1
            high[Int(key &>> 22)] &+= 1
        }
        self.count = count
        return true
    }

    fileprivate mutating func sort() {
        guard count > 0 else { return }
        for digit in 0..<3 { distribute(shift: UInt32(digit * Self.digitBits), tallies + digit * 2048) }
    }

    /// One counting pass; moves nothing where the digit is the same in every key.
    private mutating func distribute(shift: UInt32, _ tally: UnsafeMutablePointer<UInt32>) {
        if tally[Int((from[0] &>> shift) & Self.digitMask)] == UInt32(count) { return }
        var place: UInt32 = 0
        for digit in 0..<2048 {
            let tallied = tally[digit]
            tally[digit] = place
            place &+= tallied
        }
        for position in 0..<count {
            let key = from[position]
            let digit = Int((key &>> shift) & Self.digitMask)
            let place = tally[digit]
            tally[digit] = place &+ 1
            to[Int(place)] = key
        }
        swap(&from, &to)
    }

    /// Writes the values of the sorted keys.
    fileprivate func write(to sorted: UnsafeMutablePointer<Double>) -> Int {
        for position in 0..<count {
            let key = from[position]
            let isPositive = UInt32(bitPattern: Int32(bitPattern: key) &>> 31)
            sorted[position] = Double(Float(bitPattern: key ^ (~isPositive | Self.signBit)))
        }
        return count
    }
}
