// The note that numbers leapt: what an opening could not see is given up, and nothing that was numbered in it is
// numbered again.
//
//     commits   … 5 ▒▒▒▒▒▒▒ 2048  the leap  2049 …         ▒ what the unseen bytes may have held at most
//     indexes   … 4 ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 8192 …         of every partition
//
// Invariants:
//  * A commit or an index that was acknowledged is never given to another, whether its bytes are seen or not: until
//    somebody says to go on without them there is no new number at all.
//  * When what was unseen comes back, from a backup, it stands where it stood: before the leap, and nothing twice.
//
// Format: EventLog.docc/ManifestFormat.md, "Leaps".

import JSON
import Segments

package struct Leap: Hashable, Sendable {
    /// From here on no index was given before the leap's commit, in any partition.
    package var index: UInt64

    /// Its event's name.
    package static let eventName = "leap"

    package init(index: UInt64) { self.index = index }

    package var event: Event {
        let document = JSONValue.object(("index", .integer(index)))
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
        let field = JSONField(document)["index"]
        guard let index = UInt64(exactly: try field.integer()), index <= UInt64(SegmentFormat.indexLimit)
        else {
            throw field.refused("is no index")
        }
        self.index = index
    }
}

/// Parts of the log that an opening could not see and that nobody has given up yet.
struct UnseenParts: Sendable {
    private(set) var places: [SegmentPlace] = []
    private var byteCount = 0

    /// The fewest bytes that a block, and an envelope, takes.
    private static let blockByteCountMin = 16

    var isEmpty: Bool { places.isEmpty }

    mutating func insert(_ place: SegmentPlace, byteCount: Int) {
        places.append(place)
        self.byteCount += byteCount
    }

    /// The most commits that they may hold.
    var commitCountMax: UInt64 { UInt64(byteCount / UnseenParts.blockByteCountMin + 1) }

    /// The most records that they may hold, of one partition or of all.
    var rowCountMax: UInt64 { commitCountMax * UInt64(SegmentFormat.blockRowCountMax) }
}
