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
//  * Neither appends nor commands wait for one: it is read and written on a thread of its own.
//  * A fold that misses a decision which the log holds is in none, for as long as the process lives.

import Assays
import Dispatch
import EventLog

/// What was seen of the events that the next checkpoint stands for.
struct CheckpointProgress: Sendable {
    /// How many were looked through, and which of them are folded but no decisions.
    private(set) var eventCount: Int
    private(set) var others: [Int]
    /// How many the last checkpoint stood for.
    var checkpointEventCount: Int
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
        var position = eventCount
        try snapshot.forEachEvent(from: eventCount) { _, event in
            if event.name == InferenceStore.EventName.assay,
                let decision = try AssayEvent(document: event.document).decision
            {
                let number = decision.resultID.number
                rises = rises && lastNumber.map { $0 < number } ?? true
                lastNumber = number
            } else if InferenceStore.EventName.folded.contains(event.name) {
                others.append(position)
            }
            position += 1
        }
        eventCount = position
    }

    /// Numbers are never given twice and the last is the book's, or there are decisions it does not know.
    func goesWith(_ book: AssayBook) -> Bool {
        rises && lastNumber.map { $0 == book.lastResultID.number } ?? true
    }
}

extension InferenceStore {
    /// One thread for all: they come one after the other, and rarely.
    private static let checkpointThread = DispatchQueue(label: "assaylog.checkpoint", qos: .utility)

    /// Leaves a checkpoint for an opening after a power cut, where so many events came since the last that it is
    /// worth its file.
    ///
    /// - Returns: whether one was written.
    @discardableResult
    package func writeCheckpointIfDue() async throws -> Bool {
        try await writeCheckpoint { last in max(configuration.checkpointEventCount, last / 8) }
    }

    /// The same where at least so many events came since the last one.
    ///
    /// - Parameter eventCountMin: by how many the last one stands for.
    func writeCheckpoint(_ eventCountMin: (_ last: Int) -> Int) async throws -> Bool {
        try await checkpointGate.pass {
            let last = checkpointProgress.withLock { $0.checkpointEventCount }
            let dueCount = last + max(1, eventCountMin(last))
            guard log.snapshot().index.events.count >= dueCount else { return false }
            // Between two commands the fold has just the events of the log.
            let (book, snapshot) = await gate.pass { (self.book, self.log.snapshot()) }
            return try await withCheckedThrowingContinuation { continuation in
                Self.checkpointThread.async {
                    continuation.resume(with: Result { try self.write(book, snapshot) })
                }
            }
        }
    }

    private func write(_ book: AssayBook, _ snapshot: LogSnapshot) throws -> Bool {
        var progress = checkpointProgress.withLock { $0 }
        try progress.look(through: snapshot)
        // What was looked through need not be read again, whatever becomes of the file.
        checkpointProgress.withLock { $0 = progress }
        guard let checkpoint = try FoldCheckpoint(book, of: snapshot, progress) else { return false }
        try checkpoint.replace(on: files)
        checkpointProgress.withLock { $0.checkpointEventCount = checkpoint.eventCount }
        return true
    }
}
