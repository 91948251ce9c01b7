// The values of a baseline or a window, in ascending order: what every summary is a function of.
//
// Floating-point sums depend on their order, so the order is fixed here once: ascending. With it
// a summary depends on which values there were and how often, and not on who sent them first.
//
// Invariants:
//  * `values` ascend, -0.0 before 0.0, and hold no NaN.
//  * `missingCount` is how many were null or NaN; `infinityCount` how many of `values` are infinite.
//  * Two samples of the same multiset are equal bit by bit, whatever order the values came in.

/// A sorted multiset of numbers, and how many values were not numbers.
package struct SortedSample: Sendable {
    /// The sorted values in the first `count` places; what follows is left from a longer sample.
    private var storage: [Double] = []

    /// How many numbers there are, infinities included.
    package private(set) var count = 0

    /// How many values were null or NaN, and so carry no number.
    package private(set) var missingCount = 0

    /// How many of the numbers are +infinity or -infinity.
    package private(set) var infinityCount = 0

    /// A sample without values; give it some with `refill`.
    package init() {}

    /// Sorts `values`. `nullCount` more were absent from the start and count as missing.
    package init(_ values: consuming [Double], nullCount: Int = 0) {
        var sorter = SampleSorter()
        values.withUnsafeBufferPointer { refill(from: $0, nullCount: nullCount, sorter: &sorter) }
    }

    /// Sorts numbers, of which nil are those that are missing.
    package init(withNulls numbers: [Double?]) {
        let present = numbers.compactMap { $0 }
        self.init(present, nullCount: numbers.count - present.count)
    }

    /// Sorts `values` with a scratch that is kept.
    package init(
        _ values: UnsafeBufferPointer<Double>, nullCount: Int = 0, sorter: inout SampleSorter
    ) {
        refill(from: values, nullCount: nullCount, sorter: &sorter)
    }

    /// Replaces the sample by `values`, sorted, in the memory it already has.
    ///
    /// Allocates only where this sample and the sorter have not been as long before.
    package mutating func refill(
        from values: UnsafeBufferPointer<Double>, nullCount: Int = 0, sorter: inout SampleSorter
    ) {
        precondition(nullCount >= 0, "A count of nulls is not negative.")
        if storage.count < values.count {
            storage = Array(repeating: 0, count: max(values.count, 2 * storage.count))
        }
        count = storage.withUnsafeMutableBufferPointer { sorter.sort(values, into: $0) }
        missingCount = nullCount + (values.count - count)
        // Infinities have gathered at the two ends, so counting them reads two values as a rule.
        let below = self.values.prefix { $0 == -.infinity }.count
        let above = self.values.reversed().prefix { $0 == .infinity }.count
        infinityCount = below + above
    }

    /// The numbers, ascending.
    package var values: ArraySlice<Double> { storage[..<count] }

    /// Lends the numbers, ascending, for the length of `body`.
    package func withUnsafeValues<Result>(
        _ body: (UnsafeBufferPointer<Double>) -> Result
    ) -> Result {
        storage.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[..<count])) }
    }
}

extension SortedSample: Equatable {
    /// Equal bit by bit: -0.0 and 0.0 are different values here.
    package static func == (left: SortedSample, right: SortedSample) -> Bool {
        left.missingCount == right.missingCount
            && left.values.elementsEqual(right.values) { $0.bitPattern == $1.bitPattern }
    }
}
