// What a query cost and what its answer is without: told beside the answer, on the command line as over HTTP.
//
// Invariant: parts that are looked at again, as in a second pass, count once; bytes that are read again count again.

import JSON

/// What a query did, and what it could not see.
package struct QueryStatistics: Hashable, Sendable {
    package var blocksRead = 0
    package var blocksSkipped = 0
    package var tailRunsRead = 0
    /// From files, with what was read ahead and not used, and again what was read again. What is in memory costs
    /// none.
    package var bytesRead = 0
    /// Records of the parts that were read, and those of them that are in the answer.
    package var rowsSeen = 0
    package var rowsKept = 0
    /// Damaged parts: the answer is without their records.
    package var unseen: [UnseenPart] = []

    package init() {}

    /// Takes up what another part of the same query did.
    mutating func add(_ other: QueryStatistics) {
        blocksRead += other.blocksRead
        blocksSkipped += other.blocksSkipped
        tailRunsRead += other.tailRunsRead
        bytesRead += other.bytesRead
        rowsSeen += other.rowsSeen
        rowsKept += other.rowsKept
        unseen += other.unseen
    }
}

extension QueryStatistics {
    /// As members of an answer that has others beside them.
    package var members: [(String, JSONValue)] {
        [
            ("blocks_read", .integer(blocksRead)), ("blocks_skipped", .integer(blocksSkipped)),
            ("tail_runs_read", .integer(tailRunsRead)), ("bytes_read", .integer(bytesRead)),
            ("records_seen", .integer(rowsSeen)), ("records_kept", .integer(rowsKept)),
            ("unseen", .array(unseen.map(\.json))),
        ]
    }
}
