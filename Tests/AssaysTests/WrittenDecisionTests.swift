// Invariants checked: the two at the head of WrittenDecision.swift. The general reader stands beside.

import JSON
import Records
import Simulation
import Testing

@testable import Assays

struct WrittenDecisionTests {
    private static func general(_ document: [UInt8]) -> AssayEvent? {
        try? AssayEvent(JSONField(try JSONValue(parsing: document)))
    }

    /// As the log may hold it: with numbers that every reader takes.
    private static func decision(_ number: Int, _ random: inout SeededGenerator) -> AssayDecision {
        var decision = DecisionListTests.decision(number, &random)
        func moment(_ random: inout SeededGenerator) -> Timestamp {
            let (first, last) = (Timestamp.earliestNamed.microseconds, Timestamp.latestNamed.microseconds)
            let microseconds = [
                first, last, .random(in: first...last, using: &random),
                .random(in: first / 1_000_000...last / 1_000_000, using: &random) * 1_000_000,
            ].randomElement(using: &random)!
            return Timestamp(microseconds: microseconds)
        }
        decision.resultID = AssayResultID(.random(in: 1...JSONField.integerMax, using: &random))
        let revisionMax = number.isMultiple(of: 2) ? 9 : JSONField.integerMax
        decision.revision = .random(in: 1...revisionMax, using: &random)
        decision.engineVersion = .random(in: 0...revisionMax, using: &random)
        decision.cut = .random(in: 0...(number.isMultiple(of: 3) ? 100 : 1 << 53), using: &random)
        decision.examinedCut =
            Bool.random(using: &random) ? decision.cut : .random(in: 0...decision.cut, using: &random)
        decision.runAt = moment(&random)
        decision.analysedAt = moment(&random)
        return decision
    }

    @Test("a decision is read from its bytes as from its tree", arguments: 1...5)
    func equal(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        var readCount = 0
        for number in 1...400 {
            let decision = Self.decision(number, &random)
            let document = Array(decision.json.text.utf8)
            let read = AssayDecision(written: document)
            if let read { #expect(read == decision) }
            #expect(Self.general(document) == .analysed(decision))
            // Windows where clocks were wrong have numbers that are left to the other.
            let digitCount = [decision.window.start, decision.window.end].map {
                String($0.microseconds.magnitude).count
            }.max()!
            #expect((read != nil) == (digitCount <= 18), "\(decision)")
            if read != nil { readCount += 1 }
        }
        #expect(readCount > 300)
    }

    @Test("a damaged document is read as its tree is, or by the tree alone", arguments: 1...3)
    func damaged(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let decision = Self.decision(seed, &random)
        let document = Array(decision.json.text.utf8)
        func agree(_ bytes: [UInt8]) {
            guard let read = AssayDecision(written: bytes) else { return }
            let general = Self.general(bytes)
            #expect(general == .analysed(read), "\(String(decoding: bytes, as: UTF8.self))")
        }
        for place in document.indices {
            var bytes = document
            for byte in Array("0159-+.,:\"{}\\ eZTazA".utf8) + [document[place] ^ 1, document[place] ^ 0x80] {
                bytes[place] = byte
                agree(bytes)
            }
            #expect(AssayDecision(written: Array(document[..<place])) == nil)
            bytes = document
            bytes.remove(at: place)
            agree(bytes)
            bytes = document
            bytes.insert(Array("0159-. \"".utf8).randomElement(using: &random)!, at: place)
            agree(bytes)
        }
        #expect(AssayDecision(written: document + [0x20]) == nil)
    }

    @Test("a decision that cannot be is left to the reader that says so")
    func impossible() throws {
        let document = DecisionListTests.plain(5).json.text
        #expect(AssayDecision(written: Array(document.utf8)) == DecisionListTests.plain(5))
        for (old, new) in [
            ("\"assay_id\":3", "\"assay_id\":0"), ("\"assay_id\":3", "\"assay_id\":03"),
            ("\"revision\":1", "\"revision\":-1"), ("\"cut\":2540", "\"cut\":-2540"),
            ("\"elapsed_millis\":0", "\"elapsed_millis\":-0"),
            ("\"elapsed_millis\":0", "\"elapsed_millis\":-1"),
            ("\"elapsed_millis\":0", "\"elapsed_millis\":2251799813685248"),
            ("1970-01-01T", "1970-02-29T"), ("1970-01-01T", "1970-13-01T"), ("1970-01-01T", "0000-01-01T"),
            ("\"Ok\"", "\"OK\""), ("window_analysed", "window_guessed"),
            ("\"window_start_microseconds\":18", "\"window_start_microseconds\":98"),
        ] {
            let changed = document.replacing(old, with: new)
            #expect(changed != document, "\(old) is in \(document)")
            #expect(AssayDecision(written: Array(changed.utf8)) == nil, "\(new)")
        }
    }
}
