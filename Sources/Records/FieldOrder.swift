// One order of fields out of several: what rows of many batches are printed in, once they share a block.
//
//     a b d
//     b c d     ──►  a b c d            a b
//     a c                               b a     ──►  none
//
// A record prints its members in the order of its batch's fields, less those that it has not. So batches can be
// put together unseen exactly where there is an order of all fields that has each batch's own in it.
//
// Invariants:
//  * The order that is found has the names of each list as they stand there; where there is such an order, one is
//    found.
//  * Where numbers ascend in all lists, theirs is the order that is found; which is found else depends on the lists
//    and their numbers, not on which list comes first.

package enum FieldOrder {
    /// The numbers below `count`, each in some of `lists`, in one order that has each list's own in it; nil where
    /// there is none. A list has no number twice.
    package static func uniting(_ lists: some Sequence<[Int]>, count: Int) -> [Int]? {
        if lists.allSatisfy({ zip($0, $0.dropFirst()).allSatisfy { $0 < $1 } }) { return Array(0..<count) }
        var following = [[Int]](repeating: [], count: count)
        var precedingCounts = [Int](repeating: 0, count: count)
        var known: Set<[Int]> = []
        for list in lists where known.insert(list).inserted {
            for (number, next) in zip(list, list.dropFirst()) {
                following[number].append(next)
                precedingCounts[next] += 1
            }
        }
        // What stands before all else is taken first, and then what followed it, as long as nothing else is due
        // before that.
        var ready = precedingCounts.indices.reversed().filter { precedingCounts[$0] == 0 }
        var order: [Int] = []
        order.reserveCapacity(count)
        while let number = ready.popLast() {
            order.append(number)
            var due: [Int] = []
            for next in following[number] {
                precedingCounts[next] -= 1
                if precedingCounts[next] == 0 { due.append(next) }
            }
            ready += due.sorted(by: >)
        }
        return order.count == count ? order : nil
    }
}
