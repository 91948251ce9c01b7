// Fields to the flat metadata of a schema: ArrowSchemaReader backwards.
//
// Invariant: `ArrowSchemaReader.fields` gives back the fields, and pyarrow the types they name.

enum ArrowSchemaWriter {
    /// A Schema table with `metadata` as its own key and value pairs.
    static func schema(_ fields: [ArrowField], metadata: [(key: String, value: String)]) -> ArrowFlatValue {
        var table: [Int: ArrowFlatValue] = [
            1: .tables(fields.map { field($0, isNullable: $0.name != "time") })
        ]
        if !metadata.isEmpty { table[2] = notes(metadata) }
        return .table(table)
    }

    private static func field(_ field: ArrowField, isNullable: Bool) -> ArrowFlatValue {
        let (kind, type) = type(field.type)
        var table: [Int: ArrowFlatValue] = [
            0: .text(field.name), 1: .byte(isNullable ? 1 : 0), 2: .byte(kind), 3: .table(type),
            5: .tables(field.children.map { self.field($0, isNullable: true) }),
        ]
        if field.isJSON { table[6] = notes([(ArrowJSONNote.key, ArrowJSONNote.value)]) }
        if let encoding = field.dictionary {
            table[4] = .table([0: .long(encoding.id), 1: .table(Self.type(encoding.indexType).1)])
        }
        return .table(table)
    }

    private static func notes(_ notes: [(key: String, value: String)]) -> ArrowFlatValue {
        .tables(notes.map { .table([0: .text($0.key), 1: .text($0.value)]) })
    }

    /// The number of a type and its table.
    private static func type(_ type: ArrowType) -> (UInt8, [Int: ArrowFlatValue]) {
        switch type {
        case .null: (1, [:])
        case .integer(let bitWidth, let isSigned):
            (2, [0: .int(Int32(bitWidth)), 1: .byte(isSigned ? 1 : 0)])
        case .float(let bitWidth): (3, [0: .short(bitWidth == 64 ? 2 : bitWidth == 32 ? 1 : 0)])
        case .text(let isLarge): (isLarge ? 20 : 5, [:])
        case .bool: (6, [:])
        case .timestamp(let unit): (10, [0: .short(unit.rawValue)])
        // A date in days, or a duration.
        case .temporal(let bitWidth): bitWidth == 32 ? (8, [0: .short(0)]) : (18, [0: .short(3)])
        case .list(let isLarge): (isLarge ? 21 : 12, [:])
        case .structure: (13, [:])
        case .fixedSizeList(let count): (16, [0: .int(Int32(count))])
        }
    }
}
