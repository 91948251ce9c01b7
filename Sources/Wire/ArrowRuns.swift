// Elements of arrays into columns: where they lie, and the loops that move them.
//
// A column of a batch is made of one or more leaves. One number a row is one leaf; a list of k numbers
// a row is k leaves, or one where the lists differ in length. In Arrow the elements of a list lie row
// after row, so k leaves are a transposition: this file is the hot path of an append.
//
// Invariants:
//  * Runs cover `rowCount` rows of `width` elements each, in order; element j of row r comes out as
//    element r of leaf j.
//  * Where a run is of zeros and where an element is null the leaf holds a zero or an empty text.

import Records

/// Which elements of the arrays of a column, one array a batch, make its leaves.
struct ArrowRuns {
    struct Run {
        /// Which array, or -1: rows that have no value.
        var array: Int
        /// The first element of the first row; those of the next row follow at once.
        var start: Int
        var rowCount: Int
    }

    /// Elements a row: as many leaves are made.
    let width: Int
    private(set) var rowCount = 0
    private(set) var runs: [Run] = []

    init(width: Int) { self.width = width }

    /// Rows whose elements follow each other in `array` from `start` on.
    mutating func append(_ array: Int, start: Int, rows count: Int) {
        if count == 0 { return }
        rowCount += count
        if let last = runs.last, last.array == array, array < 0 || start == last.start + last.rowCount * width
        {
            runs[runs.count - 1].rowCount += count
        } else {
            runs.append(Run(array: array, start: start, rowCount: count))
        }
    }

    /// A row without a value.
    mutating func appendZero() { append(-1, start: 0, rows: 1) }
}

extension ArrowRuns {
    /// Rows moved at a time, so that what was read of them stays in the nearest cache for all leaves.
    private static let blockRowCount = 256

    /// Fixed-width elements, each made a value of the leaves.
    func values<Raw: FixedWidthInteger & BitwiseCopyable, Value>(
        _ arrays: [ArrowArray], _: Raw.Type, zero: Value, _ value: (Raw) -> Value
    ) -> [[Value]] {
        var leaves = (0..<width).map { _ in [Value](repeating: zero, count: rowCount) }
        let size = MemoryLayout<Raw>.size
        var row = 0
        for run in runs {
            guard run.array >= 0, width > 0, let base = arrays[run.array].values.baseAddress else {
                row += run.rowCount
                continue
            }
            for block in stride(from: 0, to: run.rowCount, by: Self.blockRowCount) {
                let count = min(Self.blockRowCount, run.rowCount - block)
                for leaf in 0..<width {
                    // Unsafe because the bounds of every access would cost more than the access: the
                    // array was checked to hold these elements, and the leaf has a place for each row.
                    var source = base + (run.start + block * width + leaf) * size
                    leaves[leaf].withUnsafeMutableBufferPointer { target in
                        for index in row + block..<row + block + count {
                            target[index] = value(Raw(littleEndian: source.loadUnaligned(as: Raw.self)))
                            source += width * size
                        }
                    }
                }
            }
            row += run.rowCount
        }
        zeroNulls(arrays, &leaves, zero)
        return leaves
    }

    func bools(_ arrays: [ArrowArray]) -> [[Bool]] {
        var leaves = (0..<width).map { _ in [Bool](repeating: false, count: rowCount) }
        var row = 0
        for run in runs {
            if run.array >= 0 {
                let bits = arrays[run.array].values
                for leaf in 0..<width {
                    for index in 0..<run.rowCount {
                        leaves[leaf][row + index] = ArrowArray.bit(bits, run.start + index * width + leaf)
                    }
                }
            }
            row += run.rowCount
        }
        zeroNulls(arrays, &leaves, false)
        return leaves
    }

    /// Texts; nil where those of a leaf are longer than a column may be.
    func texts(_ arrays: [ArrowArray]) -> [TextColumn]? {
        var leaves: [TextColumn] = []
        for leaf in 0..<width {
            var texts = TextColumn()
            texts.reserveCapacity(rowCount)
            for run in runs {
                guard run.array >= 0 else {
                    texts.append(emptyTexts: run.rowCount)
                    continue
                }
                guard append(run, leaf, of: arrays[run.array], to: &texts) else { return nil }
            }
            leaves.append(texts)
        }
        return leaves
    }

    /// Appends a run's texts; false where a column has no room for them.
    private func append(_ run: Run, _ leaf: Int, of array: ArrowArray, to texts: inout TextColumn) -> Bool {
        func place(_ row: Int) -> Range<Int> {
            let position = run.start + row * width + leaf
            return array.isNull(position) ? 0..<0 : array.elements(of: position)
        }
        let rows = run.start..<run.start + run.rowCount
        if width == 1, array.liesInDictionary {
            let places = array.places(of: rows)
            let byteCount = places.reduce(0) { $0 + Int($1.y - $1.x) }
            guard texts.byteCount + byteCount <= RecordLimits.textByteCountMax else { return false }
            // One that is longer than the texts may have many others.
            if array.values.count <= byteCount {
                texts.append(sharing: array.values, at: places)
                return true
            }
        } else if width == 1, array.nullCount == 0 {
            let whole = array.elements(of: rows)
            guard texts.byteCount + whole.count <= RecordLimits.textByteCountMax else { return false }
            texts.append(array.values[whole], count: rows.count) { row in
                array.elements(of: run.start + row).upperBound - whole.lowerBound
            }
            return true
        }
        for row in 0..<run.rowCount {
            let place = place(row)
            guard texts.byteCount + place.count <= RecordLimits.textByteCountMax else { return false }
            texts.append(utf8: UnsafeRawBufferPointer(rebasing: array.values[place]))
        }
        return true
    }

    /// The rows in which each leaf has a null, ascending.
    func nulls(_ arrays: [ArrowArray]) -> [[Int32]] {
        var leaves = [[Int32]](repeating: [], count: width)
        var row = 0
        for run in runs {
            if run.array >= 0 && arrays[run.array].nullCount > 0 {
                for index in 0..<run.rowCount {
                    for leaf in 0..<width where arrays[run.array].isNull(run.start + index * width + leaf) {
                        leaves[leaf].append(Int32(row + index))
                    }
                }
            }
            row += run.rowCount
        }
        return leaves
    }

    /// What stands under a null is anything; equal records make equal columns.
    private func zeroNulls<Value>(_ arrays: [ArrowArray], _ leaves: inout [[Value]], _ zero: Value) {
        guard arrays.contains(where: { $0.nullCount > 0 }) else { return }
        for (leaf, positions) in nulls(arrays).enumerated() {
            for position in positions { leaves[leaf][Int(position)] = zero }
        }
    }
}
