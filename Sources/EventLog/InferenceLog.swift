// The log's front: open it, append to it, look at it.
//
// Invariants:
//  * `append` returned: its records survive any crash, whole, once, with every digit.
//  * Readers never wait for the writer's disk, nor the writer for readers.

import Disk
import Records
import Synchronization

/// A log that is open, and that no other process appends to until it is closed.
package final class InferenceLog: Sendable {
    private let shared: SharedIndex
    let queue: AppendQueue
    let compactor = Compactor()
    private let keys: KeyMemory
    let reserve: LogReserve
    private let meter: LogMeter

    private init(
        shared: SharedIndex, writer: LogWriter, refusal: LogError?, configuration: LogConfiguration
    ) {
        self.shared = shared
        keys = writer.keys
        meter = writer.meter
        reserve = writer.reserve
        queue = AppendQueue(writer: writer, refusal: refusal, configuration: configuration)
    }

    /// Opens the directory for reading and appending, alone; makes it where it is not there. Where the disk is
    /// full, a log that is there is read-only until there is room; where parts of it are not seen, until it is
    /// opened to go on without them.
    ///
    /// - Throws: `.disk` with `.locked` where another process writes it.
    package static func open(
        _ configuration: LogConfiguration = LogConfiguration(), on files: any FileSystem
    ) throws(LogError) -> (log: InferenceLog, report: RecoveryReport) {
        let (opened, refusal) = try openWhole(configuration, on: files)
        let log = InferenceLog(
            shared: opened.index, writer: opened.writer, refusal: refusal, configuration: configuration)
        return (log, opened.report)
    }

    package typealias OpenedWriter = (writer: LogWriter, index: SharedIndex, report: RecoveryReport)

    /// The writer alone, without its thread: for tests that step through it.
    package static func openWriter(
        _ configuration: LogConfiguration = LogConfiguration(), on files: any FileSystem
    ) throws(LogError) -> OpenedWriter {
        try openWhole(configuration, on: files).writer
    }

    /// The writer, and why it cannot write yet.
    private static func openWhole(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) throws(LogError) -> (writer: OpenedWriter, refusal: LogError?) {
        let lock: any Sendable
        do throws(DiskError) {
            try files.createDirectory("")
            if !configuration.directory.isEmpty { try files.createDirectory(configuration.directory) }
            lock = try files.lock(configuration.path(FileName.lock))
        } catch { throw .disk(error) }
        var recovery = Recovery(files: files, configuration: configuration, isWriter: true)
        let outcome = try recovery.run()
        let shared = SharedIndex(
            recovery.index, SegmentFiles(files: files, directory: configuration.directory))
        let writer = LogWriter(
            files: files, configuration: configuration, shared: shared, keys: recovery.keys,
            opened: outcome, reserve: LogReserve(configuration, on: files), lock: lock)
        var refusal = outcome.unsettled?.refusal ?? writer.refusal ?? writer.reserve.refusal
        if refusal == nil {
            // At once: it is said for good, also where nothing is appended before the next opening.
            do throws(LogError) { try writer.giveUpUnseen() } catch { refusal = error }
        }
        return ((writer, shared, recovery.report), refusal)
    }

    /// Opens the directory for reading, beside whoever writes it: what is in it now. Changes nothing.
    ///
    /// - Parameter isAlone: whether the caller would rather be refused by the disk than not shown what it hides, as
    ///   one does who holds the lock or copies.
    package static func openForReading(
        _ configuration: LogConfiguration = LogConfiguration(), on files: any FileSystem,
        isAlone: Bool = false
    ) throws(LogError) -> (snapshot: LogSnapshot, report: RecoveryReport) {
        var attempt = 1
        while true {
            let manifest = try Manifest.read(configuration, on: files)
            var recovery = Recovery(
                files: files, configuration: configuration, isWriter: false, isAlone: isAlone)
            var failure: LogError?
            do throws(LogError) { _ = try recovery.run() } catch { failure = error }
            // A segment may have been replaced between the manifest's reading and its own, or the first
            // one made.
            if failure != nil || !recovery.report.damages.isEmpty, attempt < readingAttemptCountMax,
                try Manifest.read(configuration, on: files) != manifest
            {
                attempt += 1
                continue
            }
            if let failure { throw failure }
            let opened = SegmentFiles(
                files: files, directory: configuration.directory, opened: recovery.opened)
            return (LogSnapshot(index: recovery.index, files: opened), recovery.report)
        }
    }

    /// How often a log that moves under its reader is read anew.
    private static let readingAttemptCountMax = 5

    /// The log as of its last durable commit. It costs a few references; what is held keeps files on the disk
    /// that are replaced meanwhile.
    package func snapshot() -> LogSnapshot { shared.snapshot() }

    /// The last durable commit: everything up to it is in every later snapshot.
    package var cut: CommitNumber { shared.index.withLock { $0.cut } }

    /// Appends `items` as one commit, perhaps together with others' items.
    ///
    /// Durable when it returns, unless the log answers before it syncs. Where it throws, nothing of it is kept, but
    /// for a failed write followed by a crash, after which the items may be there, all of them.
    ///
    /// - Parameters:
    ///   - key: what a retry is told by. Only within `once` for the same key.
    ///   - place: where it is written. Not the caller's thread where others need that to go on, as the language's own.
    package func append(
        _ items: [AppendItem], key: RequestKey? = nil, on place: AppendThread = .writer
    ) async throws(LogError) -> CommitReceipt {
        try await queue.append(AppendRequest(items, key: key), on: place)
    }

    /// Carries a request out unless one with its key was: then says which records that one brought. One
    /// that is under way is waited for; where it fails, this one is carried out.
    ///
    /// - Parameter body: appends with the same key, or throws.
    /// - Throws: `.keyReused` where the key stands for another request; what `body` throws.
    package func once<Value: Sendable>(
        _ key: RequestKey, _ body: () async throws -> Value
    ) async throws -> Once<Value> {
        let outcome = try await keys.once(key, body)
        if case .before = outcome { meter.count { $0.replayCount += 1 } }
        return outcome
    }

    /// Counts a request that was refused before it came as far as the log.
    package func noteRefusedBody(of source: AppendSource) {
        meter.count { $0.countRefusal(source, .bodies) }
    }

    /// Whether the disk lets the log take appends.
    package var state: LogState { queue.logState }

    /// Where posted records are read, for those who bring them.
    package var reading: ReadingMemory { queue.reading }

    /// What it did since it was opened, and what waits.
    package var metrics: LogMetrics {
        var metrics = meter.now
        (metrics.waitingCount, metrics.waitingByteCount) = queue.waiting
        metrics.keyCount = keys.count
        return metrics
    }

    /// Writes what waits, seals the active segment and refuses further appends. To be called once: a second
    /// call stops the process.
    ///
    /// - Returns: why it is not sealed, where the disk had no room for that, or parts are not seen, also where
    ///   they cannot be given up. Nothing that was acknowledged is lost by it: the next opening reads the segment as
    ///   after a crash.
    @discardableResult
    package func close() async throws(LogError) -> LogError? {
        do throws(LogError) { return try await queue.close() } catch {
            guard error.isOutOfSpace else { throw error }
            return error
        }
    }
}

// MARK: Letting go

extension InferenceLog {
    /// Appends a tombstone that erases, when all records there are stand in sealed blocks: durable when
    /// it returns, and no later snapshot shows what it let go. The bytes go with the next `compact`.
    ///
    /// - Parameter choose: what is to go, of the log as it then is; nil for nothing.
    /// - Returns: the tombstone's commit; nil where there is none.
    @discardableResult
    package func erase(
        _ choose: @escaping @Sendable (LogIndex) -> Tombstone?
    ) async throws(LogError) -> CommitNumber? {
        try await queue.perform { writer throws(LogError) in try writer.erase(choose) }
    }

    /// Appends a tombstone of retention: durable when it returns, and no later snapshot shows what it let go.
    /// The bytes go when a rewrite is worth it.
    ///
    /// - Returns: what was let go, which is less than asked where records that stay share a block with
    ///   some by now; nil where nothing was.
    package func letGo(_ tombstone: Tombstone) async throws(LogError) -> Tombstone? {
        try await queue.perform { writer throws(LogError) in try writer.letGo(tombstone) }
    }

    /// Rewrites what is due until nothing is.
    ///
    /// Other passes wait until this one is over; appends and readers do not.
    package func compact(_ pace: CompactionPace) async throws(LogError) -> CompactionReport {
        try await compactor.pass(pace, queue)
    }
}
