// What a segment says of itself before its first envelope: how it came to be.
//
// Format: Segments.docc/SegmentFormat.md, "Segment".

/// How a segment's envelopes came into it.
import Records

package enum SegmentOrigin: UInt16, Hashable, Sendable {
    /// Committed one by one: each envelope is one commit, in ascending order without a gap.
    case committed = 0
    /// Rewritten from other segments: what was left of them, in groups; events as they were.
    case rewritten = 1
}

/// What a segment's first bytes say of where its envelopes are from.
package struct SegmentHeader: Hashable, Sendable {
    package var origin = SegmentOrigin.committed
    /// Of a rewritten segment: the commit up to which tombstones were carried out in it. 0 for others.
    package var cut: CommitNumber = 0

    package init() {}

    package init(origin: SegmentOrigin, cut: CommitNumber) {
        self.origin = origin
        self.cut = cut
    }

    package static func rewritten(cut: CommitNumber) -> SegmentHeader {
        SegmentHeader(origin: .rewritten, cut: cut)
    }
}
