// A log made anew beside the one that is there, whose place it takes whole or not at all: for one that is
// derived from another.
//
//     MANIFEST ──► segments 3, 4                            3, 4                     3 and 4 removed
//                  5, 6: synced, named by nothing  ──►      MANIFEST ──► 5, 6  ──►
//
// Invariants:
//  * At every moment the directory opens as the log it was or as its successor, each whole. What was being made
//    when it ended is named by no manifest, and goes with the next opening that writes, or the next succession.
//  * No segment of the old log goes before the manifest that names the successor's alone is durable. Where that
//    is not known, neither log's segments go.
//  * A manifest that cannot be read stays until the successor's takes its place: the old log is then what the
//    segments in the directory hold, in the order of their numbers.
//  * Nobody else writes meanwhile: the lock is held. Who reads the old log goes on reading it.
//
// Both are on the disk for a while. To make room first would be to lose what cannot be made again.

import Disk
import Segments

/// A log that is being made, and what it is to succeed.
package final class LogSuccessor {
    /// The log that is there, as of its last commit.
    package let old: LogSnapshot
    /// Parts of it that cannot be seen.
    package let damages: [String]
    private let writer: LogWriter

    fileprivate init(old: LogSnapshot, damages: [String], writer: LogWriter) {
        self.old = old
        self.damages = damages
        self.writer = writer
    }

    /// Appends these as one commit, in memory and on the disk; it counts when the successor takes its place.
    package func append(_ items: [AppendItem]) throws(LogError) { _ = try writer.commit(items) }
}

extension InferenceLog {
    /// Replaces the log in the configuration's directory by what `make` appends. Durable when it returns; where it
    /// throws, the log is what it was, or what was made where the disk failed in the last step.
    ///
    /// - Throws: `.disk` with `.locked` where another process writes it, and where the disk refuses to show the
    ///   old log; what `make` throws.
    package static func succeed<Value>(
        _ configuration: LogConfiguration, on files: any FileSystem,
        _ make: (LogSuccessor) throws -> Value
    ) throws -> Value {
        try files.createDirectory("")
        if !configuration.directory.isEmpty { try files.createDirectory(configuration.directory) }
        let lock = try files.lock(configuration.path(FileName.lock))
        var names = try SegmentNames(configuration, on: files)
        var manifest = try names.manifest(configuration, on: files)
        let listed = manifest
        if let manifest { try names.remove(otherThan: manifest, configuration, on: files) }
        if manifest == nil, names.numbers.isEmpty {
            // As with any log that begins: no segment is ever without one.
            manifest = Manifest()
            try manifest!.replace(configuration, on: files)
        }
        var recovery = Recovery(files: files, configuration: configuration, isWriter: false, isAlone: true)
        _ = try recovery.run(manifest ?? names.salvaged)
        let old = LogSnapshot(
            index: recovery.index,
            files: SegmentFiles(files: files, directory: configuration.directory, opened: recovery.opened))
        let begun = Manifest(nextSegmentNumber: names.nextNumber(after: listed))
        let writer = LogWriter(
            files: files, configuration: configuration,
            shared: SharedIndex(
                LogIndex(), SegmentFiles(files: files, directory: configuration.directory)),
            keys: KeyMemory(configuration), opened: Recovery.Outcome(manifest: begun),
            reserve: LogReserve(configuration, on: files), lock: lock, isListed: false)
        defer { writer.end() }
        let value: Value
        var isTakingPlace = false
        do {
            value = try make(LogSuccessor(old: old, damages: recovery.report.damages, writer: writer))
            try writer.sealActive()
            try files.syncDirectory(configuration.directory)
            isTakingPlace = true
            try writer.listSegments()
        } catch {
            // The disk may be full: what was begun goes at once, unless it may have taken the old log's place.
            for number in begun.nextSegmentNumber..<writer.manifest.nextSegmentNumber {
                if isTakingPlace {
                    writer.removeUnnamed(number)
                } else {
                    try? files.remove(configuration.path(FileName.segment(number)))
                }
            }
            throw error
        }
        // What stays behind is a stray for the next opening.
        do throws(DiskError) {
            for number in names.numbers { try files.remove(configuration.path(FileName.segment(number))) }
            try files.syncDirectory(configuration.directory)
        } catch {}
        return value
    }
}

/// The segments that lie in a directory, named by its manifest or not.
private struct SegmentNames {
    private(set) var numbers: [UInt64]
    /// Where names begin that nothing ever had.
    private let end: UInt64

    init(_ configuration: LogConfiguration, on files: any FileSystem) throws(DiskError) {
        numbers = try files.list(configuration.directory).compactMap(FileName.segmentNumber).sorted()
        end = (numbers.last ?? 0) + 1
    }

    /// Nil where there is none, or where it cannot be read.
    func manifest(_ configuration: LogConfiguration, on files: any FileSystem) throws(LogError) -> Manifest? {
        do throws(LogError) { return try Manifest.read(configuration, on: files) } catch {
            guard case .manifest = error else { throw error }
            return nil
        }
    }

    func nextNumber(after manifest: Manifest?) -> UInt64 { max(end, manifest?.nextSegmentNumber ?? 1) }

    /// What a manifest said that nobody can read: each segment as far as it goes.
    var salvaged: Manifest {
        Manifest(
            nextSegmentNumber: end,
            entries: numbers.map { Manifest.Entry(number: $0, state: .active, byteCount: 0) })
    }

    /// Removes what an interruption left.
    mutating func remove(
        otherThan manifest: Manifest, _ configuration: LogConfiguration, on files: any FileSystem
    ) throws(DiskError) {
        let known = Set(manifest.entries.map(\.number))
        for number in numbers where !known.contains(number) {
            try files.remove(configuration.path(FileName.segment(number)))
        }
        numbers.removeAll { !known.contains($0) }
    }
}
