// A decision's document as this version writes it, read straight from its bytes: a log has one for each
// window of each assay, and an opening reads them all.
//
// Members are taken in the order in which `AssayDecision.json` has them, without a space, an escape or
// anything more. A document that is not just so is not refused here but left to the general reader, which
// stays the authority: it knows the members by name, and what to say of a wrong one.
//
// Invariants:
//  * What is read here, the general reader reads alike.
//  * Every decision that this version writes is read here, unless a number has more than 18 digits or a
//    moment no text.

import JSON
import Records

extension AssayDecision {
    /// The decision of a document of this version, or nil: then the general reader is to be asked.
    package init?(written document: [UInt8]) {
        guard let decision = document.withUnsafeBytes({ WrittenDecisionReader($0).decision() }) else {
            return nil
        }
        self = decision
    }
}

extension AssayEvent {
    /// The decision that it is, if it is one.
    package var decision: AssayDecision? {
        if case .analysed(let decision) = self { decision } else { nil }
    }

    /// The event of a document.
    package init(document: [UInt8]) throws {
        if let decision = AssayDecision(written: document) {
            self = .analysed(decision)
        } else {
            self = try AssayEvent(JSONField(try JSONValue(parsing: document)))
        }
    }
}

private struct WrittenDecisionReader {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    consuming func decision() -> AssayDecision? {
        guard take("{\"kind\":\"window_analysed\",\"assay_id\":"), let assay = identifier(),
            take(",\"result_id\":"), let result = identifier(),
            take(",\"window_start_microseconds\":"), let start = integer(),
            take(",\"window_end_microseconds\":"), let end = integer(), start < end,
            take(",\"revision\":"), let revision = identifier(),
            take(",\"definition_revision\":"), let definitionRevision = identifier(),
            take(",\"reason\":\""), let reason = word(Self.reasons),
            take(",\"status\":\""), let status = word(Self.statuses),
            take(",\"cut\":"), let cut = integer(), cut >= 0,
            take(",\"engine_version\":"), let engineVersion = integer(),
            take(",\"digest\":\""), let digest = digest(),
            take("\",\"run_at\":\""), let runAt = moment(),
            take("\",\"analyzed_at\":\""), let analysedAt = moment(),
            take("\",\"elapsed_millis\":"), let elapsed = integer(),
            (0...AssayDecision.elapsedMillisecondsMax).contains(elapsed)
        else { return nil }
        var examinedCut = cut
        if take(",\"examined_cut\":") {
            guard let number = integer(), (0...cut).contains(number) else { return nil }
            examinedCut = number
        }
        guard take("}"), place == bytes.count else { return nil }
        return AssayDecision(
            assayID: AssayID(assay), resultID: AssayResultID(result),
            window: TimeWindow(
                start: Timestamp(microseconds: Int64(start)), end: Timestamp(microseconds: Int64(end))),
            revision: revision, definitionRevision: definitionRevision, reason: reason, status: status,
            cut: CommitNumber(cut), examinedCut: CommitNumber(examinedCut), engineVersion: engineVersion,
            digest: digest,
            runAt: runAt, analysedAt: analysedAt, elapsedMilliseconds: elapsed)
    }

    /// Steps behind `literal`, where it stands here.
    private mutating func take(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard bytes.count - place >= count else { return false }
        for index in 0..<count where bytes[place + index] != literal.utf8Start[index] { return false }
        place += count
        return true
    }

    /// A whole number as it is written: no needless zero, and at most 18 digits, which always fit.
    private mutating func integer() -> Int? {
        let isNegative = take("-")
        let first = place
        var value = 0
        while place < bytes.count, case let digit = bytes[place] &- UInt8(ascii: "0"), digit < 10 {
            guard place - first < 18 else { return nil }
            value = value * 10 + Int(digit)
            place += 1
        }
        guard place > first, bytes[first] != UInt8(ascii: "0") || (place == first + 1 && !isNegative)
        else { return nil }
        return isNegative ? -value : value
    }

    /// A number that counts from 1.
    private mutating func identifier() -> Int? {
        guard let number = integer(), (1...JSONField.integerMax).contains(number) else { return nil }
        return number
    }

    /// One of some words, and the quote behind it.
    private mutating func word<Word>(_ words: [(text: StaticString, word: Word)]) -> Word? {
        for (text, word) in words where take(text) { return word }
        return nil
    }

    private mutating func digest() -> ResultDigest? {
        guard bytes.count - place >= 64 else { return nil }
        defer { place += 64 }
        return ResultDigest(hexUTF8: UnsafeRawBufferPointer(rebasing: bytes[place..<place + 64]))
    }

    /// A moment as `zuluText` prints it.
    private mutating func moment() -> Timestamp? {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
        guard let (moment, byteCount) = Timestamp.leadingZulu(rest) else { return nil }
        place += byteCount
        return moment
    }

    private static let reasons: [(text: StaticString, word: DecisionReason)] = [
        ("complete\"", .complete), ("backfill\"", .backfill), ("late\"", .late),
        ("definition\"", .definition), ("engine\"", .engine),
    ]

    private static let statuses: [(text: StaticString, word: AssayStatus)] = [
        ("Ok\"", .ok), ("Warning\"", .warning), ("Alert\"", .alert), ("BaselineRun\"", .baselineRun),
        ("NoData\"", .noData), ("NoScore\"", .noScore),
    ]
}
