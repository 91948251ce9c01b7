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
    package var fields: [String] {
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
