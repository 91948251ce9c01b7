// Is every invariant true of this directory? Reads every byte that anybody may ever ask for, the log
// and what is derived from it, and says where something is wrong.
//
//     MANIFEST ──► segments ──► envelopes ──► blocks ──► columns      each checksum, each value decoded
//                     │            │            └──► indexes dense, times as said
//                     └► footer ═══╪══ the same directory as the scan's
//                                  └──► commits without a gap, events that can be folded
//     models   ──► the hash that names them
//
// Shares the segment room's readers with the store, but neither its index nor its recovery: what
// those make of the directory is compared with what was read here.
//
// Invariants:
//  * Nothing is changed. A directory that a server writes may be checked: what moved while it was
//    read is read again before it is called wrong.
//  * A finding names a file and, where one is known, a byte. No findings: every promise holds.

import Assays
import Bytes
import Catalog
import Disk
import EventLog
import JSON
import Records
import Segments

/// What a check found; the counts say how much it looked at, in the log and beside it.
package struct StoreCheck: Sendable {
    /// Something that should not be.
    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        /// Within the data directory.
        package var file: String
        /// From the beginning of the file; nil where no place is known.
        package var byteOffset: Int?
        /// A sentence without its full stop.
        package var problem: String
        /// Whether the file may not be read, which says nothing of its bytes.
        package var isDenied = false
        /// Whether it says that it is of a version that this build does not read.
        package var isOfOtherVersion = false

        package var description: String {
            file + (byteOffset.map { " at byte \($0)" } ?? "") + ": " + problem
        }
    }

    /// In the order in which they were met.
    package internal(set) var findings: [Finding] = []
    /// What to do about the findings; nil where there are none.
    package var remedy: String? {
        guard !findings.isEmpty else { return nil }
        // A backup in place of what is whole would lose what came after it.
        if findings.contains(where: \.isDenied) {
            return
                "let the user that this runs as read the files that cannot be read for want of permission, and "
                + "check again before anything is restored"
        }
        if findings.contains(where: \.isOfOtherVersion) {
            return
                "use the build of assaylog that wrote the files of another version, and check with that one before "
                + "anything is restored; where no other build wrote them, restore them from a backup"
        }
        let derivedPrefix = FileName.derivedDirectory + "/"
        let derived = findings.filter { $0.file.hasPrefix(derivedPrefix) }
        guard !derived.isEmpty else { return Self.restoring }
        let rebuilding =
            "run `assaylog rebuild` with no server on the directory: what lies under \(derivedPrefix) follows from the log"
        return derived.count == findings.count
            ? rebuilding : Self.restoring + "; then, of those under \(derivedPrefix), \(rebuilding)"
    }

    private static let restoring =
        "restore the named files from a backup; what is undamaged stays readable"

    /// What is no fault, but may surprise: a torn tail, a file that nobody names.
    package internal(set) var notes: [String] = []
    package internal(set) var segmentCount = 0
    /// Each is of one commit where it was appended; a rewrite puts those of several into one.
    package internal(set) var envelopeCount = 0
    package internal(set) var blockCount = 0
    package internal(set) var recordCount = 0
    package internal(set) var eventCount = 0
    package internal(set) var keyCount = 0
    /// Results that were sealed though nothing proved them to be what was decided.
    package internal(set) var unprovenResultCount = 0
    package internal(set) var modelCount = 0
    package internal(set) var byteCount = 0

    /// A directory that changes is read again so often before its findings stand.
    private static let attemptCountMax = 3

    /// Checks a data directory.
    ///
    /// - Parameter report: called now and then with the bytes read so far.
    /// - Throws: a refusal where the directory holds no store, or the disk's where it cannot be listed.
    package static func run(
        _ directory: String, report: (_ byteCount: Int) -> Void = { _ in }
    ) throws -> StoreCheck {
        let files = PosixFileSystem(root: directory)
        try StoreView.requireStore(on: files, named: directory, remedy: "give another --data")
        return try run(on: files, report: report)
    }

    package static func run(
        on files: any FileSystem, report: (_ byteCount: Int) -> Void = { _ in }
    ) throws -> StoreCheck {
        var attempt = 1
        while true {
            let before = manifests(on: files)
            var check = StoreCheck()
            var folded = InferenceStore.Folded()
            try check.checkLog("", on: files, into: &folded, report)
            try check.checkLog(FileName.derivedDirectory, on: files, into: &folded, report)
            try check.checkModels(folded.catalog, on: files, report)
            if check.unprovenResultCount > 0 {
                check.notes.append(
                    "\(check.unprovenResultCount) sealed results are marked unproven: they are not what was "
                        + "decided, and the records that could tell why are gone; `assaylog rebuild --verify` "
                        + "names them")
            }
            if check.findings.isEmpty || attempt == attemptCountMax || manifests(on: files) == before {
                return check
            }
            attempt += 1
        }
    }

    private static func manifests(on files: any FileSystem) -> [Manifest?] {
        ["", FileName.derivedDirectory].map { directory in
            var configuration = LogConfiguration()
            configuration.directory = directory
            return (try? Manifest.read(configuration, on: files)) ?? nil
        }
    }

    // MARK: One log

    private mutating func checkLog(
        _ directory: String, on files: any FileSystem, into folded: inout InferenceStore.Folded,
        _ report: (Int) -> Void
    ) throws {
        var configuration = LogConfiguration()
        configuration.directory = directory
        let prefix = directory.isEmpty ? "" : directory + "/"
        guard let manifest = try readManifest(configuration, on: files, prefix) else { return }
        checkOrder(manifest, prefix)
        let names = try files.list(directory)
        let known = Set(manifest.entries.map(\.number))
        for name in names.sorted() {
            guard let number = FileName.segmentNumber(name), !known.contains(number) else { continue }
            notes.append("\(prefix)\(name) is in no manifest; the next opening removes it")
        }
        var scan = LogScan(
            prefix: prefix, folded: folded, mayLackCommits: directory == FileName.derivedDirectory)
        for entry in manifest.entries {
            segmentCount += 1
            do throws(SegmentError) {
                let segment = try SegmentFile(opening: entry.number, in: directory, on: files)
                try checkSegment(segment, entry, &scan, report)
            } catch {
                find(error, in: prefix, FileName.segment(entry.number))
                scan.hasGap = true
            }
        }
        for (address, waiting) in scan.waiting where manifest.entries.last?.state == .sealed {
            // What was let go before it became columns never does; what a leap gave up, and came back, does when
            // the log is sealed next.
            let ranges = waiting.filter {
                !scan.wereLetGo($0, of: address) && !scan.isBeforeLeap($0)
            }
            guard !ranges.isEmpty else { continue }
            find(
                prefix + FileName.segment(manifest.entries.last?.number ?? 0), nil,
                "is sealed, and records "
                    + "\(ranges[0].lowerBound) to \(ranges[0].upperBound) of \(address.partition) "
                    + "in \(address.topic) never became columns")
        }
        checkMissing(scan)
        for (entries, place) in scan.keys { checkKeys(entries, at: place, scan) }
        folded = scan.folded
        try compare(scan, with: configuration, on: files, prefix)
    }

    /// The manifest; nil where there is none to go by.
    private mutating func readManifest(
        _ configuration: LogConfiguration, on files: any FileSystem, _ prefix: String
    ) throws(LogError) -> Manifest? {
        do throws(LogError) {
            let manifest = try Manifest.read(configuration, on: files)
            // What is derived may be missing: it comes back. But segments are there without one in no log.
            let names = (try? files.list(configuration.directory)) ?? []
            if manifest == nil, prefix.isEmpty || names.contains(where: { FileName.segmentNumber($0) != nil })
            {
                find(prefix + FileName.manifest, nil, "is missing")
            }
            return manifest
        } catch {
            guard case .manifest(_, let reason) = error else { throw error }
            find(
                prefix + FileName.manifest, nil, reason,
                isOfOtherVersion: Manifest.otherVersion(configuration, on: files) != nil)
            return nil
        }
    }

    private mutating func checkOrder(_ manifest: Manifest, _ prefix: String) {
        for (position, entry) in manifest.entries.enumerated() {
            if entry.number >= manifest.nextSegmentNumber {
                find(
                    prefix + FileName.manifest, nil,
                    "segment \(entry.number) is not below the next number, \(manifest.nextSegmentNumber)")
            }
            if entry.state == .active && position < manifest.entries.count - 1 {
                find(prefix + FileName.manifest, nil, "segment \(entry.number) is active and not the last")
            }
        }
    }

    /// What the store itself makes of the directory must be what was read here.
    private mutating func compare(
        _ scan: LogScan, with configuration: LogConfiguration, on files: any FileSystem, _ prefix: String
    ) throws {
        // Of a log with damage the two may rightly see different parts; the damage is found already.
        guard !scan.hasGap, findings.isEmpty else { return }
        let (snapshot, _) = try InferenceLog.openForReading(configuration, on: files)
        guard snapshot.cut == scan.lastCommit else {
            if snapshot.cut < scan.lastCommit {
                find(
                    prefix + FileName.manifest, nil,
                    "the log is seen up to commit \(snapshot.cut), and holds \(scan.lastCommit)")
            }
            return
        }
        for (address, next) in scan.nextIndexes {
            let seen = snapshot.index.topics[address.topic]?.nextIndexes[address.partition] ?? 0
            guard seen != next else { continue }
            find(
                prefix + FileName.manifest, nil,
                "\(seen) records of \(address.partition) in \(address.topic) are seen, and \(next) are there")
        }
    }

    // MARK: Models

    private mutating func checkModels(
        _ catalog: Catalog, on files: any FileSystem, _ report: (Int) -> Void
    ) throws {
        var names: Set<String> = []
        do throws(DiskError) { names = Set(try files.list(FileName.modelDirectory)) } catch {
            guard error.kind == .notFound else { throw error }
        }
        for sha256 in Set(catalog.modelVersions.all.map(\.contents.sha256)).subtracting(names).sorted() {
            find(FileName.model(sha256), nil, ModelFileError.absent)
        }
        for name in names.sorted() {
            let path = FileName.model(name)
            guard !FileName.isModelUpload(name) else {
                notes.append("\(path) is an upload that did not end, or goes on")
                continue
            }
            guard FileName.isModel(name) else {
                notes.append("\(path) is none of the store's, which passes over it")
                continue
            }
            modelCount += 1
            do throws(DiskError) {
                let found = try SHA256.hexDigest(of: try files.open(path)) { piece in
                    byteCount += piece.count
                    report(byteCount)
                }
                if found != name { find(path, nil, ModelFileError.otherBytes(found)) }
            } catch { find(path, nil, "cannot be read: \(error.reason)", isDenied: error.kind == .denied) }
        }
    }

    // MARK: Findings

    mutating func find(
        _ file: String, _ byteOffset: Int?, _ problem: String, isDenied: Bool = false,
        isOfOtherVersion: Bool = false
    ) {
        findings.append(
            Finding(
                file: file, byteOffset: byteOffset, problem: problem, isDenied: isDenied,
                isOfOtherVersion: isOfOtherVersion))
    }

    /// A segment's own words, without the advice to do what is being done.
    mutating func find(_ error: SegmentError, in prefix: String, _ file: String) {
        switch error {
        case .disk(let error):
            find(
                prefix + file, nil, "cannot be read: \(error.operation): \(error.reason)",
                isDenied: error.kind == .denied)
        case .checksumMismatch(let place, let expected, let found):
            find(
                prefix + place.file, place.byteOffset,
                "checksum \(String(found, radix: 16)), \(String(expected, radix: 16)) was written")
        case .unsupportedVersion(let place, let found):
            find(
                prefix + place.file, place.byteOffset,
                "is of format version \(found), which this build does not read", isOfOtherVersion: true)
        case .malformed(let place, let reason): find(prefix + place.file, place.byteOffset, reason)
        }
    }
}
