// Which rows of a block a filter keeps, by the model and the pipeline version that answered them.
//
// Both are the same text in nearly every row of a block, so each distinct text is judged once.
//
// Invariant: whether a row is kept depends on that row alone, not on those beside it.

import Bytes
import JSON
import Records
import Segments

struct RowMask {
    /// Nil where every row is kept.
    private var kept: [Bool]?

    static let modelField = "metadata.last_model"
    static let versionField = "metadata.pipeline_version"

    func keeps(_ row: Int) -> Bool { kept?[row] ?? true }

    init(
        _ filter: RecordFilter, _ reader: BlockReader, _ source: BlockSource, _ bytes: BlockByteSource
    ) throws(SegmentError) {
        guard filter.looksAtRows else { return }
        var fields: [FieldColumn] = []
        for entry in source.head.fields
        where entry.name == RowMask.modelField || entry.name == RowMask.versionField {
            fields.append(try reader.field(entry, source.head, at: source.place, from: bytes))
        }
        judge(filter, fields, rowCount: source.head.rowCount)
    }

    init(_ filter: RecordFilter, _ batch: RecordBatch) {
        guard filter.looksAtRows else { return }
        judge(filter, batch.fields, rowCount: batch.rowCount)
    }

    private mutating func judge(_ filter: RecordFilter, _ fields: [FieldColumn], rowCount: Int) {
        if let wanted = filter.modelName {
            keep(fields.first { $0.name == RowMask.modelField }, rowCount) { text in
                RowMask.modelName(in: text).isExactly(wanted)
            }
        }
        if let wanted = filter.pipelineVersion {
            keep(fields.first { $0.name == RowMask.versionField }, rowCount) { $0.isExactly(wanted) }
        }
    }

    private mutating func keep(_ field: FieldColumn?, _ rowCount: Int, _ isWanted: (String) -> Bool) {
        var verdicts = kept ?? [Bool](repeating: true, count: rowCount)
        var known: [ExactText: Bool] = [:]
        for row in 0..<rowCount where verdicts[row] {
            guard let field, case .value = field.presence.state(row), let text = field.text(row) else {
                verdicts[row] = false
                continue
            }
            if let verdict = known[ExactText(text)] {
                verdicts[row] = verdict
            } else {
                let verdict = isWanted(text)
                known[ExactText(text)] = verdict
                verdicts[row] = verdict
            }
        }
        kept = verdicts
    }

    /// The model's name in the text of `metadata.last_model`: `{"model_name":…,"model_sha":…}`.
    static func modelName(in text: String) -> String? {
        guard let value = try? JSONValue(parsing: text), case .string(let name)? = value["model_name"] else {
            return nil
        }
        return name
    }
}

extension FieldColumn {
    /// The text of a row: a string, or an object as JSON; nil for what is neither. Rows of other kinds beside
    /// it make the column one of JSON, and no difference to this row.
    fileprivate func text(_ row: Int) -> String? {
        switch values {
        case .scalar(let leaf):
            guard case .text(let texts) = leaf.elements else { return nil }
            return texts[row]
        case .json(let texts):
            switch try? JSONValue(parsing: texts[row]) {
            case .string(let text)?: return text
            case .object?: return texts[row]
            default: return nil
            }
        case .none, .fixedList, .list: return nil
        }
    }
}
