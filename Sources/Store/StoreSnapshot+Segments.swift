// What a snapshot copies: the files of uploaded models, and the segments of one manifest, held open before any is
// copied, so that none is lost to a rewrite meanwhile.
//
//     manifest ──► each opened ──► manifest still the same? ──► not opened: given up by the log? ──► copied without
//        ▲                              │ no                                │ no
//        └──────────────────────────────┘                                   └──► refused: it is to be put back, or
//                                                                                given up, before there is a backup
//
// Invariants:
//  * A file that the log went on without (Leap.swift) and that is gone, or whose header is damaged, is no reason to
//    have no backup. The copy's manifest names it, where it stood: there, too, the leap says that it was given up,
//    and from another backup it can be put back.
//  * A file that nobody has given up is: a copy without it would be one of a log that takes nothing.
//  * What the disk or this build refuses to read is never taken for given up.

import Bytes
import Catalog
import Disk
import EventLog
import JSON
import Segments

extension StoreSnapshot {
    /// How often a log that moves is looked at anew, each time rewritten meanwhile.
    private static let attemptCountMax = 20

    /// A manifest and its segments, all opened while it named them; nil for those that the log went on without.
    typealias OpenedSegments = (manifest: Manifest, segments: [SegmentFile?], absences: [String])

    /// - Returns: also what is not there, as sentences.
    static func openSegments(of source: any FileSystem) throws -> OpenedSegments {
        for _ in 0..<attemptCountMax {
            guard let manifest = try Manifest.read(LogConfiguration(), on: source) else { break }
            var segments: [SegmentFile?] = []
            var errors: [(name: String, error: SegmentError)] = []
            var refusal: SegmentError?
            for entry in manifest.entries {
                do throws(SegmentError) {
                    let segment = try SegmentFile(opening: entry.number, in: "", on: source)
                    try segment.checkHeader()
                    segments.append(segment)
                } catch {
                    if error.isRefusal { refusal = refusal ?? error }
                    errors.append((FileName.segment(entry.number), error))
                    segments.append(nil)
                }
            }
            // One that was just replaced is not there; one that is damaged stays so.
            guard try Manifest.read(LogConfiguration(), on: source) == manifest else { continue }
            if let refusal { throw refusal }
            try refuseUnlessGivenUp(errors, source)
            let absences = errors.map {
                "\($0.name) is not copied, as the log went on without it: \($0.error)"
            }
            return (manifest, segments, absences)
        }
        throw StoreRefusal(
            .unavailable, "the log's segments are being rewritten faster than they can be opened; try again")
    }

    /// Refuses what is not seen of the log and was not given up.
    private static func refuseUnlessGivenUp(
        _ errors: [(name: String, error: SegmentError)], _ source: any FileSystem
    ) throws {
        if errors.isEmpty { return }
        let log = try InferenceLog.openForReading(LogConfiguration(), on: source, isAlone: true).snapshot
        let unseen = Set(log.index.unseen.map(\.file))
        if let missing = errors.first(where: { unseen.contains($0.name) }) { throw missing.error }
    }

    // MARK: Models

    /// The files of models; none where there is no directory of them.
    static func modelNames(of source: any FileSystem) throws -> [String] {
        do throws(DiskError) {
            return try source.list(FileName.modelDirectory).filter(FileName.isModel).sorted()
        } catch {
            guard error.kind == .notFound else { throw error }
            return []
        }
    }

    /// The models of a copy that hold other bytes than their names say, as sentences.
    static func damagedModels(among files: [File], on copy: any FileSystem) throws(DiskError) -> [String] {
        var damages: [String] = []
        for file in files where FileName.isPath(file.name, in: FileName.modelDirectory) {
            let found = try SHA256.hexDigest(of: try copy.open(file.name))
            guard file.name != FileName.model(found) else { continue }
            damages.append("\(file.name) \(ModelFileError.otherBytes(found))")
        }
        return damages
    }

    /// The models that the catalogue of a copied log has, and its files have not, as sentences.
    static func absentModels(among files: [File], on copy: any FileSystem) throws -> [String] {
        let names = Set(files.map(\.name))
        let log = try InferenceLog.openForReading(on: copy, isAlone: true).snapshot
        var absent: Set<String> = []
        do {
            try log.forEachEvent(named: [InferenceStore.EventName.catalog]) { _, _, event in
                // An event of another build's is for that to tell of.
                guard let json = try? JSONValue(parsing: event.document),
                    case .modelVersionAdded(let version)? = try? CatalogEvent(JSONField(json))
                else { return }
                let name = FileName.model(version.contents.sha256)
                if !names.contains(name) { absent.insert(name) }
            }
        } catch let error as SegmentError where !error.isRefusal {
            // Damage to the log is said for itself; the catalogue is seen up to there.
        }
        return absent.sorted().map { "\($0) \(ModelFileError.absent)" }
    }
}
