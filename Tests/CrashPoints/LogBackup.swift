// A snapshot of a log as a step of its history: taken while the writer goes on, on the same disk, and cut
// off like any other step.
//
// Invariants:
//  * A backup whose taking returned is whole, and shows what was acknowledged when it was begun, or that
//    and what its writer did meanwhile.
//  * One whose taking did not return is refused by `restore`; or it is whole all the same.
//  * Opened as a data directory either is refused, is empty, or shows one of those states.

import Disk
import EventLog
import Simulation
import Store
import TestSupport

/// A directory of a file system as one of its own.
package struct Subdirectory: FileSystem {
    let base: any FileSystem
    let directory: String
    /// Called before a file is made.
    var beforeCreating: @Sendable () -> Void = {}

    private func path(_ name: String) -> String { name.isEmpty ? directory : directory + "/" + name }

    package func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(path(name)) }
    package func list(_ directory: String) throws(DiskError) -> [String] { try base.list(path(directory)) }
    package func create(_ name: String) throws(DiskError) -> any WritableFile {
        beforeCreating()
        return try base.create(path(name))
    }
    package func open(_ name: String) throws(DiskError) -> any ReadableFile { try base.open(path(name)) }
    package func rename(_ name: String, to newName: String) throws(DiskError) {
        try base.rename(path(name), to: path(newName))
    }
    package func remove(_ name: String) throws(DiskError) { try base.remove(path(name)) }
    package func syncDirectory(_ directory: String) throws(DiskError) {
        try base.syncDirectory(path(directory))
    }
    package func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(path(name)) }
}

/// What a writer does while its log is copied: once, before the backup's so many files.
///
/// Everything of a drive happens on its one thread; the checker cannot see that.
final class Meanwhile: @unchecked Sendable {
    private var filesToCome: Int
    private var work: (() -> Void)?

    init(afterFiles count: Int, _ work: @escaping () -> Void) {
        filesToCome = count
        self.work = work
    }

    func fileIsMade() {
        filesToCome -= 1
        if filesToCome < 0 { finish() }
    }

    /// Does it now, unless it was done.
    func finish() {
        let work = work
        self.work = nil
        work?()
    }
}

struct LogBackup {
    static let directoryPrefix = "backup-"

    let directory: String
    /// What it may show.
    let states: [LogModel]
    /// Whether its taking returned, and with which cut.
    let cut: CommitNumber?

    /// What is wrong with it as it lies on the disk, in a sentence; nil where it is as it should be.
    func violation(on disk: SimulatedFileSystem) -> String? {
        let backup = Subdirectory(base: disk, directory: directory)
        let restored = SimulatedFileSystem()
        do {
            let report = try StoreSnapshot.restore(from: backup, to: restored)
            if let cut, cut != report.cut { return "its cut is \(report.cut), \(cut) was said" }
            let (writer, shared, recovery) = try InferenceLog.openWriter(on: restored)
            if let damage = recovery.damages.first { return "restored it is damaged: \(damage)" }
            let snapshot = shared.snapshot()
            if snapshot.cut != report.cut { return "it ends at \(snapshot.cut), \(report.cut) was said" }
            if let difference = difference(LogContents(snapshot), writer.keys) { return difference }
        } catch let refusal as StoreRefusal {
            if cut != nil { return "it was whole, and is refused: \(refusal)" }
        } catch {
            return "restoring it ends in \(error)"
        }
        return violationWhereRead(backup)
    }

    private func violationWhereRead(_ backup: Subdirectory) -> String? {
        do throws(LogError) {
            let (snapshot, report) = try InferenceLog.openForReading(on: backup)
            if let damage = report.damages.first { return "read in place it is damaged: \(damage)" }
            let contents = LogContents(snapshot)
            let isEmpty = contents == LogContents()
            if cut == nil, isEmpty, (try? backup.list(""))?.allSatisfy({ !$0.hasPrefix("segment") }) ?? true {
                return nil
            }
            return difference(contents, nil).map { "read in place: " + $0 }
        } catch {
            return cut == nil ? nil : "it was whole, and does not open: \(error)"
        }
    }

    private func difference(_ contents: LogContents, _ keys: KeyMemory?) -> String? {
        let differences = states.map { state in
            state.difference(contents) ?? keys.flatMap { state.difference($0) }
        }
        return differences.contains(nil) ? nil : differences.first ?? nil
    }
}
