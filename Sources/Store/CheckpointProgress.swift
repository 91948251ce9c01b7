// When a checkpoint of the fold is written, and what the next one needs to know of the events before it.
//
//     commands        ──event──event──event──► log          the gate is held for a moment: book and log as of
//     housekeeping        └ many? ── both ──► read, pack, write, rename      one commit, shared, not copied
//
// The file holds what all decisions made, so writing it often would write the history again and again: one is due
// when the events since are many, and an eighth of those that the last one stands for. All that is ever written
// is then some nine times the last file, and an opening after a power cut folds a ninth of the events, or
// `checkpointEventCount` of them.
//
// Invariants:
//  * Checkpoints are written one after the other, each of more events than the one before.
//  * Commands do not wait for one: it is read and written on a thread of its own. A sync of the log waits for a
//    piece of it at most (FoldCheckpoint.swift), and as many of them a second come as housekeeping may write.
//  * After one that could not be written, as on a full disk, the next is tried when as many events came again: not
//    at each round, for on its way it takes what the log may need.
//  * A fold that misses a decision which the log holds is in none, for as long as the process lives, and whoever
//    asks for one is told so.

import Assays
import Dispatch
import EventLog
import Glibc
import Synchronization

/// What was seen of the events that the next checkpoint stands for.
struct CheckpointProgress: Sendable {
    /// How many were looked through, and which of them are folded but no decisions.
    private(set) var eventCount: Int
    private(set) var others: [Int]
    /// How many the last checkpoint stood for.
    var checkpointEventCount: Int
    /// How many there were when the last one could not be written; 0 where it could.
    var failedEventCount = 0
    /// The number of the last decision's result, and whether they rose.
    private var lastNumber: Int?
    private var rises = true

    init(eventCount: Int, others: [Int], checkpointEventCount: Int) {
        self.eventCount = eventCount
        self.others = others
        self.checkpointEventCount = checkpointEventCount
    }

    /// Looks through the events that came since.
    mutating func look(through snapshot: LogSnapshot) throws {
        let folded = InferenceStore.EventName.folded
        try snapshot.forEachEvent(named: folded, from: eventCount) { position, _, event in
            if event.name == InferenceStore.EventName.assay,
                let decision = try AssayEvent(document: event.document).decision
            {
                let number = decision.resultID.number
                rises = rises && lastNumber.map { $0 < number } ?? true
                lastNumber = number
            } else {
                others.append(position)
            }
        }
        eventCount = snapshot.index.events.count
    }

    /// Numbers are never given twice and the last is the book's, or there are decisions it does not know.
    func goesWith(_ book: AssayBook) -> Bool {
        rises && lastNumber.map { $0 == book.lastResultID.number } ?? true
    }
}

/// What became of a checkpoint that was asked for.
package enum CheckpointOutcome: Hashable, Sendable {
    case written
    /// Too little came since the last one, or since the last try.
    case notDue
    /// The log holds decisions that this process's fold does not: only an opening finds them.
    case missesDecisions
}

extension InferenceStore {
    /// One thread for all: they come one after the other, and rarely.
    private static let checkpointThread = DispatchQueue(label: "assaylog.checkpoint", qos: .utility)

    /// Leaves a checkpoint for an opening after a power cut, where so many events came since the last that it is
    /// worth its file.
    ///
    /// It is written at the pace of housekeeping, or as fast as the disk takes it once the store is closing.
    @discardableResult
    package func writeCheckpointIfDue() async throws -> CheckpointOutcome {
        try await writeCheckpoint { progress in
            let last = progress.checkpointEventCount
            return max(last, progress.failedEventCount) + max(configuration.checkpointEventCount, last / 8)
        }
    }

    /// The same where there are so many events, more than the last one stands for.
    func writeCheckpoint(_ dueCount: (CheckpointProgress) -> Int) async throws -> CheckpointOutcome {
        try await checkpointGate.pass {
            let progress = checkpointProgress.withLock { $0 }
            let dueCount = max(progress.checkpointEventCount + 1, dueCount(progress))
            guard log.snapshot().index.events.count >= dueCount else { return .notDue }
            // Between two commands the fold has just the events of the log.
            let (book, snapshot) = await gate.pass { (self.book, self.log.snapshot()) }
            return try await withCheckedThrowingContinuation { continuation in
                Self.checkpointThread.async {
                    continuation.resume(with: Result { try self.write(book, snapshot) })
                }
            }
        }
    }

    private func write(_ book: AssayBook, _ snapshot: LogSnapshot) throws -> CheckpointOutcome {
        do {
            var progress = checkpointProgress.withLock { $0 }
            try progress.look(through: snapshot)
            // What was looked through need not be read again, whatever becomes of the file.
            checkpointProgress.withLock { $0 = progress }
            guard let checkpoint = try FoldCheckpoint(book, of: snapshot, progress) else {
                return .missesDecisions
            }
            let rate = Double(configuration.compactionBytesPerSecond)
            try checkpoint.replace(on: files) { byteCount in
                // Who closes waits for it.
                guard !isClosing.load(ordering: .relaxed) else { return }
                usleep(UInt32(min(Double(byteCount) / rate * 1e6, 1e6)))
            }
            checkpointProgress.withLock { progress in
                progress.checkpointEventCount = checkpoint.eventCount
                progress.failedEventCount = 0
            }
            return .written
        } catch {
            checkpointProgress.withLock { $0.failedEventCount = snapshot.index.events.count }
            throw error
        }
    }
}
