// Fields that an append declares to be float32, held against those that its records have: a misspelled one would be
// declared, and change nothing.
//
// It is no refusal: an import is committed piece by piece, and the records of the last one may have the field.
//
// Invariants:
//  * A field is called missing only where no record that was looked at has it.
//  * Nothing is said where no record was looked at.

import Bytes

/// Declared fields that no record was found to have yet.
package struct DeclaredFields: Sendable {
    private var missing: [String] = []
    /// Fields that the records have, in their order.
    private var known: [String] = []

    /// How many of them are named.
    private static let namedCountMax = 8

    package init(_ names: [String]) {
        for name in names where !missing.contains(where: { $0.isExactly(name) }) { missing.append(name) }
    }

    /// Whether each was found: then nothing more needs to be looked at.
    package var isEmpty: Bool { missing.isEmpty }

    /// Takes note of the fields that records have.
    package mutating func look(at batch: RecordBatch) {
        guard !missing.isEmpty, batch.rowCount > 0 else { return }
        missing.removeAll { batch.field(named: $0) != nil }
        for field in batch.fields where known.count <= Self.namedCountMax {
            if !known.contains(where: { $0.isExactly(field.name) }) { known.append(field.name) }
        }
    }

    /// What is wrong with each field that is missing, after its name.
    package var problems: [(field: String, problem: String)] {
        guard !known.isEmpty else { return [] }
        let more = known.count > Self.namedCountMax ? " and more" : ""
        let names = known.prefix(Self.namedCountMax).joined(separator: ", ") + more
        return missing.map {
            (
                $0,
                "no record that was read has a field of that name, so that it changes none of them; they have "
                    + names
            )
        }
    }
}
