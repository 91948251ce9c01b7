// In which order the columns of an Arrow file stand: one that has each row's own in it.
//
//     rows   b d        columns   a b c d
//            a b c
//            c d
//
// Rows that contradict each other have no such order: then columns stand as they are met, row after row.
//
// Invariants:
//  * The order follows from the rows and the order of each one's fields, not from which of them share a batch.
//  * What is remembered is bounded: rows too unlike are taken for such as contradict each other.

import Records

struct ArrowColumnOrder: Sendable {
    /// The orders that rows have, by the numbers of their fields.
    private var lists: Set<[Int]> = []
    /// Numbers that `lists` may still grow by.
    private var room = ArrowColumnOrder.numberCountMax

    /// Of all lists: eight megabytes.
    private static let numberCountMax = 1 << 20

    /// Some rows of a batch.
    ///
    /// - Parameter fields: those that some of the rows have, in the order of the batch.
    mutating func add(_ fields: [(number: Int, presence: Presence)], _ runs: [Range<Int>]) {
        let lacked = fields.filter { field in
            guard case .each(let states) = field.presence else { return false }
            return runs.contains { states[$0].contains(.absent) }
        }
        guard !lacked.isEmpty else { return add(fields.map(\.number)) }
        // Rows that have the same fields are of one kind: kinds are parted field by field.
        let rows = runs.flatMap { Array($0) }
        var kinds = [Int](repeating: 0, count: rows.count)
        var kindCount = 1
        for (_, presence) in lacked {
            var parted = [Int](repeating: -1, count: 2 * kindCount)
            kindCount = 0
            for (position, row) in rows.enumerated() {
                let part = 2 * kinds[position] + (presence.state(row) == .absent ? 0 : 1)
                if parted[part] < 0 {
                    parted[part] = kindCount
                    kindCount += 1
                }
                kinds[position] = parted[part]
            }
        }
        var isKnown = [Bool](repeating: false, count: kindCount)
        for (kind, row) in zip(kinds, rows) where !isKnown[kind] && room > 0 {
            isKnown[kind] = true
            add(fields.lazy.filter { $0.presence.state(row) != .absent }.map(\.number))
        }
    }

    private mutating func add(_ list: [Int]) {
        guard room > 0, lists.insert(list).inserted else { return }
        room -= list.count
    }

    /// The numbers below `count` in the order of columns; numbers are given as fields are met, row after row.
    func order(count: Int) -> [Int] {
        (room > 0 ? FieldOrder.uniting(lists, count: count) : nil) ?? Array(0..<count)
    }
}
