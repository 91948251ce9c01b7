// Rewrites what is due, one run of segments after another, beside a log that goes on.
//
//     compaction's thread                          writer's thread
//     plan ◄───────────────────────────────────── manifest, a number
//     read, group, write, sync        (appends go on)
//     ──────────────────────────────────────────► manifest switch, old files removed
//     next plan …
//
// Invariants:
//  * One rewrite runs at a time, on a thread of its own; the writer is held for the manifest's switch
//    alone.
//  * A pass reads and writes no more bytes a second than it was given. One that was given a bound ends with its
//    rewrite where another waits: who asks for records to go does not wait for hours of regrouping.
//  * A segment that cannot be rewritten is left as it is, named in the report, and not tried again
//    before the log is opened anew or a pass is told to: as long as it holds what is to go, the background
//    tells it again and again.
//  * One that cannot be read stops no other's erasure, nor does one for which there is no room.

import Disk
import Dispatch
import Glibc
import Segments
import Synchronization

/// What a pass of compaction did.
package struct CompactionReport: Hashable, Sendable {
    /// Rewrites, by why.
    package var rewrites: [String: Int] = [:]
    /// Segments that were made anew and what they became, and the bytes of both: of nothing that was left
    /// alone.
    package var segmentsBefore = 0
    package var segmentsAfter = 0
    package var bytesBefore = 0
    package var bytesAfter = 0
    /// Records that retention let go before it, by topic; filled in by whoever carries that out.
    package var recordsLetGo: [String: UInt64] = [:]
    /// What could not be done, each with its file and what to do.
    package var problems: [String] = []
    /// Blocks that kept an erasure from being carried out.
    package var unreadable: [UnreadableBlock] = []

    package init() {}

    package var rewriteCount: Int { rewrites.values.reduce(0, +) }

    mutating func note(_ plan: RewritePlan, byteCount: Int) {
        rewrites[plan.reason.rawValue, default: 0] += 1
        segmentsBefore += plan.sources.count
        segmentsAfter += 1
        bytesBefore += plan.sources.reduce(0) { $0 + $1.byteCount }
        bytesAfter += byteCount
    }
}

/// How a pass of compaction goes about it.
package struct CompactionPace: Sendable {
    /// Bytes read and written a second; nil for as fast as it goes.
    package var bytesPerSecond: Int?
    /// Rewrites after which it ends, though more may be due: for whoever has other things to see to.
    package var rewriteCountMax = Int.max
    /// Whether sealed segments are made anew for nothing but their order, by number.
    package var canRegroup: @Sendable (UInt64) -> Bool
    /// Which segments are tried again that could not be rewritten before.
    package var retries: Retries
    /// Bytes let go of the active segment that are worth its end, where they are more than half of it; nil where it
    /// goes on.
    package var sealsFrom: Int?

    package enum Retries: Hashable, Sendable {
        case none
        /// Those that hold bytes which are to leave the disk: what kept them may be over.
        case erasures
        /// All: for somebody who waits.
        case all
    }

    package init(
        bytesPerSecond: Int? = nil, retries: Retries = .none, sealsFrom: Int? = nil,
        canRegroup: @escaping @Sendable (UInt64) -> Bool = { _ in true }
    ) {
        self.bytesPerSecond = bytesPerSecond
        self.retries = retries
        self.sealsFrom = sealsFrom
        self.canRegroup = canRegroup
    }
}

/// A pass without its threads: which rewrite comes next, and what became of those before.
///
///     while let due = begin(writer) { take(due.write()), replace, end }; finish
package struct Compaction: Sendable {
    package var report = CompactionReport()
    /// Segments that could not be rewritten.
    package private(set) var left: Set<UInt64>
    private let canRegroup: @Sendable (UInt64) -> Bool
    /// What found no room: others may free some.
    private var crowded: (numbers: Set<UInt64>, attemptCount: Int, refusal: LogError)?

    /// Rewrites in a row that find no room before a pass is given up: each writes as much as there is.
    private static let crowdedAttemptCountMax = 8

    /// - Parameter left: segments that are not tried.
    package init(
        leaving left: Set<UInt64> = [], canRegroup: @escaping @Sendable (UInt64) -> Bool = { _ in true }
    ) {
        self.left = left
        self.canRegroup = canRegroup
    }

    /// What is due most, with a number for what it becomes; nil where nothing is.
    package func begin(_ writer: LogWriter) -> Due? {
        let plan = RewritePlan.next(
            writer.manifest, writer.shared.index.withLock { $0 },
            segmentByteCountMax: writer.configuration.segmentByteCountMax,
            left: left.union(crowded?.numbers ?? []), canRegroup: canRegroup)
        guard let plan else { return nil }
        return Due(
            plan: plan, number: writer.takeSegmentNumber(), snapshot: writer.shared.snapshot(),
            configuration: writer.configuration, files: writer.files)
    }

    /// Notes what was written: the segment that the writer is to put in the place of others; nil where there is none.
    ///
    /// - Throws: what ends the pass; what found no room does not before so many others found none.
    package mutating func take(
        _ written: Result<Written, LogError>, of due: Due
    ) throws(LogError) -> RewrittenSegment? {
        do throws(LogError) {
            let written = try written.get()
            left.formUnion(written.left)
            report.problems += written.problems
            report.unreadable += written.unreadable
            return written.segment
        } catch {
            let (numbers, attemptCount) = crowded.map { ($0.numbers, $0.attemptCount + 1) } ?? ([], 1)
            guard error.isOutOfSpace, attemptCount < Compaction.crowdedAttemptCountMax else { throw error }
            crowded = (numbers.union(due.plan.sources.map(\.number)), attemptCount, error)
            return nil
        }
    }

    /// Notes that the writer was asked to switch to a segment.
    ///
    /// - Parameter problems: what it answered: nil where a tombstone came between, and the next plan heeds it.
    package mutating func end(_ due: Due, _ segment: RewrittenSegment, _ problems: [String]?) {
        guard let problems else { return }
        report.problems += problems
        report.note(due.plan, byteCount: segment.byteCount)
        crowded = nil
    }

    /// - Throws: why there was no room for what is still due.
    package func finish() throws(LogError) {
        if let crowded { throw crowded.refusal }
    }

    /// A rewrite that is begun, with all that it takes away from the writer.
    package struct Due: Sendable {
        package var plan: RewritePlan
        var number: UInt64
        var snapshot: LogSnapshot
        var configuration: LogConfiguration
        var files: any FileSystem
    }

    /// What was written of it, which no manifest names yet.
    package struct Written: Sendable {
        /// Nil where a source cannot be read: it is then among `left`.
        var segment: RewrittenSegment?
        var left: Set<UInt64> = []
        var problems: [String] = []
        var unreadable: [UnreadableBlock] = []
    }
}

extension Compaction.Due {
    /// Reads, groups, writes and syncs.
    ///
    /// - Parameter pace: is told of bytes as they are read and written, and may take its time.
    /// - Throws: where the disk or this build refuses; but a source that holds what is to go is left, as it
    ///   would keep all others from being tried.
    package func write(pace: @escaping (Int) -> Void = { _ in }) throws(LogError) -> Compaction.Written {
        var rewrite = SegmentRewrite(
            files: files, configuration: configuration, index: snapshot.index, segments: snapshot.files,
            pace: pace)
        do throws(SegmentError) {
            return Compaction.Written(segment: try rewrite.run(plan, into: number))
        } catch {
            // No manifest names it; where it stays, the next opening removes it.
            do throws(DiskError) {
                try files.remove(configuration.path(FileName.segment(number)))
            } catch {}
            // What was to go is in the others as well, and they can be read: they go on without this one.
            let culprit = plan.sources.first { FileName.segment($0.number) == error.file }
            if error.isRefusal, plan.reason != .erasure || culprit == nil { throw .segment(error) }
            let kept = culprit.map { [$0] } ?? plan.sources
            let names = kept.map { FileName.segment($0.number) }
            let problem =
                "\(names.joined(separator: ", ")) cannot be made anew (\(plan.reason.rawValue)) and stays as it is: \(error)"
            return Compaction.Written(
                left: Set(kept.map(\.number)),
                problems: [plan.reason == .erasure ? "\(problem); \(RewritePlan.erasureRemedy)" : problem],
                unreadable: rewrite.unreadable.filter { names.contains($0.error.file) })
        }
    }
}

/// Passes of compaction over one log, one at a time.
final class Compactor: Sendable {
    private let thread = DispatchQueue(label: "assaylog.compaction", qos: .utility)
    /// Segments that could not be rewritten since the log was opened.
    private let left = Mutex<Set<UInt64>>([])
    private let gate = PassGate()

    /// Passes that wait for the one that is under way.
    var waitingCount: Int { gate.waitingCount }

    func pass(_ pace: CompactionPace, _ queue: AppendQueue) async throws(LogError) -> CompactionReport {
        await gate.enter()
        defer { gate.leave() }
        let problems = await sealHalfDead(pace, queue)
        try await forgetLeft(pace.retries, queue)
        var compaction = Compaction(leaving: left.withLock { $0 }, canRegroup: pace.canRegroup)
        compaction.report.problems = problems
        defer { left.withLock { $0 = compaction.left } }
        while !Task.isCancelled, compaction.report.rewriteCount < pace.rewriteCountMax,
            pace.bytesPerSecond == nil || gate.waitingCount == 0
        {
            let due = try await queue.perform { [compaction] writer throws(LogError) in
                compaction.begin(writer)
            }
            guard let due else { break }
            guard let segment = try compaction.take(await write(due, pace), of: due) else { continue }
            let problems = try await queue.perform { writer throws(LogError) in
                try writer.replace(due.plan, with: segment)
            }
            compaction.end(due, segment, problems)
        }
        try compaction.finish()
        return compaction.report
    }

    /// Ends the active segment where that frees what was let go of it.
    ///
    /// - Returns: what could not be done.
    private func sealHalfDead(_ pace: CompactionPace, _ queue: AppendQueue) async -> [String] {
        guard let byteCountMin = pace.sealsFrom else { return [] }
        do throws(LogError) {
            try await queue.perform { writer throws(LogError) in
                try writer.sealHalfDead(from: byteCountMin)
            }
            return []
        } catch {
            // Others are made anew all the same, and may free the room that this lacked.
            return [
                "what was let go of the segment that is written stays on disk, as it cannot be sealed: \(error)"
            ]
        }
    }

    /// Makes segments that were left due again.
    private func forgetLeft(
        _ retries: CompactionPace.Retries, _ queue: AppendQueue
    ) async throws(LogError) {
        switch retries {
        case .none: break
        case .all: left.withLock { $0 = [] }
        case .erasures:
            guard left.withLock({ !$0.isEmpty }) else { return }
            let pending = try await queue.perform { writer throws(LogError) in
                writer.shared.index.withLock { $0.pendingErasures }
            }
            left.withLock { $0.subtract(pending) }
        }
    }

    /// Writes on the thread of compaction, no faster than it may.
    private func write(
        _ due: Compaction.Due, _ pace: CompactionPace
    ) async -> Result<Compaction.Written, LogError> {
        await withCheckedContinuation { continuation in
            thread.async {
                let start = ContinuousClock.now
                var byteCount = 0
                let result = Result { () throws(LogError) in
                    try due.write { more in
                        byteCount += more
                        guard let rate = pace.bytesPerSecond else { return }
                        let owed = Duration.seconds(Double(byteCount) / Double(rate)) - (.now - start)
                        if owed > .zero { usleep(UInt32(min(owed / .microseconds(1), 60e6))) }
                    }
                }
                continuation.resume(returning: result)
            }
        }
    }
}

/// Lets one pass in at a time, in the order of arrival.
private final class PassGate: Sendable {
    private let state = Mutex<(isHeld: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    var waitingCount: Int { state.withLock { $0.waiting.count } }

    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                defer { state.isHeld = true }
                if state.isHeld { state.waiting.append(continuation) }
                return !state.isHeld
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.isHeld = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
