// Every file name the store makes, built and parsed here only.
//
//     MANIFEST                  which segments are the log (EventLog.docc/ManifestFormat.md)
//     MANIFEST.new              its successor, until renamed
//     LOCK                      held by the one writer
//     RESERVE                   room for what frees room on a full disk (EventLog: LogReserve.swift); holds nothing
//     segment-00000000000000a7  a segment (Segments.docc/SegmentFormat.md); its number in hex
//     derived/…                 the same again for results derived from the log; may be deleted where no other
//                               engine version made any
//     derived/FOLD              what was decided, as of a commit (Store: FoldCheckpoint.swift)
//     derived/FOLD.new          its successor, until renamed
//     models/<sha256>           uploaded models
//     models/upload-<uuid>      one that is being received and checked
//     SNAPSHOT                  what a snapshot holds, and that it is one (Store: StoreSnapshot+List.swift)
//     SNAPSHOT.new              the same, until renamed
//
// Segment numbers only grow and no name is used twice, so that a sealed segment could live in an
// object store under its name.

package enum FileName {
    package static let manifest = "MANIFEST"
    package static let newManifest = "MANIFEST.new"
    package static let lock = "LOCK"
    package static let reserve = "RESERVE"
    package static let derivedDirectory = "derived"
    package static let foldCheckpoint = "derived/FOLD"
    package static let newFoldCheckpoint = "derived/FOLD.new"
    package static let modelDirectory = "models"
    package static let snapshotList = "SNAPSHOT"
    package static let newSnapshotList = "SNAPSHOT.new"

    /// A file's name from the store's own directory on, given that in `directory`, which is empty for that one.
    package static func path(_ name: String, in directory: String) -> String {
        directory.isEmpty ? name : directory + "/" + name
    }

    /// Whether a name from the store's own directory on is of a file in `directory`.
    package static func isPath(_ path: String, in directory: String) -> Bool {
        path.hasPrefix(directory + "/")
    }

    // MARK: Segments

    /// `segment-` and sixteen hexadecimal digits, so that names stand in the order of their numbers.
    package static func segment(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return "segment-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Beyond the number of any segment, and the next one can be counted.
    package static let segmentNumberMax: UInt64 = 1 << 62

    /// The number in a segment's name; nil for any other name.
    package static func segmentNumber(_ name: String) -> UInt64? {
        guard name.hasPrefix("segment-") else { return nil }
        let digits = name.dropFirst("segment-".count)
        guard digits.count == 16, let number = UInt64(digits, radix: 16), number <= segmentNumberMax,
            segment(number) == name
        else { return nil }
        return number
    }

    /// Whether a name in a log's directory is of what the log consists of.
    package static func isLogFile(_ name: String) -> Bool { name == manifest || segmentNumber(name) != nil }

    // MARK: Models

    /// The path of a model, or of another file in its directory.
    package static func model(_ name: String) -> String { path(name, in: modelDirectory) }

    /// The path of a model that is being received.
    package static func modelUpload(_ uuid: String) -> String { model(uploadPrefix + uuid) }

    /// Whether a name in the models' directory is a model's: 64 hexadecimal digits in lower case.
    package static func isModel(_ name: String) -> Bool {
        name.utf8.count == 64
            && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Whether it is that of a model that is being received, or was and did not end.
    package static func isModelUpload(_ name: String) -> Bool { name.hasPrefix(uploadPrefix) }

    private static let uploadPrefix = "upload-"
}
