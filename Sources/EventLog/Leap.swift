// The note that numbers leapt: what an opening could not see is given up, and nothing that was numbered in it is
// numbered again.
//
//     commits   … 5 ▒▒▒▒▒▒▒ 2^48: the leap  2^48 + 1 …  ▒▒▒▒▒▒▒ 2·2^48: the next leap …     ▒ not seen
//     indexes   … 4 ▒▒▒▒▒▒▒ 2^48 …                      ▒▒▒▒▒▒▒ 2·2^48 …                    of every partition
//     segments  … 3 ▒▒▒▒▒▒▒ 2^32 + 4 …                  ▒▒▒▒▒▒▒ 2·2^32 + 6 …
//
// The high bits of a number say how often numbers had leapt when it was given. What is seen does not say how often
// that was: a lost segment may hold leaps of its own, any number of them where it was made anew of several. So the
// segments' numbers leap too, by less, and the manifest knows them all.
//
// Invariants:
//  * A commit or an index that was acknowledged is never given to another, whether its bytes are seen or not: until
//    somebody says to go on without them there is no new number at all.
//  * When what was unseen comes back, from a backup, it stands where it stood: before the leap, and nothing twice.
//  * A leap gives up what it names and nothing else: what damage hides later, wherever that stood, is another matter.
//  * The manifest counts a leap before the leap is durable: it is at least as many as any segment holds.
//
// Format: EventLog.docc/ManifestFormat.md, "Leaps".

import Disk
import JSON
import Segments

/// Gives up what nobody sees, with its numbers.
package struct Leap: Hashable, Sendable {
    /// From here on no index was given before the leap's commit, in any partition; and no commit.
    package var index: UInt64
    /// What it gives up: files, each from a byte on.
    package private(set) var unseen: [String: Int]

    /// Its event's name.
    package static let eventName = "leap"

    /// How many commits and indexes there are between two leaps: more than a million a second make in eight years,
    /// and few enough that the first 31 leaps stay below 2^53, past which not every client counts by ones.
    static let length: UInt64 = 1 << 48
    /// How many segments: more than there are commits to fill them.
    fileprivate static let segmentCount: UInt64 = 1 << 32
    /// As many leaps there can be: behind each is a whole length of numbers that a reader takes.
    static let countMax = UInt64(SegmentFormat.indexLimit) / length - 1

    package init(index: UInt64, unseen: [SegmentPlace]) {
        self.index = index
        self.unseen = Dictionary(unseen.map { ($0.file, $0.byteOffset) }, uniquingKeysWith: min)
    }

    /// One that is past whatever was given, seen or not.
    ///
    /// - Throws: where no numbers are left, with the place that claims them.
    init(
        over unseen: [SegmentPlace], after manifest: Manifest, _ index: LogIndex,
        _ configuration: LogConfiguration
    ) throws(LogError) {
        guard manifest.leapCount < Leap.countMax else {
            throw .manifest(
                file: configuration.path(FileName.manifest),
                reason:
                    "segments up to number \(manifest.nextSegmentNumber) are claimed at byte 10, and behind them "
                    + "no commit or index is left to be given")
        }
        let seen = max(index.indexEnd, index.cut) / Leap.length
        guard seen < Leap.countMax else { throw index.outOfNumbers(of: nil, configuration) }
        self.init(index: (max(manifest.leapCount, seen) + 1) * Leap.length, unseen: unseen)
    }

    /// Whether it gives up what is not seen from a place on.
    func givesUp(_ place: SegmentPlace) -> Bool { unseen[place.file].map { $0 <= place.byteOffset } ?? false }

    package var event: Event {
        let places = unseen.sorted { $0.key < $1.key }.map { ($0, JSONValue.integer($1)) }
        let document = JSONValue.object(("index", .integer(index)), ("unseen", .object(JSONObject(places))))
        return Event(name: Leap.eventName, document: Array(document.text.utf8))
    }

    /// Nil for an event that is no leap.
    /// - Throws: where it is one, and cannot be read: to pass over it would give numbers away again.
    package init?(_ event: Event) throws(FieldError) {
        guard event.name == Leap.eventName else { return nil }
        let document: JSONValue
        do { document = try JSONValue(parsing: event.document) } catch {
            throw FieldError(field: "", problem: "is no JSON: \(error)")
        }
        let json = JSONField(document)
        let field = json["index"]
        guard let index = UInt64(exactly: try field.integer()), index <= UInt64(SegmentFormat.indexLimit)
        else {
            throw field.refused("is no index")
        }
        var places: [SegmentPlace] = []
        for member in try json["unseen"].object().members {
            places.append(
                SegmentPlace(file: member.key, byteOffset: try JSONField(member.value).integer()))
        }
        self.init(index: index, unseen: places)
    }
}

extension Manifest {
    /// How often numbers leapt in this log, at most.
    var leapCount: UInt64 { nextSegmentNumber / Leap.segmentCount }

    /// What numbers leapt to at most.
    var leapEnd: UInt64 { min(leapCount, Leap.countMax + 1) * Leap.length }

    /// Counts a leap. The low bits go on: by them a segment tells its envelopes from those of its neighbours.
    mutating func count(_ leap: Leap) {
        nextSegmentNumber =
            leap.index / Leap.length * Leap.segmentCount + nextSegmentNumber % Leap.segmentCount
    }
}
