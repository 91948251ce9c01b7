// A snapshot of a log as a step of its history: taken while the writer goes on, on the same disk, and cut
// off like any other step.
//
// Invariants:
//  * A backup whose taking returned is whole, and shows what was acknowledged when it was begun, or that
//    and what its writer did meanwhile.
//  * One whose taking did not return is refused by `restore`; or it is whole all the same.
//  * Opened as a data directory either is refused, is empty, or shows one of those states.
//  * The models that were kept when it was begun are in a whole one, each with the bytes of its name.
//  * Restoring leaves the snapshot as it is. A directory whose restoring returned is whole; any other is
//    whole, or has no manifest and does not open where it holds a segment. Restoring into it again does
//    the whole work where it is empty, and else is refused with the remedy.

import Bytes
import Disk
import EventLog
import Records
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

/// The models that were kept, by the SHA-256 of their bytes.
struct ModelShelf {
    var kept: Set<String> = []

    /// What is wrong with the models in a data directory, in a sentence: one is missing, or holds other
    /// bytes than its name says. More than were kept may be there.
    func violation(in directory: any FileSystem) -> String? {
        do throws(DiskError) {
            var found: Set<String> = []
            do throws(DiskError) { found = Set(try directory.list(FileName.modelDirectory)) } catch {
                guard error.kind == .notFound else { throw error }
            }
            if let missing = kept.subtracting(found).sorted().first {
                return "the model \(missing) was kept and is not there"
            }
            for name in found.sorted() where FileName.isModel(name) {
                let file = try directory.open(FileName.model(name))
                let bytes = try file.read(at: 0, byteCount: try file.byteCount)
                guard SHA256.hexDigest(bytes) == name else { return "the model \(name) has other bytes" }
            }
            return nil
        } catch { return "models cannot be read: \(error)" }
    }
}

struct LogBackup {
    static let directoryPrefix = "backup-"

    let directory: String
    /// What it may show.
    let states: [LogModel]
    /// What it must hold.
    let models: ModelShelf
    /// Whether its taking returned, and with which cut.
    let cut: CommitNumber?

    /// What is wrong with it as it lies on the disk, in a sentence; nil where it is as it should be.
    func violation(on disk: SimulatedFileSystem) -> String? {
        let backup = Subdirectory(base: disk, directory: directory)
        let restored = SimulatedFileSystem()
        do {
            let report = try StoreSnapshot.restore(from: backup, to: restored)
            if let cut, cut != report.cut { return "its cut is \(report.cut), \(cut) was said" }
            if let violation = violation(of: restored, endingAt: report.cut) { return violation }
        } catch let refusal as StoreRefusal {
            if cut != nil { return "it was whole, and is refused: \(refusal)" }
        } catch {
            return "restoring it ends in \(error)"
        }
        return violationWhereRead(backup)
    }

    /// What is wrong with a data directory that was made of it; opening it changes it.
    func violation(of restored: SimulatedFileSystem, endingAt cut: CommitNumber?) -> String? {
        do throws(LogError) {
            let (writer, shared, recovery) = try InferenceLog.openWriter(on: restored)
            if let damage = recovery.damages.first { return "restored it is damaged: \(damage)" }
            let snapshot = shared.snapshot()
            if let cut, snapshot.cut != cut { return "it ends at \(snapshot.cut), \(cut) was said" }
            return difference(LogContents(snapshot), writer.keys) ?? models.violation(in: restored)
        } catch { return "restored it does not open: \(error)" }
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

/// A directory that a snapshot was restored to, perhaps in part.
struct LogRestoration {
    static let directoryPrefix = "restored-"

    let directory: String
    let backup: LogBackup
    /// Whether the restoring returned.
    var isDone: Bool

    /// What is wrong with it, or with its snapshot, as they lie on the disk; nil where nothing is.
    func violation(on disk: SimulatedFileSystem) -> String? {
        if let violation = backup.violation(on: disk) { return "its snapshot: \(violation)" }
        let copy = disk.copy(of: directory)
        let names = (try? copy.list("")) ?? []
        if names.contains(FileName.manifest) {
            if let violation = backup.violation(of: copy, endingAt: backup.cut) { return violation }
        } else if isDone {
            return "it was done, and there is no manifest"
        } else if names.contains(where: { FileName.segmentNumber($0) != nil }),
            (try? InferenceLog.openWriter(on: copy)) != nil
        {
            return "it is a part of its snapshot, and opens as a log"
        }
        return violationWhereDoneAgain(disk.copy(of: directory), isEmpty: names.isEmpty, on: disk)
    }

    private func violationWhereDoneAgain(
        _ target: SimulatedFileSystem, isEmpty: Bool, on disk: SimulatedFileSystem
    ) -> String? {
        do {
            let report = try StoreSnapshot.restore(
                from: Subdirectory(base: disk, directory: backup.directory), to: target)
            guard isEmpty else { return "a second restoring writes into what the first has left" }
            return backup.violation(of: target, endingAt: report.cut)
        } catch let refusal as StoreRefusal {
            guard !isEmpty else { return "an empty directory is refused: \(refusal)" }
            return "\(refusal)".contains("name a new one or empty it")
                ? nil : "a second restoring is refused without the remedy: \(refusal)"
        } catch {
            return "a second restoring ends in \(error)"
        }
    }
}
