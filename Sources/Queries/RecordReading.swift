// All records of a question, page after page at one cut: for answers that are written while they are
// read, and that nobody holds whole.
//
// Invariants:
//  * Every record of the question comes once, in the order asked for.
//  * Memory is that of one page: `pageByteCountMax` and what one block or run takes, however wide records are.
//    Between two pages nothing of the log is held: files that are replaced meanwhile, by a deletion or a redaction,
//    are not kept on disk by whoever reads slowly.
//  * Which records come does not depend on where pages end.
//  * A part that is not seen is told once.

import EventLog
import Records

/// Where such an answer has come to. It holds a place, and no page.
package struct RecordReading: Sendable {
    package enum Order: Hashable, Sendable {
        case time(newestFirst: Bool)
        /// Partition after partition, each by index.
        case address(newestFirst: Bool)
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
    /// Where it goes on, for whoever asks later; nil where it has not begun, or found nothing to begin with.
    package private(set) var place: PageToken.Place?
    /// By address, the next index of every partition that was looked at or had a position.
    package private(set) var positions: [String: UInt64]
    /// Whether no records come behind those so far, whatever the limit.
    package private(set) var isEnded = false
    /// Bytes of memory, past which a page ends.
    package let pageByteCountMax: Int
    /// By address, the partition to go on with.
    private var partition: String?
    /// By time, records to ask for at once.
    private var recordCount = RecordReading.pageRecordCountMax

    /// Records of a page: eight full blocks, so that few are read twice.
    package static let pageRecordCountMax = 1 << 14
    /// Bytes of memory, past which a page ends: several times those of that many ordinary records, and little enough
    /// that all readers whom a server has at once take about a gigabyte.
    package static let pageByteCountMax = 32 << 20

    /// - Parameters:
    ///   - cut: as of when, where it begins.
    ///   - token: where to go on, and at which cut; nil to begin.
    package init(
        at cut: CommitNumber, topic: String, window: TimeWindow = .always,
        filter: RecordFilter = RecordFilter(), order: Order, from token: PageToken? = nil,
        positions: [String: UInt64] = [:], partition: String? = nil, limit: Int = .max,
        pageByteCountMax: Int = RecordReading.pageByteCountMax
    ) {
        self.topic = topic
        self.window = window
        self.filter = filter
        self.order = order
        self.limit = limit
        self.positions = positions
        self.partition = partition
        self.pageByteCountMax = pageByteCountMax
        self.cut = token?.cut ?? cut
        place = token?.place
        if case .address(let place)? = token?.place {
            (self.positions, self.partition) = (place.positions, place.partition)
        }
    }

    /// The next records; nil when all have come.
    ///
    /// - Parameters:
    ///   - snapshot: of the cut or later: what was let go up to it does not come any more.
    ///   - countMax: the most of them.
    package mutating func next(
        in snapshot: LogSnapshot, atMost countMax: Int = .max
    ) throws(CancellationError) -> RecordRows? {
        guard !isEnded, limit > 0 else { return nil }
        let count = min(limit, countMax, RecordReading.pageRecordCountMax)
        let rows: RecordRows
        switch order {
        case .time(let newestFirst):
            rows = try RecordScan(snapshot).window(
                topic: topic, window, filter: filter, cut: cut, after: key, limit: min(count, recordCount),
                byteCountMax: pageByteCountMax, newestFirst: newestFirst)
            if !rows.rows.isEmpty { place = .behind(rows.key(of: rows.rows.count - 1)) }
            settleRecordCount(after: rows)
        case .address(let newestFirst):
            let page = try RecordScan(snapshot).page(
                topic: topic, positions: positions, from: partition, window: window, filter: filter,
                cut: cut, limit: count, byteCountMax: pageByteCountMax, newestFirst: newestFirst)
            rows = page.rows
            (positions, partition) = (page.next, page.place?.partition)
            place = page.place.map { .address($0) }
        }
        isEnded = !rows.hasMore
        limit -= rows.rows.count
        note(rows)
        return rows
    }

    /// Goes on behind the first `count` of the records that `next` would give, which are `rows`.
    package mutating func pass(
        _ count: Int, of rows: RecordRows, in snapshot: LogSnapshot
    ) throws(CancellationError) {
        guard count > 0 else { return }
        switch order {
        case .time:
            place = .behind(rows.key(of: count - 1))
            limit -= count
            note(rows)
        // The place is of the parts that were looked at for so many.
        case .address: _ = try next(in: snapshot, atMost: count)
        }
    }

    private var key: RecordKey? { if case .behind(let key)? = place { key } else { nil } }

    private mutating func note(_ rows: RecordRows) {
        let known = Set(unseen)
        unseen += rows.statistics.unseen.filter { !known.contains($0) }
    }

    /// Blocks that overlap in time are read for some rows each, of which few come before the first one for which
    /// there was no room: the next page then asks for as many records as there is room for.
    private mutating func settleRecordCount(after rows: RecordRows) {
        let fitting = rows.fetchedCount / 2
        if rows.rows.count < fitting {
            recordCount = fitting
        } else if rows.byteCount < pageByteCountMax / 2 {
            recordCount = min(2 * recordCount, RecordReading.pageRecordCountMax)
        }
    }
}
