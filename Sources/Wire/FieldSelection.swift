// Which fields of a record an answer shows: the `dataset` and `dataset.exclude` lists of a request.
//
// Invariants:
//  * "*" names every field, a group names all of its fields, a dotted name the field itself.
//  * What is excluded is not shown, whatever includes it.
//  * The time is a field like the others: "*" or "time" shows it.

import Bytes

package struct FieldSelection: Hashable, Sendable {
    package var included: [String]
    package var excluded: [String]

    /// No `included` names mean every field.
    package init(included: [String] = ["*"], excluded: [String] = []) {
        self.included = included.isEmpty ? ["*"] : included
        self.excluded = excluded
    }

    package static let all = FieldSelection()

    /// Whether an answer has the field of this dotted name, or `time`.
    package func shows(_ field: String) -> Bool {
        included.contains { Self.names($0, field) } && !excluded.contains { Self.names($0, field) }
    }

    private static func names(_ name: String, _ field: String) -> Bool {
        if name == "*" || name.isExactly(field) { return true }
        // Compared as bytes: the group is all that stands before the dot.
        return field.utf8.starts(with: name.utf8)
            && field.utf8.dropFirst(name.utf8.count).first == UInt8(ascii: ".")
    }
}
