// The list of a snapshot's files: what makes it one, and what restoring goes by.
//
//     assaylog snapshot 1
//     cut 4711
//     file 1048576 5c3a21f0 segment-…          bytes, CRC-32C, name
//     file 312 90ab12cd MANIFEST
//     end 77de01aa                             CRC-32C of all lines before
//
// Invariants:
//  * A list that is read names a manifest, and only files that a store has: none leads out of its directory.
//  * A list that is cut, or of which a byte is another, is refused.

import Bytes
import Disk
import EventLog
import Records

extension StoreSnapshot {
    private static let firstLineStart = "assaylog snapshot "
    /// Version 2 holds results beside the log, which a build that knows version 1 alone would not restore.
    private static let (versionWithoutResults, versionWithResults) = ("1", "2")
    /// A list above this is none of ours.
    private static let listByteCountMax = 1 << 28

    /// Makes the list, which makes a snapshot of the directory; durable when it returns.
    static func writeList(_ result: Report, on target: any FileSystem) throws {
        try replace(FileName.snapshotList, with: list(result), through: FileName.newSnapshotList, on: target)
    }

    /// One line a file, and a last one that vouches for the others.
    private static func list(_ result: Report) -> [UInt8] {
        let hasResults = result.files.contains { FileName.isPath($0.name, in: FileName.derivedDirectory) }
        let version = hasResults ? versionWithResults : versionWithoutResults
        var text = "\(firstLineStart)\(version)\ncut \(result.cut)\n"
        for file in result.files {
            text += "file \(file.byteCount) \(String(file.checksum, radix: 16)) \(file.name)\n"
        }
        return Array((text + "end \(String(Checksum.crc32c(Array(text.utf8)), radix: 16))\n").utf8)
    }

    /// What a snapshot says that it holds.
    ///
    /// - Throws: a refusal where there is no whole list, or one that names what no store has.
    static func readList(on source: any FileSystem) throws -> Report {
        func refused(_ problem: String) -> StoreRefusal {
            StoreRefusal(
                .invalid, "\(FileName.snapshotList) of the snapshot \(problem); use another snapshot")
        }
        let bytes: [UInt8]
        do {
            let file = try source.open(FileName.snapshotList)
            let byteCount = try file.byteCount
            guard byteCount <= listByteCountMax else { throw refused("is too long to be one") }
            bytes = try file.read(at: 0, byteCount: byteCount)
        } catch let error as DiskError where error.kind == .notFound {
            throw StoreRefusal(
                .unknown,
                "there is no whole snapshot: \(FileName.snapshotList), which is written last, is not there; give another --from, or, "
                    + "where it was opened for writing since, take a new snapshot of it"
            )
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, first.hasPrefix(firstLineStart) else {
            throw refused("is none of ours")
        }
        let version = first.dropFirst(firstLineStart.count)
        guard version == versionWithoutResults || version == versionWithResults else {
            throw refused("is of version \(version); this build reads versions 1 and 2")
        }
        guard lines.count >= 4, lines.last == "", lines[lines.count - 2].hasPrefix("end ") else {
            throw refused("is cut")
        }
        let content = lines.dropLast(2).joined(separator: "\n") + "\n"
        guard UInt32(lines[lines.count - 2].dropFirst(4), radix: 16) == Checksum.crc32c(Array(content.utf8))
        else {
            throw refused("is damaged: its checksum does not match")
        }
        var result = Report()
        for line in lines[1..<(lines.count - 2)] {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if words.count == 2, words[0] == "cut", let cut = CommitNumber(words[1]) {
                result.cut = cut
            } else if words.count == 4, words[0] == "file", let byteCount = Int(words[1]), byteCount >= 0,
                let checksum = UInt32(words[2], radix: 16), isOurs(words[3])
            {
                result.files.append(File(name: words[3], byteCount: byteCount, checksum: checksum))
            } else {
                throw refused("has a line that says nothing: \"\(line.prefix(80))\"")
            }
        }
        guard let manifest = result.files.first(where: { $0.name == FileName.manifest }) else {
            throw refused("names no \(FileName.manifest)")
        }
        guard manifest.byteCount <= Manifest.byteCountMax else {
            throw refused("names a \(FileName.manifest) of \(manifest.byteCount) bytes, which is none")
        }
        return result
    }

    /// Whether a store has files of this name: a list that names another is not followed out of its directory.
    static func isOurs(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: return FileName.isLogFile(name)
        case 2 where parts[0] == FileName.derivedDirectory: return FileName.isLogFile(parts[1])
        case 2 where parts[0] == FileName.modelDirectory: return FileName.isModel(parts[1])
        default: return false
        }
    }
}
