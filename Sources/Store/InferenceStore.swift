// The front door: the log, what is folded from it, the models, and the commands on them.
//
//     requests ──► commands ──► events ──► log ──► durable ──► folded ──► answers
//     records  ──► columns ────────────────┘            └────► queries, assays
//
// Invariants:
//  * The catalogue and the assays are folds of the log's events: opening folds them anew, from the last
//    checkpoint on (FoldCheckpoint.swift).
//  * A command's answer is given only when its event is durable and folded.
//  * Commands come one at a time (CommandGate), records in any number at once.

import Alerts
import Assays
import Bytes
import Catalog
import Disk
import EventLog
import JSON
import Records
import Segments
import Serving
import Synchronization
import Wire

/// A data directory that this process writes, and all that is asked and told of it.
package final class InferenceStore: Sendable {
    package let configuration: StoreConfiguration
    package let sources: SystemSources
    /// The data directory.
    let files: any FileSystem
    /// The main log, of records and events.
    package let log: InferenceLog
    /// Results derived from the log. Deleting its directory loses those alone that another engine version made and
    /// that are not sealed: a backup holds them (StoreSnapshot+Results.swift).
    let derived: InferenceLog
    let places = Places()
    package let models: ModelFiles
    let gate = CommandGate()
    let folded: Mutex<Folded>
    /// What checkpoints of the fold stand for (CheckpointProgress.swift), one written at a time.
    let checkpointProgress: Mutex<CheckpointProgress>
    let checkpointGate = CommandGate()
    let isClosing = Atomic(false)
    /// The assays that were created, switched or redefined since opening, in that order.
    let changedAssays = Mutex<[AssayID]>([])
    /// Which assays are behind, as the scheduler of this process has it (Backfills.swift).
    let backfillBoard = Mutex(BackfillBoard())
    /// What keeps assays of the second generation from runs, as their scheduler last wrote.
    let seriesProblems = Mutex<[AssayID: String]>([:])
    /// Whether the time of day is to be believed; nil where no housekeeper runs, which has set it.
    let clockWatch = Mutex<ClockWatch?>(nil)
    /// How often records may have gone that a view from before still counts on, or windows were decided before they
    /// went (InferenceStore+Sealing.swift).
    let sealingCount = Atomic(0)
    /// Encoders at rest: one for each append that runs at once.
    private let encoders = Mutex<[EncoderBox]>([])

    /// What the log's events say.
    struct Folded {
        var catalog = Catalog()
        /// Whose a topic is: asked for with every append.
        var topics: [String: PipelineID] = [:]
        var book = AssayBook()
        var alerts = AlertBook()
        /// What topics keep, where that is not everything.
        var retention: [String: RetentionPolicy] = [:]
        /// The edge locations of pipelines where they ever changed, each list from a commit on. A result
        /// that is worked out again looks at the home of its own time.
        var locations: [PipelineID: [(since: CommitNumber, names: [String])]] = [:]

        /// Folds one event.
        ///
        /// - Returns: whether it is folded but no decision: a checkpoint says where such lie.
        @discardableResult
        mutating func apply(_ event: Event, commit: CommitNumber) throws -> Bool {
            if event.name == EventName.assay {
                let event = try AssayEvent(document: event.document)
                book.apply(event)
                return event.decision == nil
            }
            let json = JSONField(try JSONValue(parsing: event.document))
            switch event.name {
            case EventName.catalog: apply(try CatalogEvent(json), commit: commit)
            case EventName.alert: alerts.apply(try AlertEvent(json))
            case RetentionPolicy.eventName:
                let policy = try RetentionPolicy(json)
                retention[try json["topic"].string()] = policy.isNone ? nil : policy
            default: return false  // Not to be folded, or another version's: kept, not ours.
            }
            return true
        }

        mutating func apply(_ event: CatalogEvent, commit: CommitNumber) {
            catalog.apply(event)
            switch event {
            case .pipelineVersionCreated(let creation):
                let topic = PipelineTopic(
                    workspaceID: creation.workspaceID, pipelineName: creation.pipelineName)
                topics[topic.name] = creation.version.pipelineID
            case .locationDeclared(let id, _, _):
                locations[id, default: []].append((commit, catalog.pipelines[id]?.locations ?? []))
            default: break
            }
        }
    }

    /// Where kept results are: in `derived`, in the log itself, what stands beside those, and which of them
    /// nothing proves.
    struct Places: Sendable {
        let derived = ResultPlaces.derived()
        let sealed = ResultPlaces.sealed()
        let supplements = ResultPlaces.supplements()
        let unproven = ResultPlaces.unproven()
    }

    /// An encoder is used by one append at a time: it is taken out of the pool, then put back.
    private struct EncoderBox: @unchecked Sendable { let encoder: BlockEncoder }

    /// What opening found, for the person who started it.
    package struct OpeningReport: Sendable {
        package var log: RecoveryReport
        /// Of the results kept beside the log.
        package var derived: RecoveryReport
    }

    private init(
        configuration: StoreConfiguration, sources: SystemSources, files: any FileSystem, log: InferenceLog,
        derived: InferenceLog, models: ModelFiles, opened: OpeningFold
    ) {
        self.configuration = configuration
        self.sources = sources
        self.files = files
        self.log = log
        self.derived = derived
        self.models = models
        folded = Mutex(opened.folded)
        checkpointProgress = Mutex(
            CheckpointProgress(
                eventCount: opened.eventCount, others: opened.others,
                checkpointEventCount: opened.checkpointEventCount))
    }

    /// Opens the configuration's directory on this machine's disk.
    package static func open(
        _ configuration: StoreConfiguration, sources: SystemSources = SystemSources()
    ) throws -> (store: InferenceStore, report: OpeningReport) {
        try open(configuration, on: PosixFileSystem(root: configuration.directory), sources: sources)
    }

    /// Opens the directory; makes what is missing of it. A store that is there opens on a full disk as well; one
    /// that is not is refused, as a server of nothing that takes nothing helps nobody. What was made of it is
    /// gone on with by the next opening.
    ///
    /// - Parameter files: the data directory, wherever it is; models are run from the configuration's.
    /// - Throws: `StoreRefusal` that is `.unavailable` where there is no room to begin a directory.
    package static func open(
        _ configuration: StoreConfiguration, on files: any FileSystem,
        sources: SystemSources = SystemSources()
    ) throws -> (store: InferenceStore, report: OpeningReport) {
        do { return try openOrMake(configuration, on: files, sources) } catch {
            let refusal = error as? DiskError ?? (error as? LogError)?.diskError
            guard let refusal, refusal.kind == .outOfSpace else { throw error }
            let needed = configuration.log.reserveByteCount + StoreConfiguration.beginningByteCount
            throw StoreRefusal(
                .unavailable,
                "the disk has no room to begin the data directory \(configuration.directory): "
                    + "\(refusal.operation) of \(refusal.file) failed: \(refusal.reason); free at least "
                    + "\(needed) bytes and start again, or name a directory on another disk")
        }
    }

    /// - Throws: where its manifest is damaged or missing, what makes it again.
    private static func openDerived(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) throws -> (InferenceLog, RecoveryReport) {
        do throws(LogError) { return try InferenceLog.open(configuration, on: files) } catch {
            switch error {
            case .manifest where Manifest.otherVersion(configuration, on: files) == nil: break
            case .disk(let refusal) where refusal.kind == .other && refusal.operation == "open": break
            default: throw error
            }
            throw StoreRefusal(
                .unavailable,
                "\(error); but what lies under \(configuration.directory)/ are results, which `assaylog rebuild` makes "
                    + "again from the log")
        }
    }

    private static func openOrMake(
        _ configuration: StoreConfiguration, on files: any FileSystem, _ sources: SystemSources
    ) throws -> (store: InferenceStore, report: OpeningReport) {
        var derivedConfiguration = configuration.log
        derivedConfiguration.directory = FileName.derivedDirectory
        derivedConfiguration.reserveByteCount = 0
        // What is not seen of it is worked out anew; and so is what a power cut takes of it.
        derivedConfiguration.goesOnWithoutUnseen = true
        derivedConfiguration.answersBeforeSync = true
        // Before anything else of it is written: what it lists will not be as it says.
        let wasSnapshot = try StoreSnapshot.removeListIfItOpens(on: files)
        // Beside the first log's, so that the second one's opening need not wait for it.
        Manifest.willRead(derivedConfiguration, on: files)
        var logConfiguration = configuration.log
        logConfiguration.clock = { sources.now().milliseconds }
        let (log, logReport) = try InferenceLog.open(logConfiguration, on: files)
        let (derived, derivedReport) = try openDerived(derivedConfiguration, on: files)

        let runtime = DeferredRuntime {
            Result { () throws(ServingError) in
                try ModelRuntime(explicit: configuration.runtimePlace, defaults: configuration.runtimePlaces)
            }
        }
        let models = try ModelFiles(
            files: files, root: configuration.directory, byteCountMax: configuration.modelByteCountMax,
            runtime: runtime)
        let opened: OpeningFold
        do { opened = try fold(log.snapshot(), on: files) } catch let error as SegmentError
            where !error.isRefusal
        {
            throw StoreRefusal(
                .unavailable,
                "\(error): an event, and all that is to come would be decided without it; restore the directory from a "
                    + "backup (until then `assaylog export`, `logs` and `query` read the records)")
        }
        let store = InferenceStore(
            configuration: configuration, sources: sources, files: files, log: log, derived: derived,
            models: models,
            opened: opened)
        var report = OpeningReport(log: logReport, derived: derivedReport)
        if wasSnapshot {
            report.log.repairs.append(
                "\(FileName.snapshotList) is removed: this was a snapshot, and is a data directory from now on"
            )
        }
        if let refusal = opened.refusal {
            report.derived.repairs.append(
                "\(FileName.foldCheckpoint) is not used, and all events were folded instead: \(refusal)")
        }
        return (store, report)
    }

    /// Writes what waits and seals both logs: the next opening has nothing to repair, and begins its fold
    /// with a checkpoint.
    ///
    /// - Returns: why a log is not sealed, where the disk had no room for that or parts are not seen: what was
    ///   acknowledged is there all the same.
    @discardableResult
    package func close() async throws -> LogError? {
        isClosing.store(true, ordering: .relaxed)
        let outcome: Result<LogError?, LogError>
        do throws(LogError) { outcome = .success(try await log.close()) } catch { outcome = .failure(error) }
        if case .success(nil) = outcome {
            // No error of a closing: without it the next opening folds more.
            _ = try? await writeCheckpoint {
                $0.checkpointEventCount + configuration.checkpointEventCountMin
            }
        }
        let unsealed = try await derived.close()
        return try outcome.get() ?? unsealed
    }

    // MARK: Events

    /// Which fold an event is for, as its name in the log.
    enum EventName {
        static let catalog = "catalog"
        static let assay = "assay"
        static let alert = "alert"
        /// All that `Folded.apply` looks into.
        static let folded: Set = [catalog, assay, alert, RetentionPolicy.eventName]
    }

    /// Folds all events of a snapshot, from the first.
    ///
    /// - Parameter damaged: told of an event that is damaged, and then passed over, unless it throws that.
    static func fold(
        _ snapshot: LogSnapshot, damaged: (EventPlace, SegmentError) throws -> Void = { throw $1 }
    ) throws -> Folded {
        var folded = Folded()
        try snapshot.forEachEvent(named: EventName.folded, damaged: damaged) {
            try folded.apply($2, commit: $1.entry.commit)
        }
        return folded
    }

    /// As of the last command whose event is durable. A copy: what is asked of it twice is the same.
    package var catalog: Catalog { folded.withLock { $0.catalog } }

    /// Likewise, of the assays.
    package var book: AssayBook { folded.withLock { $0.book } }

    /// Likewise, of the alerts.
    package var alerts: AlertBook { folded.withLock { $0.alerts } }

    /// Judges a command on the catalogue as it stands, appends the events it returns, folds them.
    /// When this returns, they are durable.
    @discardableResult
    package func change(
        _ command: (Catalog) throws -> [CatalogEvent]
    ) async throws -> [CatalogEvent] {
        try await gate.pass {
            let events = try command(catalog)
            guard !events.isEmpty else { return [] }
            _ = try await append([], with: events)
            return events
        }
    }

    /// Appends records, if any, and events of the catalogue in one commit, and folds the events. Only behind
    /// the gate.
    private func append(
        _ records: [AppendItem], with events: [CatalogEvent], key: RequestKey? = nil
    ) async throws -> CommitReceipt {
        let receipt = try await log.append(
            records
                + events.map { .event(Event(name: EventName.catalog, document: Array($0.json.text.utf8))) },
            key: key)
        folded.withLock { folded in
            for event in events { folded.apply(event, commit: receipt.commit) }
        }
        return receipt
    }

    // MARK: Records

    /// Appends records to a topic's partition. Durable when it returns, all or none.
    ///
    /// Batches of `columnBlockRowCountMin` rows and more become column blocks, of at most
    /// `blockRowCountMax` rows each; smaller ones, and what is cut off because its time lies far from
    /// the others', wait in memory and small blocks for company.
    ///
    /// - Parameters:
    ///   - event: what to note of it in the same commit: durable with the records, or not at all.
    ///   - declaration: what is declared by it, likewise.
    ///   - key: what a retry is told by, within `log.once` for it.
    /// - Throws: `StoreRefusal` where the batch has more columns, or longer lists, than a block can say.
    package func append(
        _ batch: RecordBatch, topic: String, partition: String, noting event: Event? = nil,
        declaring declaration: RecordDeclaration? = nil, key: RequestKey? = nil
    ) async throws -> AppendedSpan {
        precondition(batch.rowCount > 0, "An append has records.")
        guard batch.columnCount <= RecordLimits.columnCountMax else {
            throw StoreRefusal(
                .tooLarge,
                "the records have \(batch.columnCount) columns, a field each or an element of a list each; at most "
                    + "\(RecordLimits.columnCountMax) are kept of one request: send fewer fields, shorter lists, "
                    + "or lists of over \(RecordLimits.shreddedElementCountMax) elements, which are one column"
            )
        }
        if let field = batch.fieldOfTooLongLists {
            throw StoreRefusal(
                .tooLarge,
                "the lists of field \"\(field.name)\" have \(field.values.listElementCount) elements, and at most "
                    + "\(RecordLimits.listElementCountMax) are kept of one request: send fewer rows in each")
        }
        var items: [AppendItem] = []
        if batch.rowCount < SegmentFormat.columnBlockRowCountMin {
            items.append(.small(batch, AppendSource(topic: topic, partition: partition)))
        } else {
            items = await blocks(of: batch, AppendSource(topic: topic, partition: partition))
        }
        if let event { items.append(.event(event)) }
        var receipt: CommitReceipt?
        if let declaration, !declaration.isKnown(to: catalog, of: partition) {
            receipt = try await gate.pass { [items] in
                let events = try declaration.events(in: catalog, of: partition, at: sources.now())
                // Declared meanwhile: the first posts of many clients share commits, as later ones do.
                if events.isEmpty { return nil }
                return try await append(items, with: events, key: key)
            }
        }
        if receipt == nil { receipt = try await log.append(items, key: key) }
        guard let receipt else { preconditionFailure("An append that does not throw has a receipt.") }
        return AppendedSpan(
            topic: topic, partition: partition, firstIndex: receipt.spans.first!.firstIndex,
            endIndex: receipt.spans.last!.endIndex)
    }

    /// Appends records that are read when the log comes to them, or here where the log would read them twice.
    /// Durable when it returns, all or none.
    ///
    /// - Throws: `LogError.refused` where the text is not taken.
    package func append(_ posted: PostedRecords, key: RequestKey? = nil) async throws -> AppendedSpan {
        let source = posted.source
        guard log.reading.readsAtHome(source.topic) else {
            return try await log.append([.posted(posted)], key: key).spans[0]
        }
        let batch: RecordBatch
        do throws(RecordParseError) { batch = try posted.read() } catch { throw LogError.refused(error) }
        return try await append(batch, topic: source.topic, partition: source.partition, key: key)
    }

    /// The batch in the order of its rows: as column blocks, those of a large one encoded on all cores, and
    /// as few records where far times leave few.
    private func blocks(of batch: RecordBatch, _ source: AppendSource) async -> [AppendItem] {
        @Sendable func block(_ rows: Range<Int>) -> AppendItem {
            if rows.count < SegmentFormat.columnBlockRowCountMin { return .small(batch.slice(rows), source) }
            let box = encoders.withLock { $0.popLast() } ?? EncoderBox(encoder: BlockEncoder())
            defer { encoders.withLock { $0.append(box) } }
            return .columns(
                box.encoder.encode(batch, rows: rows, topic: source.topic, partition: source.partition))
        }
        let ranges = batch.blockRanges
        guard ranges.count > 1 else { return ranges.map(block) }
        return await withTaskGroup(of: (Int, AppendItem).self) { group in
            for (position, rows) in ranges.enumerated() { group.addTask { (position, block(rows)) } }
            var items = [AppendItem?](repeating: nil, count: ranges.count)
            for await (position, item) in group { items[position] = item }
            return items.compactMap { $0 }
        }
    }
}
