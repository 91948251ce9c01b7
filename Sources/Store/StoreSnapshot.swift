// A backup: everything that cannot be worked out again, as of one cut, beside whoever writes it.
//
//     manifest ──► every segment opened ──► manifest still the same? ──► copied, each file synced
//     DIR/   segment-…  models/…  MANIFEST  derived/…  SNAPSHOT (last: what there is, with sizes and checksums)
//
// No lock is taken and nobody is asked: sealed segments do not change, what is whole in the active one
// is a beginning of the log, and a file that is open can be read though a rewrite removes its name.
// Derived results are left out, as a restored store works them out again from the decisions, but for those that
// it could not (StoreSnapshot+Results.swift). A snapshot is a data directory itself, to be looked into with any
// reading command.
//
// Invariants:
//  * A snapshot holds every commit that was acknowledged before it was begun, and no part of any other.
//  * What the log went on without is no part of it where it cannot be opened, and is said: the copy goes on
//    without it too (StoreSnapshot+Segments.swift).
//  * A model that is missing, or holds other bytes than its name says, is said, when a snapshot is taken and when one is
//    restored: what there is of it is copied (StoreSnapshot+Segments.swift).
//  * A directory without a whole SNAPSHOT is none: it is written last, and restoring refuses. Opening one for
//    writing, or deriving its results anew, removes it, durably, before anything that it lists changes: it is a data
//    directory then. What this build cannot open keeps it.
//  * Restoring writes nothing before every file was found whole, and into an empty directory alone,
//    whose MANIFEST comes last.

import Bytes
import Disk
import EventLog
import Records
import Segments

/// Taking and restoring backups.
package enum StoreSnapshot {
    /// Bytes copied at a time.
    private static let pieceByteCount = 4 << 20

    /// A file of the snapshot, as its list has it.
    package struct File: Hashable, Sendable {
        /// Its path within the snapshot, with `/`.
        package var name: String
        package var byteCount: Int
        var checksum: UInt32
    }

    /// What a snapshot holds.
    package struct Report: Hashable, Sendable {
        /// The last commit that is in it.
        package var cut: CommitNumber = 0
        package var files: [File] = []
        /// Damage in the source, which is in the copy too, or is left out of it where the log went on without it.
        package var damages: [String] = []

        /// Of all files that the list names.
        package var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
    }

    // MARK: Taking

    /// Copies a data directory, which may be written meanwhile, to an empty one.
    package static func take(
        of directory: String, to target: String, report: (_ byteCount: Int) -> Void = { _ in }
    ) throws -> Report {
        let (source, copy) = (PosixFileSystem(root: directory), PosixFileSystem(root: target))
        try refuseNested(copy, source)
        return try take(of: source, to: copy, report: report)
    }

    package static func take(
        of source: any FileSystem, to target: any FileSystem, report: (Int) -> Void = { _ in }
    ) throws -> Report {
        try take(of: source, to: target, resultsAtOnce: resultByteCountAtOnce, report: report)
    }

    /// - Parameter byteCount: bytes of results that go to disk at once, unless one has more.
    static func take(
        of source: any FileSystem, to target: any FileSystem, resultsAtOnce byteCount: Int,
        report: (Int) -> Void = { _ in }
    ) throws -> Report {
        try StoreView.requireStore(on: source, named: "the directory to copy", remedy: "give another --data")
        try prepare(target)
        let (manifest, segments, absences) = try openSegments(of: source)
        var result = Report()
        result.damages = absences
        var next = manifest
        next.entries = []
        var copied = 0
        for (entry, segment) in zip(manifest.entries, segments) {
            guard let segment else {
                // Its place in the log, for whatever comes back of it.
                next.entries.append(entry)
                continue
            }
            var entry = try entry.closed(as: segment)
            let end = try segment.scan(upTo: entry.state == .active ? nil : entry.byteCount) {
                (header, _, _) throws(SegmentError) in
                result.cut = max(result.cut, header.commit)
            }
            switch entry.state {
            case .active:
                // What is whole is a beginning of the log; nobody writes it on in the copy.
                guard end.validByteCount >= SegmentFormat.segmentHeaderByteCount else { continue }
                entry.state = .closed
                entry.byteCount = end.validByteCount
                if try segment.isDamaged(at: end) {
                    // As it is, for whoever can mend it.
                    entry.byteCount = try segment.byteCount()
                    result.damages.append(
                        "\(segment.name) at byte \(end.validByteCount): \(end.tear ?? ""), and whole ones lie behind it"
                    )
                }
            case .closed:
                if end.tear != nil { result.damages.append("\(segment.name): \(end.tear ?? "")") }
            case .sealed:
                let footer = try? segment.footer()
                if footer?.offset != end.validByteCount {
                    result.damages.append(
                        "\(segment.name) at byte \(end.validByteCount): \(end.tear ?? "cut")")
                }
                if let commits = footer?.directory.commits {
                    result.cut = max(result.cut, commits.upperBound)
                }
            }
            let byteCount = min(entry.byteCount, try segment.byteCount())
            result.files.append(
                try copy(segment.file, byteCount, to: segment.name, on: target) { report(copied + $0) })
            copied += byteCount
            next.entries.append(entry)
        }
        let models = try modelNames(of: source)
        if !models.isEmpty { try target.createDirectory(FileName.modelDirectory) }
        for name in models {
            let path = FileName.model(name)
            let file = try source.open(path)
            let byteCount = try file.byteCount
            result.files.append(try copy(file, byteCount, to: path, on: target) { report(copied + $0) })
            copied += byteCount
        }
        if !models.isEmpty { try target.syncDirectory(FileName.modelDirectory) }
        try target.syncDirectory("")
        try next.replace(LogConfiguration(), on: target)
        let resultNames = try carryResults(from: source, to: target, &result.damages, atOnce: byteCount)
        // Behind the results: damage to a model is none of the log's.
        result.damages += try damagedModels(among: result.files, on: target)
        result.damages += try absentModels(among: result.files, on: target)
        for name in resultNames + [FileName.manifest] {
            result.files.append(try written(name, on: target))
        }
        try writeList(result, on: target)
        return result
    }

    // MARK: Restoring

    /// Copies a snapshot to an empty directory, which then is a data directory.
    package static func restore(
        from directory: String, to target: String, report: (_ byteCount: Int) -> Void = { _ in }
    ) throws -> Report {
        let (source, copy) = (PosixFileSystem(root: directory), PosixFileSystem(root: target))
        try refuseNested(copy, source)
        return try restore(from: source, to: copy, report: report)
    }

    package static func restore(
        from source: any FileSystem, to target: any FileSystem, report: (Int) -> Void = { _ in }
    ) throws -> Report {
        var result = try readList(on: source)
        for file in result.files {
            let found = try checksum(of: try open(file, of: source), file)
            guard found == file.checksum else {
                throw StoreRefusal(
                    .invalid,
                    "\(file.name) of the snapshot is damaged (checksum \(String(found, radix: 16)), "
                        + "\(String(file.checksum, radix: 16)) was written); nothing was restored: use another snapshot"
                )
            }
        }
        try prepare(target)
        var copied = 0
        let directories = [FileName.modelDirectory, FileName.derivedDirectory].filter { directory in
            result.files.contains { FileName.isPath($0.name, in: directory) }
        }
        for directory in directories { try target.createDirectory(directory) }
        for file in result.files where file.name != FileName.manifest {
            let made = try copy(try source.open(file.name), file.byteCount, to: file.name, on: target) {
                report(copied + $0)
            }
            guard made == file else { throw changed(file) }
            copied += file.byteCount
        }
        result.damages = try damagedModels(among: result.files, on: target)
        for directory in directories { try target.syncDirectory(directory) }
        try target.syncDirectory("")
        guard let listed = result.files.first(where: { $0.name == FileName.manifest }) else {
            preconditionFailure("A list without a manifest is refused.")
        }
        let manifest = try source.open(FileName.manifest).read(at: 0, byteCount: listed.byteCount)
        guard Checksum.crc32c(manifest) == listed.checksum else { throw changed(listed) }
        try replace(FileName.manifest, with: manifest, through: FileName.newManifest, on: target)
        // All was copied: a log that this build cannot look into is no reason to fail, but then nobody can tell.
        result.damages += (try? absentModels(among: result.files, on: target)) ?? []
        return result
    }

    private static func changed(_ file: File) -> StoreRefusal {
        StoreRefusal(
            .invalid,
            "\(file.name) of the snapshot changed while it was copied; empty the directory and try again")
    }

    /// A file of the list; one that is not there is named with what it held.
    private static func open(_ file: File, of source: any FileSystem) throws -> any ReadableFile {
        do throws(DiskError) { return try source.open(file.name) } catch {
            guard error.kind == .notFound else { throw error }
            let contents =
                if file.name == FileName.manifest {
                    "which segments the log is made of"
                } else if FileName.isPath(file.name, in: FileName.modelDirectory) {
                    "\(file.byteCount) bytes of an uploaded model"
                } else if FileName.isPath(file.name, in: FileName.derivedDirectory) {
                    "\(file.byteCount) bytes of assays' results that cannot be worked out again"
                } else {
                    "\(file.byteCount) bytes of the log's records and events"
                }
            throw StoreRefusal(
                .invalid,
                "\(file.name) of the snapshot is missing; it held \(contents). Nothing was restored: put the file "
                    + "back, as it was copied or moved without it, or use another snapshot")
        }
    }

    // MARK: No snapshot any more

    /// Makes a snapshot's directory that is about to be opened for writing a data directory alone. What this build
    /// cannot open, as another version's, stays the backup that it is.
    ///
    /// - Returns: whether it was a snapshot.
    static func removeListIfItOpens(on files: any FileSystem) throws -> Bool {
        guard try hasList(files) else { return false }
        // All that an opening reads before it serves, refused as an opening is.
        let log = try InferenceLog.openForReading(LogConfiguration(), on: files, isAlone: true).snapshot
        var derivedConfiguration = LogConfiguration()
        derivedConfiguration.directory = FileName.derivedDirectory
        _ = try InferenceLog.openForReading(derivedConfiguration, on: files, isAlone: true)
        _ = try InferenceStore.fold(log, on: files)
        return try removeList(on: files)
    }

    /// The same where all of it was opened: durable when it returns.
    @discardableResult
    static func removeList(on files: any FileSystem) throws -> Bool {
        guard try hasList(files) else { return false }
        try files.remove(FileName.snapshotList)
        try files.syncDirectory("")
        return true
    }

    private static func hasList(_ files: any FileSystem) throws -> Bool {
        do throws(DiskError) { _ = try files.open(FileName.snapshotList) } catch {
            if error.kind == .notFound { return false }
            // What cannot be opened is there all the same; and where the directory cannot, that is what is refused.
            return try files.list("").contains(FileName.snapshotList)
        }
        return true
    }

    // MARK: Files

    /// Refuses a copy inside what it is of, which is lost with it, and one around it.
    private static func refuseNested(_ target: PosixFileSystem, _ source: PosixFileSystem) throws {
        guard target.isWithin(source) || source.isWithin(target) else { return }
        throw StoreRefusal(
            .invalid,
            "\(target.realRoot) is to be a copy of \(source.realRoot), and one is inside the other or they are the "
                + "same; name a directory beside it, best on another disk")
    }

    /// Makes the directory, and refuses one that holds anything.
    private static func prepare(_ target: any FileSystem) throws {
        try target.createDirectory("")
        guard let name = try target.list("").sorted().first else { return }
        throw StoreRefusal(
            .invalid, "the directory to write to is not empty (\(name) is in it); name a new one or empty it")
    }

    /// Copies a file's first bytes; durable when it returns, but for its name.
    private static func copy(
        _ file: any ReadableFile, _ byteCount: Int, to name: String, on target: any FileSystem,
        _ report: (Int) -> Void
    ) throws -> File {
        let copy = try target.create(name)
        var checksum: UInt32 = 0
        try pieces(of: file, byteCount) { bytes, done in
            try copy.append(bytes)
            checksum = bytes.withUnsafeBytes { Checksum.crc32c($0, continuing: checksum) }
            report(done)
        }
        try copy.sync()
        return File(name: name, byteCount: byteCount, checksum: checksum)
    }

    /// A file as it lies there, for the list.
    private static func written(_ name: String, on target: any FileSystem) throws -> File {
        let file = try target.open(name)
        let byteCount = try file.byteCount
        return File(name: name, byteCount: byteCount, checksum: try checksum(of: file, byteCount))
    }

    private static func checksum(of file: any ReadableFile, _ expected: File) throws -> UInt32 {
        guard try file.byteCount == expected.byteCount else {
            throw StoreRefusal(
                .invalid,
                "\(expected.name) of the snapshot has \(try file.byteCount) bytes, \(expected.byteCount) were "
                    + "written; nothing was restored: use another snapshot")
        }
        return try checksum(of: file, expected.byteCount)
    }

    private static func checksum(of file: any ReadableFile, _ byteCount: Int) throws -> UInt32 {
        var checksum: UInt32 = 0
        try pieces(of: file, byteCount) { bytes, _ in
            checksum = bytes.withUnsafeBytes { Checksum.crc32c($0, continuing: checksum) }
        }
        return checksum
    }

    private static func pieces(
        of file: any ReadableFile, _ byteCount: Int, _ visit: ([UInt8], _ done: Int) throws -> Void
    ) throws {
        var offset = 0
        while offset < byteCount {
            let bytes = try file.read(at: offset, byteCount: min(pieceByteCount, byteCount - offset))
            offset += bytes.count
            try visit(bytes, offset)
        }
    }

    /// Makes `bytes` the file of that name, by rename; durable when it returns.
    static func replace(
        _ name: String, with bytes: [UInt8], through newName: String, on target: any FileSystem
    ) throws {
        let file = try target.create(newName)
        try file.append(bytes)
        try file.sync()
        try target.rename(newName, to: name)
        try target.syncDirectory("")
    }
}
