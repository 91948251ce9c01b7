// The binary search: one for all ascending things that the house holds.

extension RandomAccessCollection where Index == Int {
    /// The first position whose element is as asked, where those that are stand at the end; the end where none is.
    ///
    /// `isPast` is asked a logarithm of the count, in an order that is not said.
    @inlinable
    package func partitionPoint(where isPast: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isPast(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
