// Puts the rows of an answer in order: by time, and those of one time by partition and index.
//
// Rows are gathered part after part as these lie in the log, and where they lie changes as they are rolled
// and rewritten. That is seen only between rows of one time: so only those are looked at, and where times
// ascend already, only those at the bounds of parts.
//
// Invariants:
//  * Where the parts lay has no effect on the order.
//  * Rows of one part keep their order among those of one time: it is that of their indexes.

/// Rows that one block or run gave: they follow those of the piece before.
struct RowPiece {
    /// Where the block or run stands in the plan: steps first, then tails.
    var part: Int
    var rowCount: Int
}

struct RowOrder {
    /// The first row of each piece.
    private let starts: [Int]
    /// Where each piece stands among all by partition and index.
    private let ranks: [Int]

    /// - Parameter comesBefore: whether one part's addresses are before another's.
    private init(_ pieces: [RowPiece], starts: [Int], comesBefore: (Int, Int) -> Bool) {
        self.starts = starts
        var ranks = [Int](repeating: 0, count: pieces.count)
        let sorted = pieces.indices.sorted { comesBefore(pieces[$0].part, pieces[$1].part) }
        for (rank, piece) in sorted.enumerated() { ranks[piece] = rank }
        self.ranks = ranks
    }

    /// Puts rows in order. `pieces` are all of them, as they were gathered; `ascends` says whether their times do.
    static func apply(
        to answer: inout ColumnValues, _ pieces: [RowPiece], ascends: Bool, comesBefore: (Int, Int) -> Bool
    ) {
        var starts: [Int] = []
        starts.reserveCapacity(pieces.count)
        var rowCount = 0
        for piece in pieces {
            starts.append(rowCount)
            rowCount += piece.rowCount
        }
        precondition(rowCount == answer.times.count, "Each row is of a piece.")
        if ascends {
            let times = answer.times
            let ties = starts.dropFirst().filter { times[$0 - 1] == times[$0] }
            guard !ties.isEmpty else { return }
            let order = RowOrder(pieces, starts: starts, comesBefore: comesBefore)
            guard !order.isGathered else { return }
            order.settle(ties, in: &answer)
        } else {
            let order = RowOrder(pieces, starts: starts, comesBefore: comesBefore)
            order.sort(&answer)
        }
    }

    /// Whether the pieces were gathered in the order of their addresses.
    private var isGathered: Bool { ranks.indices.allSatisfy { ranks[$0] == $0 } }

    /// Of rows whose times ascend, those of one time at each of these bounds between pieces.
    private func settle(_ ties: [Int], in answer: inout ColumnValues) {
        var end = 0
        for tie in ties where tie >= end {
            let time = answer.times[tie]
            let start = tie - answer.times[..<tie].reversed().prefix { $0 == time }.count
            end = tie + answer.times[tie...].prefix { $0 == time }.count
            let values = settled(Array(start..<end)[...]).map { answer.values[$0] }
            answer.values.replaceSubrange(start..<end, with: values)
        }
    }

    private func sort(_ answer: inout ColumnValues) {
        let times = answer.times
        var order = Array(0..<times.count)
        order.sort { times[$0] == times[$1] ? $0 < $1 : times[$0] < times[$1] }
        answer.times = order.map { times[$0] }
        if !isGathered {
            var start = 0
            while start < order.count {
                let time = answer.times[start]
                var end = start + 1
                while end < order.count, answer.times[end] == time { end += 1 }
                if end - start > 1, order[end - 1] >= self.end(of: piece(of: order[start])) {
                    order.replaceSubrange(start..<end, with: settled(order[start..<end]))
                }
                start = end
            }
        }
        answer.values = order.map { answer.values[$0] }
    }

    /// Ascending rows of one time, in the order of their pieces' addresses.
    private func settled(_ rows: ArraySlice<Int>) -> [Int] {
        var groups: [(rank: Int, rows: ArraySlice<Int>)] = []
        var rest = rows
        while let first = rest.first {
            let piece = piece(of: first)
            let end = self.end(of: piece)
            let group = rest.prefix { $0 < end }
            groups.append((ranks[piece], group))
            rest = rest[group.endIndex...]
        }
        return groups.sorted { $0.rank < $1.rank }.flatMap(\.rows)
    }

    private func end(of piece: Int) -> Int { piece + 1 < starts.count ? starts[piece + 1] : .max }

    private func piece(of row: Int) -> Int {
        var (low, high) = (0, starts.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= row { low = middle } else { high = middle - 1 }
        }
        return low
    }
}
