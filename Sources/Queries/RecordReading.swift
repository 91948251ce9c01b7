// All records of a question, page after page at one cut: for answers that are written while they are
// read, and that nobody holds whole.
//
// Invariants:
//  * Every record of the question comes once, in the order asked for.
//  * Memory is that of one page. Between two pages nothing of the log is held: files that are replaced meanwhile,
//    by a deletion or a redaction, are not kept on disk by whoever reads slowly.
//  * A part that is not seen is told once.

import EventLog
import Records

/// Where such an answer has come to. It holds a place, and no page.
package struct RecordReading: Sendable {
    package enum Order: Hashable, Sendable {
        case time(newestFirst: Bool)
        /// Partition after partition, each by index.
        case address
    }

    package let topic: String
    package let window: TimeWindow
    package let filter: RecordFilter
    package let order: Order
    /// The commit as of which all pages are.
    package let cut: CommitNumber
    /// Records that are still to come at most.
    package private(set) var limit: Int
    /// Parts that the records so far are without.
    package private(set) var unseen: [UnseenPart] = []
    private var key: RecordKey?
    private var positions: [String: UInt64]
    /// By address, the partition to go on with.
    private var partition: String?
    private var isEnded = false

    /// Records of a page: eight full blocks, so that few are read twice.
    package static let pageRecordCount = 1 << 14

    /// - Parameters:
    ///   - cut: as of when, where it begins.
    ///   - token: where to go on, and at which cut; nil to begin.
    package init(
        at cut: CommitNumber, topic: String, window: TimeWindow = .always,
        filter: RecordFilter = RecordFilter(), order: Order, from token: PageToken? = nil,
        positions: [String: UInt64] = [:], partition: String? = nil, limit: Int = .max
    ) {
        self.topic = topic
        self.window = window
        self.filter = filter
        self.order = order
        self.limit = limit
        self.positions = positions
        self.partition = partition
        self.cut = token?.cut ?? cut
        switch token?.place {
        case .behind(let key)?: self.key = key
        case .address(let place)?: (self.positions, self.partition) = (place.positions, place.partition)
        case nil: break
        }
    }

    /// The next records; nil when all have come.
    ///
    /// - Parameter snapshot: of the cut or later: what was let go up to it does not come any more.
    package mutating func next(in snapshot: LogSnapshot) throws(CancellationError) -> RecordRows? {
        guard !isEnded, limit > 0 else { return nil }
        let count = min(limit, RecordReading.pageRecordCount)
        let rows: RecordRows
        switch order {
        case .time(let newestFirst):
            rows = try RecordScan(snapshot).window(
                topic: topic, window, filter: filter, cut: cut, after: key, limit: count,
                newestFirst: newestFirst)
            if !rows.rows.isEmpty { key = rows.key(of: rows.rows.count - 1) }
        case .address:
            let page = try RecordScan(snapshot).page(
                topic: topic, positions: positions, from: partition, window: window, filter: filter,
                cut: cut, limit: count)
            rows = page.rows
            (positions, partition) = (page.next, page.place?.partition)
        }
        isEnded = !rows.hasMore
        limit -= rows.rows.count
        let known = Set(unseen)
        unseen += rows.statistics.unseen.filter { !known.contains($0) }
        return rows
    }
}
