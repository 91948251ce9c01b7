// What the log did since it was opened, in numbers: for whoever watches it, and for the figures that
// the design promises.
//
// Invariants:
//  * A counter only grows. Records and bytes are counted when they are durable, refusals when they happen.
//  * Counting costs a lock a commit, none a record.

import Synchronization

/// How often a quantity came out at most so large.
package struct Histogram: Sendable {
    /// Upper bounds, ascending; what is above the last is in one more bucket.
    package let bounds: [Double]
    /// Of each bucket by itself, one more than there are bounds.
    package private(set) var counts: [UInt64]
    package private(set) var sum = 0.0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count + 1)
    }

    package var count: UInt64 { counts.reduce(0, +) }

    mutating func add(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}

/// Numbers since the log was opened; none of them is kept on disk.
package struct LogMetrics: Sendable {
    package struct Topic: Sendable {
        package var recordCount: UInt64 = 0
        /// Of blocks as they were appended.
        package var byteCount: UInt64 = 0
        /// Of the records, those in blocks with a time more than a day ahead of the clock. A stray has a block of
        /// its own (BlockRanges.swift), unless it came among many or in no order of time.
        package var aheadRecordCount: UInt64 = 0
    }

    /// Why a request was refused.
    package enum Reason: String, Hashable, Sendable {
        /// Too much waits for the disk.
        case busy
        /// Too many bodies of requests were held to take another one in.
        case bodies
        /// The disk has no space.
        case outOfSpace = "out_of_space"
        /// The disk refused for another reason, or the manifest is none.
        case disk
        /// Parts of the log are not seen, whatever the disk does now.
        case unseen
        /// No number is left for it, of the log's or of its partition's.
        case numbers
        /// The request's own: its records, or its key.
        case request
        /// The log is closed.
        case closed
    }

    package struct Refusal: Hashable, Sendable {
        package var source: AppendSource
        package var reason: Reason
    }

    package internal(set) var topics: [String: Topic] = [:]
    /// Told apart up to a thousand pairs of source and reason; what is refused of others counts for
    /// `(other)`.
    package internal(set) var refusals: [Refusal: UInt64] = [:]
    /// Bytes of an envelope.
    package internal(set) var envelopes = Histogram(bounds: [
        1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    ])
    /// Seconds of one sync.
    package internal(set) var syncs = Histogram(bounds: [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
    ])
    /// Requests that were answered with the records of an earlier one.
    package internal(set) var replayCount: UInt64 = 0
    /// Bytes that commits wrote to segments: envelopes and footers.
    package internal(set) var writtenByteCount: UInt64 = 0
    /// Of those, column blocks: what stays. The ratio of both is the write amplification of appends.
    package internal(set) var columnByteCount: UInt64 = 0
    /// Bytes of the segments that rewriting wrote besides, whether they came to stand for others or not.
    package internal(set) var rewrittenByteCount: UInt64 = 0
    /// What waits, as it is now.
    package internal(set) var waitingByteCount = 0
    /// Requests that wait, and idempotency keys that are remembered, as it is now.
    package internal(set) var waitingCount = 0
    package internal(set) var keyCount = 0

    /// Sources told apart; the refusals of further ones are counted together.
    private static let sourceCountMax = 1000

    mutating func countRefusal(_ source: AppendSource, _ reason: Reason) {
        var refusal = Refusal(source: source, reason: reason)
        if refusals[refusal] == nil && refusals.count >= LogMetrics.sourceCountMax {
            refusal.source = AppendSource(topic: "(other)", partition: "(other)")
        }
        refusals[refusal, default: 0] += 1
    }
}

/// The metrics between those who count and those who look.
final class LogMeter: Sendable {
    private let metrics = Mutex(LogMetrics())

    var now: LogMetrics { metrics.withLock { $0 } }

    func count(_ body: (inout LogMetrics) -> Void) { metrics.withLock { body(&$0) } }
}

extension LogError {
    var refusalReason: LogMetrics.Reason {
        switch self {
        case .busy: .busy
        case .closed: .closed
        case .unseen: .unseen
        case .outOfNumbers: .numbers
        case .refused, .keyReused: .request
        case .segment, .disk, .manifest: isOutOfSpace ? .outOfSpace : .disk
        }
    }
}
