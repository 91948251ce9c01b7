// Fields that an import declares to be float32, held against those that its records have: a misspelled one would be
// declared, and change nothing.
//
// It is no refusal: an import is committed piece by piece, and the records of the last one may have the field.
//
// Invariants:
//  * A field is called missing only where no record that was read has it.
//  * Records are looked at until each field was found: as a rule those of the first piece alone.

import Bytes
import Records
import Wire

struct DeclaredFields {
    private var missing: [String] = []
    /// Fields that the records have, in their order.
    private var known: [String] = []

    /// How many of them are named.
    private static let namedCountMax = 8

    init(_ names: [String]) {
        for name in names where !missing.contains(where: { $0.isExactly(name) }) { missing.append(name) }
    }

    /// Takes note of the fields in a chunk. One that cannot be read is for its sink to refuse.
    mutating func look(at chunk: RecordChunk) {
        guard !missing.isEmpty else { return }
        let parsed =
            try? chunk.kind == .arrow
            ? ArrowReader.read(chunk.text) : RecordParser.parse(chunk.text, as: .lines)
        guard let batch = parsed?.batch, batch.rowCount > 0 else { return }
        missing.removeAll { batch.field(named: $0) != nil }
        for field in batch.fields where known.count <= Self.namedCountMax {
            if !known.contains(where: { $0.isExactly(field.name) }) { known.append(field.name) }
        }
    }

    /// What is said of each field that is missing; nothing where no record was looked at.
    var notes: [String] {
        guard !known.isEmpty else { return [] }
        let more = known.count > Self.namedCountMax ? " and more" : ""
        let names = known.prefix(Self.namedCountMax).joined(separator: ", ") + more
        return missing.map {
            "note: --float32 is \"\($0)\", and no record that was read has a field of that name, so that it changes "
                + "none of them; they have \(names)"
        }
    }
}
