// Records as a person would write them down: the plain array that the log is compared with.
//
// Invariant: two records have one text exactly when they are the same record, digit for digit,
// however their columns were shaped, cut or joined.

import Records
import Simulation

/// A field's value in one record.
package enum ModelValue: Hashable, Sendable {
    case null
    case float64(Double)
    case float32(Float)
    case int64(Int64)
    case bool(Bool)
    case text(String)
    /// A number posted in a text of its own, as 1.50.
    case kept(Double, String)
    /// Numbers, or null.
    case list([ModelValue])
    case json(String)

    /// What stands for it in a record's text; a NaN with its bits, for those must come back too.
    package var text: String {
        switch self {
        case .null: "null"
        case .float64(let value): value.isNaN ? "nan \(value.bitPattern)" : "\(value)"
        case .float32(let value): value.isNaN ? "nan \(value.bitPattern)" : "\(value)"
        case .int64(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .text(let value): "\"\(value)\""
        case .kept(_, let text): text
        case .list(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .json(let text): text
        }
    }

    /// As a query answers it: NaN where there is no number at `element`.
    package func number(element: Int?) -> Double {
        switch self {
        case .float64(let value), .kept(let value, _): element ?? 0 == 0 ? value : .nan
        case .float32(let value): element ?? 0 == 0 ? Double(value) : .nan
        case .int64(let value): element ?? 0 == 0 ? Double(value) : .nan
        case .list(let values):
            if let element, element < values.count { values[element].number(element: nil) } else { .nan }
        case .null, .bool, .text, .json: .nan
        }
    }
}

/// A record as one row: its time and its fields by name.
package struct ModelRecord: Hashable, Sendable {
    /// Milliseconds since 1970 UTC.
    package var time: Int64
    /// Absent fields are not here.
    package var fields: [String: ModelValue]

    package init(time: Int64, fields: [String: ModelValue]) {
        self.time = time
        self.fields = fields
    }

    /// One line, its fields ascending by name: equal for equal records only.
    package var text: String {
        "\(time) " + fields.sorted { $0.key < $1.key }.map { "\($0)=\($1.text)" }.joined(separator: " ")
    }
}

extension RecordBatch {
    /// Columns of records. All values of one field are of one case, or null.
    package init(_ records: [ModelRecord]) {
        var names: [String] = []
        for record in records {
            for name in record.fields.keys.sorted() where !names.contains(name) { names.append(name) }
        }
        self.init(
            times: records.map(\.time),
            fields: names.map { name in FieldColumn(named: name, records.map { $0.fields[name] }) })
    }

    /// What `ModelRecord.text` says of the record, row by row.
    package var recordTexts: [String] {
        var texts = times.map { "\($0) " }
        var parts = [[String]](repeating: [], count: rowCount)
        for field in fields.sorted(by: { $0.name < $1.name }) {
            for (row, value) in field.valueTexts(rowCount: rowCount).enumerated() {
                if let value { parts[row].append("\(field.name)=\(value)") }
            }
        }
        for row in texts.indices { texts[row] += parts[row].joined(separator: " ") }
        return texts
    }
}

extension FieldColumn {
    fileprivate init(named name: String, _ values: [ModelValue?]) {
        let presence = Presence(states: values.map { $0 == nil ? .absent : $0 == .null ? .null : .value })
        let present = values.compactMap { $0 }.filter { $0 != .null }
        guard let first = present.first else {
            self.init(name: name, presence: presence, values: .none)
            return
        }
        switch first {
        case .json:
            let texts = values.map { value in if case .json(let text)? = value { text } else { "" } }
            self.init(name: name, presence: presence, values: .json(TextColumn(texts)))
        case .list(let elements):
            let lists = values.map { value -> [ModelValue]? in
                if case .list(let elements)? = value { elements } else { nil }
            }
            if lists.allSatisfy({ $0.map { $0.count == elements.count } ?? true }) {
                let leaves = elements.indices.map { position in
                    Leaf(modelValues: lists.map { $0?[position] })
                }
                self.init(name: name, presence: presence, values: .fixedList(leaves))
            } else {
                self.init(
                    name: name, presence: presence,
                    values: .list(
                        lengths: lists.map { Int32($0?.count ?? 0) },
                        Leaf(modelValues: lists.flatMap { $0 ?? [] })))
            }
        default:
            self.init(
                name: name, presence: presence,
                values: .scalar(Leaf(modelValues: values.map { $0 == .null ? nil : $0 })))
        }
    }

    fileprivate func valueTexts(rowCount: Int) -> [String?] {
        var starts: [Int] = [0]
        if case .list(let lengths, _) = values {
            for length in lengths { starts.append(starts[starts.count - 1] + Int(length)) }
        }
        return (0..<rowCount).map { row in
            switch presence.state(row) {
            case .absent: return nil
            case .null: return "null"
            case .value: break
            }
            switch values {
            case .none: return "none"
            case .scalar(let leaf): return leaf.text(row)
            case .fixedList(let leaves):
                return "[" + leaves.map { $0.text(row) }.joined(separator: ",") + "]"
            case .list(_, let leaf):
                return "[" + (starts[row]..<starts[row + 1]).map { leaf.text($0) }.joined(separator: ",")
                    + "]"
            case .json(let texts): return texts[row]
            }
        }
    }
}

extension Leaf {
    /// Elements of the one case that `values` are of; nil (no row value) is a zero, null is noted.
    fileprivate init(modelValues values: [ModelValue?]) {
        var nulls: [Int32] = []
        var kept: [NumberText] = []
        for (position, value) in values.enumerated() {
            if case .null? = value { nulls.append(Int32(position)) }
            if case .kept(_, let text)? = value {
                kept.append(NumberText(position: Int32(position), text: text))
            }
        }
        let elements: Elements
        switch values.first(where: { $0 != nil && $0 != .null }) ?? nil {
        case .float32?:
            elements = .float32(values.map { if case .float32(let value)? = $0 { value } else { 0 } })
        case .int64?:
            elements = .int64(values.map { if case .int64(let value)? = $0 { value } else { 0 } })
        case .bool?:
            elements = .bool(values.map { if case .bool(let value)? = $0 { value } else { false } })
        case .text?:
            elements = .text(TextColumn(values.map { if case .text(let value)? = $0 { value } else { "" } }))
        default:
            elements = .float64(
                values.map {
                    switch $0 {
                    case .float64(let value)?, .kept(let value, _)?: value
                    default: 0
                    }
                })
        }
        self.init(elements, nulls: nulls, texts: kept)
    }

    fileprivate func text(_ position: Int) -> String {
        if nulls.contains(Int32(position)) { return "null" }
        if let kept = texts.first(where: { $0.position == Int32(position) }) { return kept.text }
        switch elements {
        case .float64(let values):
            let text = ModelValue.float64(values[position]).text
            return wholeNumbersAreBare && text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        case .float32(let values): return ModelValue.float32(values[position]).text
        case .int64(let values): return "\(values[position])"
        case .bool(let values): return "\(values[position])"
        case .text(let values): return "\"\(values[position])\""
        }
    }
}

extension SeededGenerator {
    /// Records of a pipeline that answers with one list and a score, at about `time`.
    package mutating func records(count: Int, near time: Int64) -> [ModelRecord] {
        let isRagged = Int.random(in: 0..<4, using: &self) == 0
        let model = "model-\(Int.random(in: 0..<2, using: &self))"
        return (0..<count).map { row in
            var fields: [String: ModelValue] = [:]
            let length = isRagged ? Int.random(in: 0...4, using: &self) : 3
            fields["in.tensor"] = .list(
                (0..<length).map { _ in .float32(Float(Int.random(in: 0...999, using: &self)) / 8) })
            fields["out.score"] =
                Int.random(in: 0..<9, using: &self) == 0
                ? .null
                : Int.random(in: 0..<9, using: &self) == 0
                    ? .kept(1.5, "1.50") : .float64(Double(Int.random(in: 0...9999, using: &self)) / 100)
            if Int.random(in: 0..<5, using: &self) > 0 {
                fields["out.class"] = .int64(Int64.random(in: -3...3, using: &self))
            }
            if Int.random(in: 0..<7, using: &self) == 0 {
                fields["in.extra"] = .json(#"{"k":[\#(row),"x"]}"#)
            }
            fields["metadata.last_model"] = .text(#"{"model_name":"\#(model)"}"#)
            fields["metadata.pipeline_version"] = .text("v\(Int.random(in: 0...1, using: &self))")
            return ModelRecord(time: time + Int64.random(in: -40...60, using: &self), fields: fields)
        }
    }
}
