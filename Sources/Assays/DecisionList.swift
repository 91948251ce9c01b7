// The decisions about an assay, packed: some fifty bytes each, of which thirty-two are the digest. Ten
// thousand assays that look at every hour make seven million decisions a month.
//
//     full chunks of 64, each packed into bytes, and one that grows at its end
//
// A decision is packed as what sets it off from the one before it: windows follow each other, numbers and
// commits rise a little, what was run together began together. The first of a chunk starts from nothing, so
// that any can be reached without those before its chunk. In memory a list is read back by the process that
// packed it, and is not doubted. A checkpoint of the book (AssayBook+Checkpoint.swift) holds the chunks as they
// are: there they are doubted, and its version rises when the packing changes.
//
// Invariants:
//  * It is a list: what was appended, inserted or put in another's place is given back as it was.
//  * All decisions are about one assay.
//  * A copy does not change, and shares all chunks but those that were changed since: deciding a window,
//    while somebody holds a view, costs one chunk, however long the history is.

import Bytes
import JSON
import Records

/// The decisions about one assay as a list, in the order in which it was filled; a copy shares its chunks.
package struct DecisionList: Sendable {
    private let assayID: AssayID
    private var chunks: [Chunk] = []
    /// The last of all: the next is packed after it, and most questions are about it.
    package private(set) var last: AssayDecision?

    private static let chunkCount = 64

    private struct Chunk: Sendable {
        /// Where its first decision stands in the list.
        var first: Int
        var count: Int
        var bytes: [UInt8]
    }

    init(of assayID: AssayID) { self.assayID = assayID }

    // MARK: In a checkpoint

    /// Writes how many chunks there are; of each, how many decisions and bytes it has, and these.
    func write(into writer: inout ByteWriter) {
        writer.writeVarint(chunks.count)
        for chunk in chunks {
            writer.writeVarint(chunk.count)
            writer.writeVarint(chunk.bytes.count)
            writer.write(chunk.bytes)
        }
    }

    /// Reads what `write` wrote, doubting all of it.
    ///
    /// - Parameter ascends: whether windows must start one after another.
    init(
        of assayID: AssayID, ascends: Bool, from cursor: inout ByteCursor
    ) throws(BytesError) {
        self.assayID = assayID
        let chunkCount = try cursor.readCount(limit: cursor.remaining)
        var first = 0
        for _ in 0..<chunkCount {
            let place = cursor.offset
            let count = try cursor.readCount(limit: Self.chunkCount)
            let bytes = try cursor.readBytes(try cursor.readCount(limit: cursor.remaining))
            guard count > 0 else { throw .malformed(offset: place, reason: "a chunk without a decision") }
            var unpacker = DecisionUnpacker(bytes, after: .blank(assayID))
            for _ in 0..<count {
                let decision = try unpacker.read()
                guard decision.isPossible else {
                    throw .malformed(offset: place, reason: "a decision that no log holds")
                }
                if ascends, let last, last.window.start >= decision.window.start {
                    throw .malformed(offset: place, reason: "its windows do not rise")
                }
                last = decision
            }
            guard unpacker.isAtEnd else { throw .malformed(offset: place, reason: "bytes behind a chunk") }
            chunks.append(Chunk(first: first, count: count, bytes: Array(bytes)))
            first += count
        }
    }

    mutating func append(_ decision: AssayDecision) {
        precondition(decision.assayID == assayID, "A list is about one assay.")
        // Not the chunk itself: held here, it would be copied to grow.
        let openCount = chunks.last?.count ?? Self.chunkCount
        if openCount < Self.chunkCount, let last {
            var packer = DecisionPacker(after: last)
            packer.append(decision)
            let open = chunks.count - 1
            chunks[open].bytes += packer.writer.bytes
            chunks[open].count += 1
            // One that will not grow any more keeps no room for it.
            if openCount + 1 == Self.chunkCount { chunks[open].bytes = chunks[open].bytes.exact }
        } else {
            chunks.append(chunk([decision], at: count))
        }
        last = decision
    }

    mutating func insert(_ decision: AssayDecision, at position: Int) {
        guard position < count else { return append(decision) }
        change(at: position) { $0.insert(decision, at: $1) }
    }

    mutating func replace(at position: Int, with decision: AssayDecision) {
        change(at: position) { $0[$1] = decision }
    }

    private mutating func change(at position: Int, _ body: (inout [AssayDecision], Int) -> Void) {
        let number = chunkNumber(of: position)
        let first = chunks[number].first
        var decisions = unpacked(chunks[number])
        body(&decisions, position - first)
        precondition(decisions.allSatisfy { $0.assayID == assayID }, "A list is about one assay.")
        let middle = decisions.count > Self.chunkCount ? decisions.count / 2 : decisions.count
        var changed = [chunk(decisions[..<middle], at: first)]
        if middle < decisions.count { changed.append(chunk(decisions[middle...], at: first + middle)) }
        chunks.replaceSubrange(number...number, with: changed)
        for next in chunks.indices.dropFirst(number + 1) {
            chunks[next].first = chunks[next - 1].first + chunks[next - 1].count
        }
        last = self[count - 1]
    }

    private func chunk(_ decisions: some Collection<AssayDecision>, at first: Int) -> Chunk {
        var packer = DecisionPacker(after: .blank(assayID))
        for decision in decisions { packer.append(decision) }
        return Chunk(
            first: first, count: decisions.count, bytes: packer.writer.bytes.exact)
    }

    private func unpacked(_ chunk: Chunk) -> [AssayDecision] { unpacked(chunk, chunk.count) }

    private func unpacked(_ chunk: Chunk, _ count: Int) -> [AssayDecision] {
        chunk.bytes.withUnsafeBytes { bytes in
            var unpacker = DecisionUnpacker(bytes, after: .blank(assayID))
            return (0..<count).map { _ in unpacker.next() }
        }
    }

    private func chunkNumber(of position: Int) -> Int {
        chunks.partitionPoint { $0.first > position } - 1
    }

    /// The first position whose decision is not `before`, where those that are come first.
    func firstPosition(whereNot before: (AssayDecision) -> Bool) -> Int {
        // Windows are mostly analysed in order, so most questions are about the end.
        guard let last, !before(last) else { return count }
        let number = Swift.max(1, chunks.partitionPoint { !before(self[$0.first]) }) - 1
        let decisions = unpacked(chunks[number])
        return chunks[number].first + decisions.partitionPoint { !before($0) }
    }

    /// The one about the latest window that has ended at `moment`: windows are equally long, and ascend.
    package func last(endedAt moment: Timestamp) -> AssayDecision? {
        if let last, last.window.end <= moment { return last }
        let position = firstPosition { $0.window.end <= moment }
        return position > 0 ? self[position - 1] : nil
    }

    /// What all take in memory, about.
    package var byteCount: Int {
        chunks.reduce(MemoryLayout<DecisionList>.stride) {
            $0 + $1.bytes.capacity + 32 + MemoryLayout<Chunk>.stride
        }
    }
}

extension DecisionList: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { chunks.last.map { $0.first + $0.count } ?? 0 }

    /// Costs what stands before it in its chunk.
    package subscript(position: Int) -> AssayDecision {
        precondition(position >= 0 && position < count, "There is a decision at each position.")
        let chunk = chunks[chunkNumber(of: position)]
        return chunk.bytes.withUnsafeBytes { bytes in
            var unpacker = DecisionUnpacker(bytes, after: .blank(assayID))
            for _ in chunk.first..<position { _ = unpacker.next() }
            return unpacker.next()
        }
    }

    /// Unpacks a chunk at a time, which is what makes a loop cheaper than as many subscripts.
    package struct Iterator: IteratorProtocol {
        fileprivate let list: DecisionList
        fileprivate var number = 0
        fileprivate var decisions: [AssayDecision] = []
        fileprivate var position = 0

        package mutating func next() -> AssayDecision? {
            if position == decisions.count {
                guard number < list.chunks.count else { return nil }
                decisions = list.unpacked(list.chunks[number])
                number += 1
                position = 0
            }
            defer { position += 1 }
            return decisions[position]
        }
    }

    package func makeIterator() -> Iterator { Iterator(list: self) }

    /// The decisions at some positions, each chunk unpacked once.
    package func decisions(_ positions: Range<Int>) -> [AssayDecision] {
        guard !positions.isEmpty else { return [] }
        var found: [AssayDecision] = []
        found.reserveCapacity(positions.count)
        for number in chunkNumber(of: positions.lowerBound)...chunkNumber(of: positions.upperBound - 1) {
            let chunk = chunks[number]
            let wanted = positions.clamped(to: chunk.first..<chunk.first + chunk.count)
            found += unpacked(chunk, wanted.upperBound - chunk.first).dropFirst(
                wanted.lowerBound - chunk.first)
        }
        return found
    }
}

/// Lists are equal where their decisions are, however they came to stand in chunks.
extension DecisionList: Hashable {
    package static func == (one: DecisionList, other: DecisionList) -> Bool {
        one.count == other.count && one.last == other.last && one.elementsEqual(other)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        hasher.combine(last)
    }
}

extension [UInt8] {
    /// The same, without room to grow.
    fileprivate var exact: [UInt8] { withUnsafeBufferPointer { Array($0) } }
}

// MARK: One decision after another

extension AssayDecision {
    /// Whether a document could say it: what is counted on from it cannot overflow.
    fileprivate var isPossible: Bool {
        let numbers = 1...JSONField.integerMax
        return numbers.contains(resultID.number) && numbers.contains(revision)
            && numbers.contains(definitionRevision) && examinedCut <= cut && window.start < window.end
            && (0...Self.elapsedMillisecondsMax).contains(elapsedMilliseconds)
    }

    /// What the first of a chunk is set off from.
    fileprivate static func blank(_ id: AssayID) -> AssayDecision {
        let start = Timestamp(microseconds: 0)
        return AssayDecision(
            assayID: id, resultID: AssayResultID(0), window: TimeWindow(start: start, end: start),
            revision: 1, definitionRevision: 1, reason: .complete, status: .ok, cut: 0, examinedCut: 0,
            engineVersion: 1, digest: ResultDigest(words: .zero), runAt: start, analysedAt: start,
            elapsedMilliseconds: 0)
    }
}

/// The first byte of a packed decision: reason and status, and what needs no bytes of its own.
private enum DecisionHead {
    /// Five bits hold reason and status; the others say what is as before.
    static let followsWindow: UInt8 = 0x20
    static let sameRevisions: UInt8 = 0x40
    static let sameRun: UInt8 = 0x80

    static func code(_ reason: DecisionReason, _ status: AssayStatus) -> UInt8 {
        guard let one = DecisionReason.allCases.firstIndex(of: reason),
            let other = AssayStatus.allCases.firstIndex(of: status)
        else { preconditionFailure("A case is among all cases.") }
        let code = one * AssayStatus.allCases.count + other
        precondition(code < 0x20, "Reason and status fit five bits.")
        return UInt8(code)
    }

    /// Whether a first byte tells a reason and a status.
    static func isKnown(_ code: UInt8) -> Bool {
        Int(code & 0x1F) < DecisionReason.allCases.count * AssayStatus.allCases.count
    }

    static func reason(_ code: UInt8) -> DecisionReason {
        DecisionReason.allCases[Int(code & 0x1F) / AssayStatus.allCases.count]
    }

    static func status(_ code: UInt8) -> AssayStatus {
        AssayStatus.allCases[Int(code & 0x1F) % AssayStatus.allCases.count]
    }
}

private struct DecisionPacker {
    var writer = ByteWriter()
    private var last: AssayDecision

    init(after last: AssayDecision) { self.last = last }

    mutating func append(_ decision: AssayDecision) {
        let (window, before) = (decision.window, last.window)
        let follows = window.start == before.end && window.span == before.span
        let sameRevisions =
            decision.revision == last.revision && decision.definitionRevision == last.definitionRevision
            && decision.engineVersion == last.engineVersion
        let sameRun = decision.runAt == last.runAt
        writer.write(
            DecisionHead.code(decision.reason, decision.status)
                | (follows ? DecisionHead.followsWindow : 0)
                | (sameRevisions ? DecisionHead.sameRevisions : 0)
                | (sameRun ? DecisionHead.sameRun : 0))
        // Whatever the numbers are, distances wrap back to them.
        if !follows {
            writer.writeZigzag(window.start.microseconds &- before.end.microseconds)
            writer.writeZigzag(window.span &- before.span)
        }
        if !sameRevisions {
            writer.writeZigzag(Int64(decision.revision &- last.revision))
            writer.writeZigzag(Int64(decision.definitionRevision &- last.definitionRevision))
            writer.writeZigzag(Int64(decision.engineVersion &- last.engineVersion))
        }
        writer.writeZigzag(Int64(decision.resultID.number &- last.resultID.number))
        writer.writeZigzag(Int64(bitPattern: decision.cut &- last.cut))
        writer.writeVarint(decision.cut &- decision.examinedCut)
        // Windows are run soon after they end, each about as soon as the one before.
        if !sameRun {
            writer.writeZigzag(
                (decision.runAt.microseconds &- window.end.microseconds)
                    &- (last.runAt.microseconds &- before.end.microseconds))
        }
        writer.writeZigzag(decision.analysedAt.microseconds &- decision.runAt.microseconds)
        writer.writeZigzag(Int64(decision.elapsedMilliseconds))
        for index in 0..<4 { writer.write(decision.digest.words[index]) }
        last = decision
    }
}

/// Reads what `DecisionPacker` wrote: in this process, or where it is doubted.
private struct DecisionUnpacker {
    private var cursor: ByteCursor
    private var last: AssayDecision

    init(_ bytes: UnsafeRawBufferPointer, after last: AssayDecision) {
        cursor = ByteCursor(bytes)
        self.last = last
    }

    var isAtEnd: Bool { cursor.remaining == 0 }

    /// What was packed in this process: it is not doubted.
    mutating func next() -> AssayDecision {
        do throws(BytesError) { return try read() } catch {
            preconditionFailure("What was packed is read back: \(error)")
        }
    }

    mutating func read() throws(BytesError) -> AssayDecision {
        let head = try cursor.read(UInt8.self)
        guard DecisionHead.isKnown(head) else {
            throw .unknownCode(offset: cursor.offset - 1, kind: "a decision", found: UInt64(head & 0x1F))
        }
        var decision = last
        let before = last.window
        decision.reason = DecisionHead.reason(head)
        decision.status = DecisionHead.status(head)
        var (start, span) = (before.end.microseconds, before.span)
        if head & DecisionHead.followsWindow == 0 {
            start = start &+ (try cursor.readZigzag())
            span = span &+ (try cursor.readZigzag())
        }
        guard start <= start &+ span else {
            throw .malformed(offset: cursor.offset, reason: "a window ends before it starts")
        }
        decision.window = TimeWindow(
            start: Timestamp(microseconds: start), end: Timestamp(microseconds: start &+ span))
        if head & DecisionHead.sameRevisions == 0 {
            decision.revision = last.revision &+ Int(try cursor.readZigzag())
            decision.definitionRevision = last.definitionRevision &+ Int(try cursor.readZigzag())
            decision.engineVersion = last.engineVersion &+ Int(try cursor.readZigzag())
        }
        decision.resultID = AssayResultID(last.resultID.number &+ Int(try cursor.readZigzag()))
        decision.cut = last.cut &+ UInt64(bitPattern: try cursor.readZigzag())
        decision.examinedCut = decision.cut &- (try cursor.readVarint())
        if head & DecisionHead.sameRun == 0 {
            decision.runAt = Timestamp(
                microseconds: decision.window.end.microseconds &+ last.runAt.microseconds
                    &- before.end.microseconds &+ (try cursor.readZigzag()))
        }
        decision.analysedAt = Timestamp(
            microseconds: decision.runAt.microseconds &+ (try cursor.readZigzag()))
        decision.elapsedMilliseconds = Int(try cursor.readZigzag())
        var words = SIMD4<UInt64>()
        for index in 0..<4 { words[index] = try cursor.read(UInt64.self) }
        decision.digest = ResultDigest(words: words)
        last = decision
        return decision
    }
}

extension TimeWindow {
    /// Its length in microseconds; wraps where time is not counted any more.
    fileprivate var span: Int64 { end.microseconds &- start.microseconds }
}
