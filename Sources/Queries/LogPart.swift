// A block on disk or a run in memory: what scans of whole records go through, one after another.

import EventLog
import Records
import Segments

enum LogPart {
    case block(QueryPlan.Step)
    case tail(TailRun)

    var timeMin: Int64 {
        switch self {
        case .block(let step): step.block.timeMin
        case .tail(let run): run.timeMin
        }
    }
    var timeMax: Int64 {
        switch self {
        case .block(let step): step.block.timeMax
        case .tail(let run): run.timeMax
        }
    }
    var partition: String {
        switch self {
        case .block(let step): step.block.partition
        case .tail(let run): run.partition
        }
    }
    var firstIndex: UInt64 {
        switch self {
        case .block(let step): step.block.firstIndex
        case .tail(let run): run.firstIndex
        }
    }
    var rowCount: Int {
        switch self {
        case .block(let step): step.block.rowCount
        case .tail(let run): run.batch.rowCount
        }
    }
    /// The first commit in it.
    var firstCommit: CommitNumber {
        switch self {
        case .block(let step): step.block.firstCommit
        case .tail(let run): run.commitRuns[0].commit
        }
    }

    var endIndex: UInt64 { firstIndex + UInt64(rowCount) }

    /// What an answer is without, where this cannot be read.
    func unseen(_ error: SegmentError) -> UnseenPart {
        switch self {
        case .block(let step): step.unseen(error)
        case .tail: preconditionFailure("What is in memory is read.")
        }
    }
}

extension QueryPlan.Step {
    /// What an answer is without, where this block cannot be read.
    func unseen(_ error: SegmentError) -> UnseenPart { block.unseen(error) }
}

extension BlockEntry {
    /// What an answer is without, where this block cannot be read.
    func unseen(_ error: SegmentError) -> UnseenPart {
        UnseenPart(
            topic: topic, partition: partition, indexes: indexes, times: timeMin...timeMax,
            problem: "\(error)")
    }
}

extension TailRun {
    /// Rows whose commit is at most `cut`: rows come in commit order, so these are the first ones.
    func rowCount(upTo cut: CommitNumber?) -> Int {
        cut.map { CommitRun.rowCount(commitRuns, upTo: $0) } ?? batch.rowCount
    }
}

extension Range<Int64> {
    /// Whether none of a part's times lies inside, by its earliest and its latest.
    func misses(from timeMin: Int64, to timeMax: Int64) -> Bool {
        timeMax < lowerBound || timeMin >= upperBound
    }
}
