// What is asked: whose records, of which time, which of them.

import Bytes
import EventLog
import Records

/// Which records of a topic count, besides their time.
package struct RecordFilter: Hashable, Sendable {
    /// The partitions (locations) that count; nil for all.
    package var partitions: Set<String>?
    /// The model whose answers count, by the name in `metadata.last_model`; nil for all.
    @ExactText.OrNone package var modelName: String?
    /// The pipeline version whose answers count; nil for all.
    @ExactText.OrNone package var pipelineVersion: String?

    package init(
        partitions: Set<String>? = nil, modelName: String? = nil, pipelineVersion: String? = nil
    ) {
        self.partitions = partitions
        self.modelName = modelName
        self.pipelineVersion = pipelineVersion
    }

    /// Whether rows of one block may differ in whether they count.
    var looksAtRows: Bool { modelName != nil || pipelineVersion != nil }

    /// The fields that it looks at.
    var fields: [String] {
        (modelName == nil ? [] : [RowMask.modelField])
            + (pipelineVersion == nil ? [] : [RowMask.versionField])
    }
}

/// One number of every record of a topic in a window.
package struct WindowQuery: Hashable, Sendable {
    package var topic: String
    package var window: TimeWindow
    package var path: IOPath
    package var filter: RecordFilter
    /// The last commit that counts; nil for all that the snapshot shows.
    package var cut: CommitNumber?

    package init(
        topic: String, window: TimeWindow, path: IOPath, filter: RecordFilter = RecordFilter(),
        cut: CommitNumber? = nil
    ) {
        self.topic = topic
        self.window = window
        self.path = path
        self.filter = filter
        self.cut = cut
    }
}

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
