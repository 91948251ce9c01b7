// The steps of a history that copy a log or keep a model beside it: LogBackup.swift says what must be true of them.

import Disk
import EventLog
import Records
import Serving
import Simulation
import Store
import TestSupport

extension LogDrive {
    /// Copies the log while it goes on. What is in the copy is looked at now, and after the next power cut.
    mutating func backUp(committing parts: [Part]) {
        guard let writer else { return }
        backupCount += 1
        let requests = requests(parts)
        var result: Result<[CommitReceipt], LogError>?
        var compaction = Compaction()
        var failures: [LogError] = []
        let meanwhile = Meanwhile(afterFiles: backupCount % 3) {
            result = Result { () throws(LogError) in try writer.commit(requests) }
            do throws(LogError) {
                _ = try compaction.step(writer)
                try compaction.finish()
            } catch { failures.append(error) }
        }
        let directory = LogBackup.directoryPrefix + "\(backupCount)"
        let states = [model] + candidates + [model.applying(parts)]
        let failureCount = disk.failureCount
        var cut: CommitNumber?
        do {
            let target = Subdirectory(base: files, directory: directory) { meanwhile.fileIsMade() }
            cut = try StoreSnapshot.take(of: dataDirectory(files), to: target).cut
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("a snapshot fails though nothing did: \(error)")
            }
        }
        meanwhile.finish()
        note(parts, result!)
        errors += failures
        let backup = LogBackup(
            directory: directory, states: states, models: models, cut: disk.hasCrashed ? nil : cut)
        backups.append(backup)
        if backup.cut != nil { lastBackup = backup }
        if !disk.hasCrashed, let violation = backup.violation(on: disk) {
            violations.append("a snapshot: \(violation)")
        }
    }

    /// The log's directory as one of its own: where a store's models lie as well.
    private func dataDirectory(_ files: any FileSystem) -> any FileSystem {
        configuration.directory.isEmpty
            ? files : Subdirectory(base: files, directory: configuration.directory)
    }

    /// Makes a directory of the last snapshot. What is in it is looked at now, and after the next power cut.
    mutating func restore() {
        guard let lastBackup else { return }
        backupCount += 1
        var restoration = LogRestoration(
            directory: LogRestoration.directoryPrefix + "\(backupCount)", backup: lastBackup, isDone: false)
        let failureCount = disk.failureCount
        do {
            _ = try StoreSnapshot.restore(
                from: Subdirectory(base: files, directory: lastBackup.directory),
                to: Subdirectory(base: files, directory: restoration.directory))
            restoration.isDone = !disk.hasCrashed
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("restoring fails though nothing did: \(error)")
            }
        }
        restorations.append(restoration)
        if !disk.hasCrashed, let violation = restoration.violation(on: disk) {
            violations.append("a restored directory: \(violation)")
        }
    }

    mutating func upload(_ bytes: [UInt8]) {
        backupCount += 1
        let failureCount = disk.failureCount
        do {
            // Without a runtime everything is kept as it comes.
            let kept = try ModelFiles(
                files: dataDirectory(files), root: "", byteCountMax: 1 << 20,
                runtime: DeferredRuntime { .failure(.libraryUnavailable(tried: [])) })
            let upload = try kept.beginUpload(uuid: "\(backupCount)")
            try upload.append(Array(bytes.prefix(bytes.count / 2)))
            try upload.append(Array(bytes.dropFirst(bytes.count / 2)))
            let sha256 = try upload.keep().sha256
            if !disk.hasCrashed { models.kept.insert(sha256) }
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("an upload fails though nothing did: \(error)")
            }
        }
        if !disk.hasCrashed { checkModels() }
    }

    mutating func checkModels() {
        if let violation = models.violation(in: dataDirectory(disk)) {
            violations.append("models: \(violation)")
        }
    }
}
