// Which paths the records of a scan have numbers at.
//
// A block's head tells which columns of numbers it has. Whether a row that counts has a number there is
// asked of the column, as a rule of the first block's alone: a path that was found is not looked for again.
//
// Invariants:
//  * What is listed depends on the records alone, and not on which of them share a block.
//  * Elements of a list of more than `RecordLimits.shreddedElementCountMax` are not listed.

import Bytes
import EventLog
import Records
import Segments

extension SharedColumnScan {
    /// Every path at which a record that was looked at has a number, in the order of paths, with the damaged
    /// parts that may hide more. A column of numbers that cannot be read is listed.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package func paths() throws(CancellationError) -> (paths: [IOPath], unseen: [UnseenPart]) {
        var search = PathSearch()
        for part in parts {
            if Task.isCancelled { throw CancellationError() }
            switch part.source {
            case .block(let source): search.look(at: part, source)
            case .tail(let run): search.look(at: part, run.batch)
            }
        }
        return (search.found.sorted(), search.unseen)
    }
}

private struct PathSearch {
    private(set) var found: [IOPath] = []
    private(set) var unseen: [UnseenPart] = []
    /// For each field whether it was found: first the field itself, then its elements.
    private var settled: [ExactText: [Bool]] = [:]
    private let reader = BlockReader()
    private let ahead = ReadAhead()

    /// Looks for a field's paths that are not settled.
    private mutating func look(
        for elements: some Sequence<Int?>, of field: String, isThere: (IOPath) -> Bool
    ) {
        guard field.hasExactPrefix("in.") || field.hasExactPrefix("out.") else { return }
        var flags = settled.removeValue(forKey: ExactText(field)) ?? []
        for element in elements {
            let place = element.map { $0 + 1 } ?? 0
            if place >= flags.count {
                flags += [Bool](repeating: false, count: place + 1 - flags.count)
            } else if flags[place] {
                continue
            }
            // A field that a record has is one that a path can name.
            guard let path = try? IOPath(recordField: field, element: element), isThere(path) else {
                continue
            }
            flags[place] = true
            found.append(path)
        }
        settled[ExactText(field)] = flags
    }

    mutating func look(at part: SharedColumnScan.Part, _ source: BlockSource) {
        let (reader, ahead) = (reader, ahead)
        func isThere(_ path: IOPath) -> Bool { part.hasNumber(at: path, reader, ahead) }
        for entry in source.head.fields {
            switch entry.layout {
            case .none: break
            case .scalar(let leaf):
                if leaf.type.isNumber { look(for: [nil], of: entry.name, isThere: isThere) }
            case .fixedList(let leaves):
                look(
                    for: leaves.indices.lazy.filter { leaves[$0].type.isNumber }.map(Optional.some),
                    of: entry.name, isThere: isThere)
            case .list, .json:
                do throws(SegmentError) {
                    var counted = QueryStatistics()
                    let field = try reader.field(entry, source.head, at: source.place) {
                        (offset, byteCount) throws(SegmentError) in
                        try source.bytes(&counted, at: offset, byteCount, ahead: ahead)
                    }
                    look(
                        for: LeafNumbers.elements(of: field, rows: part.rows, rowCount: part.rowCount),
                        of: entry.name
                    ) { _ in true }
                } catch {
                    unseen.append(source.entry.unseen(error))
                }
            }
        }
    }

    mutating func look(at part: SharedColumnScan.Part, _ batch: RecordBatch) {
        let (reader, ahead) = (reader, ahead)
        func isThere(_ path: IOPath) -> Bool { part.hasNumber(at: path, reader, ahead) }
        for field in batch.fields {
            switch field.values {
            case .none: break
            case .scalar(let leaf):
                if ElementType(leaf.elements).isNumber {
                    look(for: [nil], of: field.name, isThere: isThere)
                }
            case .fixedList(let leaves):
                look(
                    for: leaves.indices.lazy.filter { ElementType(leaves[$0].elements).isNumber }
                        .map(Optional.some), of: field.name, isThere: isThere)
            case .list, .json:
                look(
                    for: LeafNumbers.elements(of: field, rows: part.rows, rowCount: part.rowCount),
                    of: field.name
                ) { _ in true }
            }
        }
    }
}

extension SharedColumnScan.Part {
    /// Whether a row that counts has a number at `path`, or damage hides it.
    fileprivate func hasNumber(at path: IOPath, _ reader: BlockReader, _ ahead: ReadAhead) -> Bool {
        var statistics = QueryStatistics()
        var sought = SoughtPath(path)
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: rows?.count ?? rowCount) { numbers in
            do throws(SegmentError) {
                return try read(
                    &sought, reader, ahead, groupBlockCount: 1, into: numbers, &statistics)
                    && numbers.contains { !$0.isNaN }
            } catch {
                return true
            }
        }
    }
}

extension ElementType {
    fileprivate var isNumber: Bool {
        switch self {
        case .float32, .float64, .int64: true
        default: false
        }
    }
}
