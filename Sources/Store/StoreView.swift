// The store as of one commit, for whoever only reads: the log's snapshot and the folds of its events.
//
// Every question is asked of a view, so that one answer is about one cut, and so that the command
// line can ask beside a running server what the server itself would answer.
//
// Invariant: a view does not change; two questions to one view are about the same records.

import Alerts
import Assays
import Catalog
import Disk
import EventLog
import JSON
import Records
import Segments

/// The store as of one commit. While one is held, files that a rewrite took away stay on the disk.
package struct StoreView: Sendable {
    package let snapshot: LogSnapshot
    package let catalog: Catalog
    package let book: AssayBook
    package let alerts: AlertBook
    /// What topics keep, where that is not everything.
    let retention: [String: RetentionPolicy]
    private let locations: [PipelineID: [(since: CommitNumber, names: [String])]]
    /// The results kept beside the log; nil where they cannot be read.
    let derived: LogSnapshot?
    /// Where kept results are, in `derived` and in the log itself.
    let places: InferenceStore.Places
    let sources: SystemSources
    let filters = FilterMemory()

    init(
        snapshot: LogSnapshot, folded: InferenceStore.Folded, derived: LogSnapshot?,
        places: InferenceStore.Places = InferenceStore.Places(),
        sources: SystemSources
    ) {
        self.snapshot = snapshot
        self.derived = derived
        self.places = places
        catalog = folded.catalog
        book = folded.book
        alerts = folded.alerts
        retention = folded.retention
        locations = folded.locations
        self.sources = sources
    }

    /// The pipeline's edge locations as of a commit.
    func locations(of id: PipelineID, at cut: CommitNumber) -> [String] {
        homeChange(of: id, at: cut)?.names ?? []
    }

    /// The last change of the pipeline's edge locations by a commit, and what they are since; nil where there was none.
    func homeChange(of id: PipelineID, at cut: CommitNumber) -> (since: CommitNumber, names: [String])? {
        locations[id]?.last { $0.since <= cut }
    }

    /// Whether a partition of the pipeline became an edge, or home again, after a commit.
    func locationsChanged(of id: PipelineID, after cut: CommitNumber) -> Bool {
        locations[id]?.contains { $0.since > cut && $0.since <= snapshot.cut } ?? false
    }

    /// What is in a data directory now, whether or not a server writes it. Changes nothing.
    ///
    /// - Throws: a refusal where the directory holds no store.
    package static func open(
        _ directory: String, sources: SystemSources = SystemSources()
    ) throws -> (view: StoreView, report: RecoveryReport) {
        try open(on: PosixFileSystem(root: directory), named: directory, sources: sources)
    }

    /// - Parameter name: what the data directory is called where it is refused.
    static func open(
        on files: any FileSystem, named name: String, sources: SystemSources = SystemSources()
    ) throws -> (view: StoreView, report: RecoveryReport) {
        try requireStore(on: files, named: name)
        var (snapshot, report) = try InferenceLog.openForReading(LogConfiguration(), on: files)
        // Who writes may not go on without an event. Who reads is told of it, as of all else that is not seen.
        var unseen: [SegmentPlace] = []
        let folded = try InferenceStore.fold(snapshot) { place, error in
            unseen.append(SegmentPlace(file: FileName.segment(place.segment), byteOffset: place.entry.offset))
            report.damages.append("an event is not seen: \(error)")
        }
        snapshot = snapshot.lacking(unseen)
        var configuration = LogConfiguration()
        configuration.directory = FileName.derivedDirectory
        // Damage to what is derived loses nothing: a result that is not there is worked out again.
        let derived = try? InferenceLog.openForReading(configuration, on: files).snapshot
        return (
            StoreView(snapshot: snapshot, folded: folded, derived: derived, sources: sources), report
        )
    }

    /// Refuses a directory that holds no store.
    ///
    /// - Parameter remedy: what to do then.
    /// - Throws: the disk's error where it cannot be looked into: it may well hold one.
    package static func requireStore(
        on files: any FileSystem, named name: String,
        remedy: String = "give another --data, or append to it first"
    ) throws {
        var names: [String] = []
        do throws(DiskError) { names = try files.list("") } catch {
            guard error.kind == .notFound else { throw error }
        }
        if names.contains(FileName.manifest) { return }
        if names.contains(where: { FileName.segmentNumber($0) != nil }) {
            throw StoreRefusal(
                .unknown,
                "\(name) has segments but no \(FileName.manifest), as a copy that was cut off has; restore it from "
                    + "a backup")
        }
        throw StoreRefusal(.unknown, "\(name) holds no assaylog data; \(remedy)")
    }
}

extension InferenceStore {
    /// What is to be said beside "there is none"; nil while all of the log is seen.
    package var unseenRemark: String? { log.snapshot().index.unseenRemark }

    /// The store as it is now. The folds may be ahead of the snapshot by what just became durable.
    package var view: StoreView {
        StoreView(
            snapshot: log.snapshot(), folded: folded.withLock { $0 }, derived: derived.snapshot(),
            places: places, sources: sources)
    }
}
