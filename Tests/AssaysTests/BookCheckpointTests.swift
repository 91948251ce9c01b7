// Invariant checked: the one at the head of AssayBook+Checkpoint.swift, over random events; and that bytes which
// are no checkpoint of the book are refused, whatever they are.

import Bytes
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Assays

struct BookCheckpointTests {
    /// Random events about four assays of each generation, and about some that are not there.
    private static func events(_ count: Int, _ random: inout SeededGenerator) throws -> [AssayEvent] {
        var events: [AssayEvent] = []
        var resultNumber = 0
        func id(_ random: inout SeededGenerator) -> AssayID { AssayID(.random(in: 1...10, using: &random)) }
        for number in 0..<count {
            let at = moment(Double(number))
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                let id = AssayID(.random(in: 1...4, using: &random))
                events.append(
                    .created(
                        AssayCreation(id: id, definition: try Requests.definition(), isActive: true, at: at)))
            case 1:
                let id = AssayID(.random(in: 5...8, using: &random))
                events.append(
                    .scheduled(
                        SeriesCreation(
                            id: id, uuid: "\(id)", definition: try SeriesRequests.definition(), at: at)))
            case 2:
                events.append(.activated(id(&random), isActive: .random(using: &random), at: at))
            case 3:
                events.append(
                    .thresholdsChanged(
                        ThresholdChange(
                            id: id(&random), thresholds: AssayThresholds(alert: Double(number)),
                            definitionRevision: .random(in: 1...5, using: &random), at: at)))
            default:
                var decision = DecisionListTests.plain(.random(in: 0...90, using: &random))
                decision.assayID = id(&random)
                // Some are folded already.
                resultNumber += [1, 1, 1, 7, -2].randomElement(using: &random)!
                decision.resultID = AssayResultID(max(1, resultNumber))
                decision.status = AssayStatus.allCases.randomElement(using: &random)!
                decision.revision = .random(in: 1...4, using: &random)
                decision.runAt = moment(Double(number / 5))
                events.append(.analysed(decision))
            }
        }
        return events
    }

    private static func book(_ events: some Sequence<AssayEvent>) -> AssayBook {
        var book = AssayBook()
        for event in events { book.apply(event) }
        return book
    }

    private static func written(_ book: AssayBook) -> [UInt8] {
        var writer = ByteWriter()
        book.writeDecided(into: &writer)
        return writer.bytes
    }

    private static func read(_ bytes: [UInt8], into book: AssayBook) throws -> AssayBook {
        var book = book
        try bytes.withUnsafeBytes { raw in
            var cursor = ByteCursor(raw)
            try book.readDecided(from: &cursor)
            #expect(cursor.remaining == 0)
        }
        return book
    }

    @Test("what was decided, put into the fold of all else, is the fold of everything", arguments: 1...20)
    func equal(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let events = try Self.events(900, &random)
        for cut in [0, 30, Int.random(in: 0...900, using: &random), 900] {
            let (before, after) = (events[..<cut], events[cut...])
            let whole = Self.book(before)
            var read = try Self.read(
                Self.written(whole), into: Self.book(before.filter { $0.decision == nil }))
            #expect(read == whole)
            // And it goes on as the other does.
            for event in after { read.apply(event) }
            #expect(read == Self.book(events))
        }
    }

    @Test("a last result number that leaves no next one is refused")
    func lastResult() throws {
        func bytes(_ number: Int) -> [UInt8] {
            var writer = ByteWriter()
            for count in [number, 0, 0] { writer.writeVarint(count) }
            return writer.bytes
        }
        let read = try Self.read(bytes(JSONField.integerMax), into: AssayBook())
        #expect(read.lastResultID.number == JSONField.integerMax)
        for number in [JSONField.integerMax + 1, .max] {
            #expect(throws: BytesError.self) { try Self.read(bytes(number), into: AssayBook()) }
        }
    }

    @Test("bytes that are no such checkpoint are refused, or make a book: none makes a reader trap")
    func damaged() throws {
        var random = SeededGenerator(seed: 5)
        let events = try Self.events(120, &random)
        let others = Self.book(events.filter { $0.decision == nil })
        let bytes = Self.written(Self.book(events))
        for place in bytes.indices {
            #expect(throws: BytesError.self) { try Self.read(Array(bytes[..<place]), into: others) }
            for mask: UInt8 in [1, 0x10, 0x1F, 0x80, 0xFF] {
                var damaged = bytes
                damaged[place] ^= mask
                var book = others
                damaged.withUnsafeBytes { raw in
                    var cursor = ByteCursor(raw)
                    do throws(BytesError) { try book.readDecided(from: &cursor) } catch { return }
                    // Whatever it is, it can be looked at.
                    for assay in book.list() {
                        _ = (assay.revisions(startingIn: .always), assay.nextRun(by: .latestNamed))
                    }
                }
            }
        }
        #expect(throws: BytesError.self) { try Self.read(bytes, into: AssayBook()) }
    }
}
