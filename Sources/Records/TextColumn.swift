// The texts of a column, in one run of UTF-8.
//
// Metadata is nearly always the same in many rows. So texts that are equal may lie in one place, and whoever has
// told once that they are hands that on: they are neither copied for each row nor compared again.
//
//     engine-1 engine-2      ┌──────── 0: 0 ..< 8
//     └──0───┘ └──1───┘      ├──────── 1: 0 ..< 8
//                            └──────── 2: 8 ..< 16
//
// Invariants:
//  * Each text lies whole in `bytes`; what lies there and is no text's is at most what all texts have together, or
//    a dictionary that was sent or stored with them.
//  * Columns of the same texts are equal, wherever these lie.

/// Texts by their positions, each a run of UTF-8.
package struct TextColumn: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Where each text begins; empty as long as each begins where the one before it ends.
    private var starts: [Int32] = []
    private var ends: [Int32] = []
    /// Bytes of all texts, also of those that lie in one place.
    package private(set) var byteCount = 0

    package init() {}

    /// Texts one after the other: `ends` ascend and the last is `bytes.count`.
    package init(bytes: [UInt8], ends: [Int32]) {
        precondition(Int(ends.last ?? 0) == bytes.count, "The last text ends where the bytes do.")
        self.bytes = bytes
        self.ends = ends
        byteCount = bytes.count
    }

    package init(_ texts: some Sequence<String>) {
        for text in texts { append(text) }
    }

    /// One text, so many times.
    package init(repeating text: String, count: Int) {
        let utf8 = Array(text.utf8)
        utf8.withUnsafeBytes { bytes in append(sharing: bytes, count: count) { _ in 0..<bytes.count } }
    }

    package var count: Int { ends.count }

    /// About what it takes in memory.
    package var memoryByteCount: Int { bytes.count + (starts.count + ends.count) * 4 }

    /// Whether each text begins where the one before it ends.
    package var liesInOrder: Bool { starts.isEmpty }

    /// Where the text of a position lies in `bytes`.
    @inline(__always)
    package func range(_ position: Int) -> Range<Int> {
        let end = Int(ends[position])
        guard starts.isEmpty else { return Int(starts[position])..<end }
        return (position == 0 ? 0 : Int(ends[position - 1]))..<end
    }

    /// Bytes of the texts of some positions.
    package func byteCount(of positions: Range<Int>) -> Int {
        guard liesInOrder, let last = positions.last else {
            return positions.reduce(0) { $0 + range($1).count }
        }
        return range(last).upperBound - range(positions.lowerBound).lowerBound
    }

    /// A copy, of which bytes that are not UTF-8 are repaired.
    package subscript(position: Int) -> String {
        String(decoding: bytes[range(position)], as: UTF8.self)
    }

    /// Lends the texts of some positions, one after the other in memory.
    package func withContiguousBytes<Result>(
        of positions: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        if liesInOrder {
            let start = positions.isEmpty ? 0 : range(positions.lowerBound).lowerBound
            return bytes.withUnsafeBytes {
                body(UnsafeRawBufferPointer(rebasing: $0[start..<start + byteCount(of: positions)]))
            }
        }
        var together: [UInt8] = []
        together.reserveCapacity(byteCount(of: positions))
        for position in positions { together.append(contentsOf: bytes[range(position)]) }
        return together.withUnsafeBytes(body)
    }
}

// MARK: More of them

// `RecordLimits.textByteCountMax` is the caller's to keep: 2 GiB in `bytes` would stop the process.
extension TextColumn {
    package mutating func reserveCapacity(_ count: Int, byteCount: Int = 0) {
        ends.reserveCapacity(count)
        if byteCount > 0 { bytes.reserveCapacity(byteCount) }
    }

    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a copy.
    package mutating func append(utf8 text: UnsafeRawBufferPointer) {
        let start = bytes.count
        bytes.append(contentsOf: text)
        noteAppended(from: start)
    }

    /// Appends a copy.
    package mutating func append(utf8 text: ArraySlice<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: text)
        noteAppended(from: start)
    }

    /// Appends texts that lie one after the other.
    ///
    /// - Parameter end: where each of `count` texts ends in `texts`; the last where that does.
    package mutating func append(
        _ texts: UnsafeRawBufferPointer.SubSequence, count: Int, endingAt end: (Int) -> Int
    ) {
        let start = bytes.count
        if !starts.isEmpty {
            for position in 0..<count {
                starts.append(Int32(start + (position == 0 ? 0 : end(position - 1))))
            }
        }
        bytes.append(contentsOf: texts)
        for position in 0..<count { ends.append(Int32(start + end(position))) }
        byteCount += texts.count
    }

    /// Appends empty texts.
    package mutating func append(emptyTexts count: Int) {
        if !starts.isEmpty { starts += repeatElement(Int32(bytes.count), count: count) }
        ends += repeatElement(Int32(bytes.count), count: count)
    }

    /// Appends bytes, and texts that lie among them.
    ///
    /// - Parameter place: where each of `count` texts lies in `shared`.
    package mutating func append(
        sharing shared: UnsafeRawBufferPointer, count: Int, at place: (Int) -> Range<Int>
    ) {
        if count == 0 { return }
        keepStarts()
        let start = bytes.count
        bytes.append(contentsOf: shared)
        for position in 0..<count {
            let place = place(position)
            append(placed: start + place.lowerBound..<start + place.upperBound)
        }
    }

    /// The same of places that lie in memory: where each text begins and ends in `shared`.
    package mutating func append(
        sharing shared: UnsafeRawBufferPointer, at places: UnsafeBufferPointer<SIMD2<Int32>>
    ) {
        if places.isEmpty { return }
        keepStarts()
        let shift = Int32(bytes.count)
        bytes.append(contentsOf: shared)
        for place in places {
            starts.append(shift + place.x)
            ends.append(shift + place.y)
            byteCount += Int(place.y - place.x)
        }
    }

    /// Appends all texts of another column, which lie as they did there.
    package mutating func append(contentsOf other: TextColumn) {
        if other.count == 0 { return }
        let start = Int32(bytes.count)
        if !liesInOrder || !other.liesInOrder {
            var other = other
            keepStarts()
            other.keepStarts()
            starts += other.starts.lazy.map { start + $0 }
        }
        ends += other.ends.lazy.map { start + $0 }
        bytes += other.bytes
        byteCount += other.byteCount
    }

    private mutating func append(placed place: Range<Int>) {
        starts.append(Int32(place.lowerBound))
        ends.append(Int32(place.upperBound))
        byteCount += place.count
    }

    /// The bytes from `start` on are one text.
    private mutating func noteAppended(from start: Int) {
        if !starts.isEmpty { starts.append(Int32(start)) }
        ends.append(Int32(bytes.count))
        byteCount += bytes.count - start
    }

    /// From here on a text may lie anywhere.
    private mutating func keepStarts() {
        if starts.isEmpty, !ends.isEmpty { starts = [0] + ends.dropLast() }
    }
}

// MARK: Some of them

extension TextColumn {
    /// The texts of a run of positions.
    func slice(_ positions: Range<Int>) -> TextColumn {
        guard let last = positions.last else { return TextColumn() }
        guard liesInOrder else { return selecting(Array(positions)) }
        let start = range(positions.lowerBound).lowerBound
        let shift = Int32(start)
        return TextColumn(
            bytes: Array(bytes[start..<range(last).upperBound]), ends: ends[positions].map { $0 - shift })
    }

    /// The texts of positions, in their order.
    func selecting(_ positions: [Int]) -> TextColumn {
        var found = TextColumn()
        let selected = positions.reduce(0) { $0 + range($1).count }
        // Where all bytes are no more than the texts have, they stay together; few texts do not keep many bytes.
        if !liesInOrder, bytes.count <= selected {
            bytes.withUnsafeBytes { bytes in
                found.append(sharing: bytes, count: positions.count) { range(positions[$0]) }
            }
            return found
        }
        found.reserveCapacity(positions.count, byteCount: selected)
        for position in positions { found.append(utf8: bytes[range(position)]) }
        return found
    }
}

extension TextColumn: Hashable {
    package static func == (left: TextColumn, right: TextColumn) -> Bool {
        guard left.count == right.count, left.byteCount == right.byteCount else { return false }
        if left.liesInOrder, right.liesInOrder { return left.ends == right.ends && left.bytes == right.bytes }
        return (0..<left.count).allSatisfy {
            left.bytes[left.range($0)].elementsEqual(right.bytes[right.range($0)])
        }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        for position in 0..<count { hasher.combine(bytes[range(position)]) }
    }
}
