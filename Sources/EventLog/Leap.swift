// The note that numbers leapt: what an opening could not see is given up, and nothing that was numbered in it is
// numbered again.
//
//     commits   … 5 ▒▒▒▒▒▒▒ 5 + 2^48  the leap  6 + 2^48 …     ▒ more than a log gives in years
//     indexes   … 4 ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ 4 + 2^48 …     of every partition
//
// How many bytes are not seen says nothing of the numbers in them: a segment that was made anew holds what is left
// of any number of commits and records.
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

    /// By how much commits and indexes leap: more than a million a second make in eight years, and few enough that
    /// some dozens of leaps stay below 2^53, past which not every client counts by ones.
    static let length: UInt64 = 1 << 48

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
