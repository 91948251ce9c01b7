// The two texts that records travel in, and which fields form groups.
//
// Flat and nested rows mean the same: `{"in":{"x":1}}` is `{"in.x":1}`. The groups are those of an
// inference record; every other object is a value and stays one.

/// How rows follow each other in a text.
package enum RecordText: Hashable, Sendable {
    /// pandas-records: one JSON list of row objects.
    case array
    /// NDJSON: one row object a line; blank lines mean nothing.
    case lines
}

/// How a row writes the fields of a group.
package enum RecordForm: Hashable, Sendable {
    /// `"in.x": 1`.
    case flat
    /// `"in": {"x": 1}`.
    case nested
}

/// Which fields belong together, by their names alone.
package enum RecordGroup {
    /// Whether an object under this top-level key is a group of fields: `in`, `out`, `metadata`,
    /// `anomaly`, or `out_` and a model's name (the outputs of shadow models).
    ///
    /// A name with a dot in it is a field of a group already, and groups do not hold groups.
    package static func isGroup(_ name: some StringProtocol) -> Bool {
        switch name {
        case "in", "out", "metadata", "anomaly": true
        default: name.utf8.starts(with: "out_".utf8) && !name.utf8.contains(UInt8(ascii: "."))
        }
    }

    /// The group of a field's name and the rest of it; nil where the field is in no group.
    package static func split(_ name: String) -> (group: Substring, rest: Substring)? {
        guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")), isGroup(name[..<dot]) else {
            return nil
        }
        return (name[..<dot], name[name.utf8.index(after: dot)...])
    }
}
