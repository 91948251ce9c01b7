// Rows of an answer as they are gathered: times and numbers, decoded where they will stay.
//
// Invariants:
//  * The rows taken lie at the start of the memory, in the order in which they were taken.
//  * `ascends` says whether none of them is earlier than the one before it.

import Bytes

/// Memory that the caller owns, with room for every row that it offers.
struct GatheredRows {
    private let times: UnsafeMutableBufferPointer<Int64>
    private let numbers: UnsafeMutableBufferPointer<Double>
    private(set) var count = 0
    private(set) var ascends = true

    init(
        _ times: UnsafeMutableBufferPointer<Int64>, _ numbers: UnsafeMutableBufferPointer<Double>
    ) {
        precondition(times.count == numbers.count, "A row has a time and a number.")
        self.times = times
        self.numbers = numbers
    }

    /// Where the next `rowCount` rows are decoded, before `keep` takes them.
    func room(for rowCount: Int) -> (
        times: UnsafeMutableBufferPointer<Int64>, numbers: UnsafeMutableBufferPointer<Double>
    ) {
        let rows = count..<count + rowCount
        return (
            UnsafeMutableBufferPointer(rebasing: times[rows]),
            UnsafeMutableBufferPointer(rebasing: numbers[rows])
        )
    }

    /// Takes the rows that were decoded behind those that are here, as far as they lie in the window; where
    /// `ascending`, none of them is earlier than the one before it.
    mutating func keep(_ rowCount: Int, ascending: Bool, in window: Range<Int64>) {
        guard ascending else {
            for row in count..<count + rowCount where window.contains(times[row]) {
                append(times[row], numbers[row])
            }
            return
        }
        let found = UnsafeBufferPointer(rebasing: times[count..<count + rowCount])
        let first = found.position(notBefore: window.lowerBound)
        let keptCount = found.position(notBefore: window.upperBound) - first
        guard keptCount > 0 else { return }
        if count > 0, found[first] < times[count - 1] { ascends = false }
        if first > 0 {
            let kept = count + first..<count + first + keptCount
            _ = times[count...].update(fromContentsOf: times[kept])
            _ = numbers[count...].update(fromContentsOf: numbers[kept])
        }
        count += keptCount
    }

    /// Takes all rows that were decoded behind those that are here, whose times nobody wants.
    mutating func keepNumbers(_ rowCount: Int) { count += rowCount }

    mutating func append(_ time: Int64, _ number: Double) {
        if count > 0, time < times[count - 1] { ascends = false }
        times[count] = time
        numbers[count] = number
        count += 1
    }
}

extension UnsafeBufferPointer<Int64> {
    /// The first position whose element is `bound` or greater; elements ascend.
    fileprivate func position(notBefore bound: Int64) -> Int {
        // Blocks inside the window are the ordinary case: their ends tell.
        guard let first, let last = self.last, first < bound else { return 0 }
        if last < bound { return count }
        return partitionPoint { $0 >= bound }
    }
}
