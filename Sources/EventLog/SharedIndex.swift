// What the writer and its readers share: the index, and the files that it speaks of.
//
// Invariants:
//  * A snapshot's two halves belong together: whatever the index names, the files have.
//  * A reader's copy does not change; to take one retains a few arrays.

import Segments
import Synchronization

/// The index between the writer, who changes it in place, and its readers, who copy it.
package final class SharedIndex: Sendable {
    /// Locked for moments alone: every commit and every snapshot wants it.
    package let index: Mutex<LogIndex>
    /// Replaced under the index's lock, so that a snapshot's two halves belong together.
    private let files: Mutex<SegmentFiles>

    init(_ index: LogIndex, _ files: SegmentFiles) {
        self.index = Mutex(index)
        self.files = Mutex(files)
    }

    package func snapshot() -> LogSnapshot {
        index.withLock { index in LogSnapshot(index: index, files: files.withLock { $0 }) }
    }

    /// Puts a rewritten segment in the place of its sources, for readers to come.
    func replace(_ sources: Set<UInt64>, with segment: RewrittenSegment) {
        let before = files.withLock { $0 }
        let after = before.without(sources)
        index.withLock { index in
            index.replace(sources, with: segment.number, segment.header, segment.directory)
            files.withLock { $0 = after }
        }
    }
}
